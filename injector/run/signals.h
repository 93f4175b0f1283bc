// SIGINT, SIGTERM and SIGHUP as a descriptor: blocked for the whole process, read by the run's loop. Each heals.
#pragma once

#include <optional>
#include <string>

#include "injector/base/fd.h"

namespace faultline::run {

class Signals {
 public:
  /// Blocks them in the calling thread and in those it will start; ignores SIGPIPE.
  Signals();
  int fd() const { return fd_.get(); }
  /// The name of one that has arrived, if any.
  std::optional<std::string> take();

 private:
  Fd fd_;
};

}  // namespace faultline::run
