#include "injector/run/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "injector/base/error.h"

namespace faultline::run {

Signals::Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGCONT}) {
    // Under nohup a hang-up is ignored, and must be: blocked, it would be delivered here all the same.
    struct sigaction had {};
    if (s == SIGHUP && sigaction(s, nullptr, &had) == 0 && had.sa_handler == SIG_IGN) continue;
    sigaddset(&set, s);
  }
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    throw std::system_error(error, std::generic_category(), "block signals");
  fd_ = Fd(static_cast<int>(check("watch signals", signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK))));
  signal(SIGPIPE, SIG_IGN);
}

std::optional<std::string> Signals::take() {
  signalfd_siginfo info{};
  while (read(fd_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGINT: return "SIGINT";
      case SIGTERM: return "SIGTERM";
      case SIGHUP: return "SIGHUP";
      default: continued_ = monotonic_now();
    }
  }
  return {};
}

}  // namespace faultline::run
