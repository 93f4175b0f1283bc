// The line's loop: read what the TAP has, write what is due, sleep until the next deadline or frame. It belongs to one
// thread; only its counters are shared. Time is looked at sparingly, and every look also tells whether the thread had
// been stopped in between.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "injector/base/realtime.h"
#include "injector/line/buffer_pool.h"
#include "injector/line/counters.h"
#include "injector/line/line.h"
#include "injector/line/occupancy.h"
#include "injector/line/queue.h"
#include "injector/line/tcp_merge.h"

namespace faultline::line {

class HoldLoop {
 public:
  HoldLoop(int tap, fl_control* control, const LineOptions& options, Counters& counters);

  /// Returns once `ending` is set and what was held is out. Throws std::system_error if the TAP is no longer usable.
  /// `urgent` is of this thread; null: it is as it is.
  void run(const std::atomic<bool>& ending, realtime::Urgent* urgent);
  /// Charges all that is still held as refused, for when run() threw.
  void abandon(int error);

 private:
  using Loss = Counter Counters::*;

  bool look();
  void discard_overdue();
  void read_frames();
  bool worth_reading_more(unsigned frames, std::uint64_t bytes) const;
  void accept(std::byte* bytes, std::uint32_t length, bool pooled);
  bool write_due();
  Frame take_front();
  void gather_followers(const Frame& first);
  void write_run();
  long write_pieces(std::span<const iovec> pieces);
  void sleep();
  void lose(Loss reason, unsigned slot, std::uint64_t packets);
  void lapse(Ns since);
  Occupancy::Reading reading(Ns cpu) const;
  void measure();
  void note_late(const Frame& frame);

  const int tap_;
  fl_control* const control_;
  const LineOptions options_;
  Counters& counters_;

  BufferPool pool_;
  Queue queue_;
  TcpGather gather_;
  std::vector<std::byte> scratch_;  // to read into what is then discarded
  std::array<Frame, TcpGather::kMostSegments> run_;
  std::size_t run_size_ = 0;

  realtime::Urgent* urgent_ = nullptr;
  Occupancy occupancy_;
  std::uint64_t bytes_written_ = 0;
  struct Late {
    unsigned slot;
    std::uint64_t packets;
  };
  std::vector<Late> late_;  // that left late in the window under way: it may turn out to be a full one
  Ns measured_ = 0, idle_before_ = 0, cpu_before_ = 0;
  Ns charged_ = 0;  // to its budget
  Ns idle_ = 0;     // slept for want of work

  Ns now_ = 0;      // of the last look
  Ns resumed_ = 0;  // frames due before this missed their time while the thread was stopped
  Ns trimmed_ = 0;
  Ns arrived_ = 0;        // when frames were last read
  bool steady_ = false;   // they come in steadily, and none of the last ones was due soon
  unsigned lane_ = 0;     // of the last frame: the next is likely to be like it
  bool train_ = false;    // the last frame read was a segment that could be gathered
  bool drained_ = false;  // the TAP had no more
  bool letting_go_ = false;
};

}  // namespace faultline::line
