// Whether the line is full. A packet leaves late for one of two reasons: the line's thread did not get the CPU, or it
// had it and could not do more. The second says nothing against this machine: it is what the line can carry. So the
// thread's time is looked at in windows: full is one in which it never waited for work, had at least half a CPU (or
// never left it: some kernels do not count as a thread's what it does for the network), and moved frames all through.
// Pure: the clocks are the caller's.
#pragma once

#include <cstdint>
#include <optional>

#include "injector/base/units.h"

namespace faultline::line {

class Occupancy {
 public:
  /// All since the beginning.
  struct Reading {
    Ns now = 0;
    Ns cpu = 0;                  ///< used by the thread
    Ns idle = 0;                 ///< it slept, for want of work
    std::uint64_t switches = 0;  ///< how often the thread left its CPU, of its own accord or not
    std::uint64_t frames = 0;    ///< written
    std::uint64_t packets = 0;   ///< the same in wire packets
    std::uint64_t bytes = 0;
  };
  /// What was carried while it was full.
  struct Full {
    Ns time = 0;
    std::uint64_t packets = 0, bytes = 0;
  };

  void begin(const Reading& reading) { last_ = reading; }
  /// Whether the window that ends here was a full one; nothing while it goes on.
  std::optional<bool> look(const Reading& reading);
  const Full& full() const { return full_; }

 private:
  Reading last_;
  Full full_;
};

}  // namespace faultline::line
