#include "injector/run/stops.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "injector/base/error.h"

namespace faultline::run {

using record::events::By;

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction had {};
    if (s == SIGHUP && sigaction(s, nullptr, &had) == 0 && had.sa_handler == SIG_IGN) continue;
    sigaddset(&set, s);
  }
  return set;
}

Stops::Stops() {
  sigset_t set = ending_signals();
  sigaddset(&set, SIGCONT);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    throw std::system_error(error, std::generic_category(), "block signals");
  signals_ = Fd(static_cast<int>(check("watch signals", signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK))));
  bell_ = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
  signal(SIGPIPE, SIG_IGN);
}

void Stops::ask(Stop stop) {
  const MutexLock lock(mutex_);
  if (!asked_) asked_ = std::move(stop);
  eventfd_write(bell_.get(), 1);
}

std::optional<Stop> Stops::take() {
  std::optional<Stop> stop = read_asked();
  if (!stop) stop = read_signal();
  if (stop && !taken_) taken_ = stop;
  return stop;
}

std::optional<Stop> Stops::await(Ns patience) {
  pollfd wish[] = {{signals_.get(), POLLIN, 0}, {bell_.get(), POLLIN, 0}};
  const timespec wait{static_cast<time_t>(patience / kSecond), static_cast<long>(patience % kSecond)};
  if (ppoll(wish, 2, &wait, nullptr) <= 0) return {};
  return take();
}

std::jthread Stops::listen(std::function<void()> act) {
  return std::jthread([this, act = std::move(act)](const std::stop_token& done) {
    while (!done.stop_requested())
      if (await(50 * kMillisecond)) return act();
  });
}

std::optional<Stop> Stops::read_asked() {
  const MutexLock lock(mutex_);
  eventfd_t rung;
  eventfd_read(bell_.get(), &rung);
  return std::exchange(asked_, {});
}

std::optional<Stop> Stops::read_signal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGINT:
        return Stop{By::signal, "SIGINT"};
      case SIGTERM:
        return Stop{By::signal, "SIGTERM"};
      case SIGHUP:
        return Stop{By::signal, "SIGHUP"};
      default:
        continued_ = monotonic_now();
    }
  }
  return {};
}

}  // namespace faultline::run
