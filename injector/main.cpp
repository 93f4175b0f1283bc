#include <fcntl.h>
#include <unistd.h>

#include "injector/cli/app.h"

namespace {

/// Who starts us without standard input, output or errors would have us take sockets and signals for them.
void open_what_is_closed() {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) == -1)
      (void)!open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);  // the lowest that is free: this one
}

}  // namespace

int main(int argc, char** argv) {
  open_what_is_closed();
  return faultline::cli::main_of(argc, argv);
}
