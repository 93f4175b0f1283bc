#include "injector/base/privilege.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace faultline {

bool in_user_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFD;  // PROC_USER_INIT_INO: the number that every kernel gives the first one
  struct stat status {};
  return stat("/proc/self/ns/user", &status) == 0 && status.st_ino != kFirst;
}

std::uint64_t effective_capabilities() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("CapEff:")) return std::stoull(line.substr(7), nullptr, 16);
  return 0;
}

bool is_root() { return geteuid() == 0 && !in_user_namespace(); }

}  // namespace faultline
