// The event loop of one probe's thread: an epoll set whose descriptors have callbacks, one absolute deadline with the
// precision of a timerfd, and a bell that other threads ring. Collecting events and dispatching them are two calls, so
// that a request that is due goes out before the answers of others are worked on.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <unordered_map>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"

namespace faultline::probe {

inline constexpr Ns kNever = std::numeric_limits<Ns>::max();

class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;

  EventLoop();

  /// Calls `callback` on the loop's thread when `fd` has any of `events` (EPOLLIN, …). The fd stays the caller's, who
  /// calls unwatch() before closing it.
  void watch(int fd, std::uint32_t events, Callback callback);
  void change(int fd, std::uint32_t events);  ///< for a watched fd
  void unwatch(int fd);                       ///< harmless for one that is not watched

  /// Waits until `deadline` (CLOCK_MONOTONIC; kNever: for ever), an event or the bell, and remembers the events.
  void collect(Ns deadline);
  /// Runs the callbacks of the collected events. A callback may watch and unwatch as it likes.
  void dispatch();
  /// Ends a collect() that is under way, or the next one. Thread-safe.
  void ring();

 private:
  struct Watcher {
    std::uint32_t generation;
    Callback callback;
  };
  void arm(Ns deadline);

  Fd epoll_, timer_, bell_;
  Ns armed_ = kNever;
  std::uint32_t generation_ = 0;
  std::unordered_map<int, Watcher> watchers_;
  std::vector<epoll_event> ready_;
  int collected_ = 0;
};

}  // namespace faultline::probe
