#include "injector/probe/loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>

#include "injector/base/error.h"

namespace faultline::probe {
namespace {

// A descriptor that is closed and opened again inside one batch has the same number; the generation tells an event of
// the old one from an event of the new one.
std::uint64_t tag(int fd, std::uint32_t generation) {
  return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
}

void drain(int fd) {
  std::uint64_t count;
  while (::read(fd, &count, sizeof count) > 0) {
  }
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(static_cast<int>(check("make an epoll set", epoll_create1(EPOLL_CLOEXEC)))),
      timer_(static_cast<int>(check("make a timer", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)))),
      bell_(static_cast<int>(check("make an eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))),
      ready_(256) {
  watch(timer_.get(), EPOLLIN, [this](std::uint32_t) {
    drain(timer_.get());
    armed_ = kNever;
  });
  watch(bell_.get(), EPOLLIN, [this](std::uint32_t) { drain(bell_.get()); });
}

void EventLoop::watch(int fd, std::uint32_t events, Callback callback) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, ++generation_);
  // A number that is still in the map may have been closed without unwatch(): the kernel has forgotten it then.
  const bool known = watchers_.contains(fd);
  if (!known || epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == -1)
    check("watch a descriptor", epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event));
  watchers_[fd] = Watcher{generation_, std::move(callback)};
}

void EventLoop::change(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, watchers_.at(fd).generation);
  check("watch a descriptor", epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event));
}

void EventLoop::unwatch(int fd) {
  if (watchers_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::arm(Ns deadline) {
  if (deadline == armed_) return;
  itimerspec when{};
  if (deadline != kNever) {
    const Ns at = std::max<Ns>(deadline, 1);  // all zero would disarm the timer; an instant in the past rings at once
    when.it_value.tv_sec = at / kSecond;
    when.it_value.tv_nsec = at % kSecond;
  }
  check("set a timer", timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr));
  armed_ = deadline;
}

void EventLoop::collect(Ns deadline) {
  const bool at_once = deadline != kNever && deadline <= monotonic_now();
  if (!at_once) arm(deadline);
  const int n = epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), at_once ? 0 : -1);
  if (n == -1 && errno != EINTR) check("wait for events", -1);
  collected_ = std::max(n, 0);
}

void EventLoop::dispatch() {
  for (int i = 0; i < collected_; ++i) {
    const epoll_event event = ready_[static_cast<std::size_t>(i)];
    const auto it = watchers_.find(static_cast<int>(event.data.u64 & 0xffffffffU));
    if (it == watchers_.end() || it->second.generation != event.data.u64 >> 32) continue;
    const Callback callback = it->second.callback;  // a copy: it may unwatch itself
    callback(event.events);
  }
  collected_ = 0;
}

void EventLoop::ring() {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the bell rings already.
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

}  // namespace faultline::probe
