// SIGINT, SIGTERM and SIGHUP as a descriptor: blocked for the whole process, read by the run's loop. Each heals. SIGCONT is
// heard too: it tells that the process had been stopped, and not merely been short of a CPU.
#pragma once

#include <optional>
#include <string>

#include "injector/base/clock.h"
#include "injector/base/fd.h"

namespace faultline::run {

class Signals {
 public:
  /// Blocks them in the calling thread and in those it will start; ignores SIGPIPE.
  Signals();
  int fd() const { return fd_.get(); }
  /// The name of one that asks us to end, if one has arrived.
  std::optional<std::string> take();
  /// Whether the process was continued after a stop a moment ago (2 s). Call take() first.
  bool was_continued() const { return continued_ != 0 && monotonic_now() - continued_ < 2 * kSecond; }

 private:
  Fd fd_;
  Ns continued_ = 0;  // when SIGCONT was read
};

}  // namespace faultline::run
