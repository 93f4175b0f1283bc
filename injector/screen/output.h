// A descriptor that people watch, written without ever waiting for it: a terminal stopped with Ctrl-S or a full pipe
// must not hold up the run. It takes visible text alone (visible_text.h), as print() does. What cannot be written yet
// stays here, up to a limit.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "injector/base/visible_text.h"

namespace faultline::screen {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  void put(const Visible& text) {
    if (pending_.size() + text.bytes().size() <= kLimit) pending_ += text.bytes();
    pump(0);
  }
  /// Writes what the descriptor takes, waiting up to `timeout_ms` each time it takes nothing.
  void pump(int timeout_ms) {
    while (!pending_.empty()) {
      pollfd p{fd_, POLLOUT, 0};
      const int ready = ::poll(&p, 1, timeout_ms);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return;
      // 4096 (PIPE_BUF) at a time: that much a writable pipe takes without blocking
      const ssize_t n = ::write(fd_, pending_.data(), std::min<std::size_t>(pending_.size(), 4096));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0)
        pending_.clear();  // nobody is watching any more: no reason to end an experiment
      else
        pending_.erase(0, static_cast<std::size_t>(n));
    }
  }
  bool idle() const { return pending_.empty(); }

 private:
  static constexpr std::size_t kLimit = 1 << 20;
  int fd_;
  std::string pending_;
};

}  // namespace faultline::screen
