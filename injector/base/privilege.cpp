#include "injector/base/privilege.h"

#include <sys/stat.h>
#include <unistd.h>

namespace faultline {

bool in_user_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFD;  // PROC_USER_INIT_INO: the number that every kernel gives the first one
  struct stat status {};
  return stat("/proc/self/ns/user", &status) == 0 && status.st_ino != kFirst;
}

bool is_root() { return geteuid() == 0 && !in_user_namespace(); }

}  // namespace faultline
