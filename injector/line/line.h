// The line holds packets until they are due, in user space, behind a TAP. It decides nothing: each frame carries its
// due time and slot in the stamp that lies over its MAC addresses (faults/packet_abi.h), and goes back out exactly as
// it came in, save that consecutive due segments of one TCP flow are gathered into one TSO frame. One thread; its
// finished loops are the lease on which the selector lets packets into the pen at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faults/abi.h"
#include "injector/base/clock.h"
#include "injector/base/fd.h"

namespace faultline::line {

struct LineOptions {
  std::uint64_t byte_limit = 512ull << 20;  ///< of frames held; beyond it frames are discarded and counted
  unsigned batch = 8;                       ///< frames read before due ones are looked at again (more when none is due)
  bool merge = true;                        ///< gather split TCP segments (NEEDS_CSUM only) back into TSO frames
  Ns merge_within = 20 * kMicrosecond;      ///< deadlines this close may leave together, the later ones that much early
  Ns spin = 0;                              ///< busy-wait this long before a deadline
  bool high_priority = true;  ///< a real-time class; where that is not to be had nice -20 and a 100 µs slice
};

/// Wire packets that the line could not deliver, by why; each is charged to the slot it came with.
struct Losses {
  std::uint64_t full = 0;     ///< byte limit
  std::uint64_t overdue = 0;  ///< the line had been stopped (SIGSTOP, freezer, no CPU) beyond the lease: discarded
  std::uint64_t refused = 0;  ///< the TAP did not take it back
  std::uint64_t stamp = 0;    ///< not a frame of ours
};

struct Stats {
  std::uint64_t read = 0, written = 0;  ///< wire packets
  std::uint64_t frames_read = 0, frames_written = 0, bytes_read = 0;
  std::uint64_t merged = 0;  ///< segments that left inside a gathered frame
  std::uint64_t held = 0;    ///< wire packets; read = written + held + all losses
  std::uint64_t held_bytes = 0, held_max_bytes = 0;
  std::uint64_t write_errno = 0;     ///< of the last refusal
  std::uint64_t priority_errno = 0;  ///< why nice -20 was not granted; 0: it was, or was not asked for
  std::uint64_t wakeups = 0;
  Ns stalled = 0;  ///< the longest time between two loops
  Losses losses;
  /// While it was full (occupancy.h): how long, and what it carried then.
  Ns full_time = 0;
  std::uint64_t full_packets = 0, full_bytes = 0;
};

/// The thread stood still for longer than the lease. CLOCK_MONOTONIC.
struct Lapse {
  Ns from = 0, to = 0;
};

/// Wire packets that left more than 1 ms after they were due, and of these those that did because the line was full.
struct Late {
  std::uint64_t all = 0, full = 0;
};

class Line {
 public:
  /// `tap` is a non-blocking TAP with IFF_NO_PI|IFF_VNET_HDR and offloads set. `control` is the mapped control element:
  /// the line writes `beat`, and reads `stop`. When stop is set everything held leaves at once, in order.
  Line(Fd tap, fl_control* control, LineOptions options);
  ~Line();  ///< stops

  /// Starts the thread, once. Throws std::system_error if there can be none.
  void start();
  /// Lets what is held leave (in order, now), then ends the thread.
  void stop();
  Stats stats() const;                                ///< any thread, any time
  std::vector<std::uint64_t> losses_by_slot() const;  ///< FL_MAX_SLOTS entries, wire packets
  std::vector<Late> late_by_slot() const;             ///< FL_MAX_SLOTS entries
  std::vector<Lapse> take_lapses();                   ///< those since the last call
  /// The thread found that it had not run for longer than the lease. It beats no more, and so lets no packet in, until
  /// resume(): whoever watches decides whether this was a stop that ends the run.
  bool was_stopped() const;
  void resume();
  int thread_id() const;
  /// Why the thread ended on its own (the TAP was taken away, say); empty while all is well. What it held by then is
  /// counted as refused, and its beat is over.
  std::string failure() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::line
