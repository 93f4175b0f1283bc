#include "injector/pen/departures.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <array>
#include <utility>
#include <vector>

#include "injector/base/error.h"

namespace faultline::pen {
namespace {

constexpr std::uint64_t kBell = ~0ull;

void watch(int poll, int fd, std::uint64_t name) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = name;
  check("watch a socket", epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event));
}

}  // namespace

Departures::Departures(Tell tell) : tell_(std::move(tell)) {
  poll_ = Fd(static_cast<int>(check("make an epoll", epoll_create1(EPOLL_CLOEXEC))));
  bell_ = Fd(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
  watch(poll_.get(), bell_.get(), kBell);
}

Departures::~Departures() {
  thread_.request_stop();
  eventfd_write(bell_.get(), 1);
}

void Departures::start() {
  sigset_t all, before;  // the thread inherits the mask: a signal meant for the process never lands on it
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::jthread([this](const std::stop_token& done) { run(done); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Departures::listen(std::uint32_t seat, const NetNs& ns) {
  DeviceEvents events(ns);
  const MutexLock lock(mutex_);
  const auto [at, fresh] = events_.insert_or_assign(seat, std::move(events));
  watch(poll_.get(), at->second.fd(), seat);
}

void Departures::forget(std::uint32_t seat) {
  const MutexLock lock(mutex_);
  events_.erase(seat);  // closed, and with it out of the epoll
}

void Departures::run(const std::stop_token& done) {
  prctl(PR_SET_NAME, "fl-departures");
  std::array<epoll_event, 64> ready;
  while (!done.stop_requested()) {
    const int count = epoll_wait(poll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
    std::vector<std::pair<std::uint32_t, DeviceEvents::News>> heard;
    {
      const MutexLock lock(mutex_);
      for (int i = 0; i < count; i++) {
        const auto name = ready[static_cast<std::size_t>(i)].data.u64;
        const auto at = name == kBell ? events_.end() : events_.find(static_cast<std::uint32_t>(name));
        if (at != events_.end()) heard.emplace_back(at->first, at->second.read());
      }
    }
    for (const auto& [seat, news] : heard) tell_(seat, news);
  }
}

}  // namespace faultline::pen
