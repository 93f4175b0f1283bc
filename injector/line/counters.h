// What the line counts. One thread writes, any may read at any time; so a count is a plain load and store that cannot
// tear, without the cost of a locked addition.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "faults/abi.h"
#include "injector/base/thread_safety.h"
#include "injector/line/line.h"

namespace faultline::line {

class Counter {
 public:
  void add(std::uint64_t n) { set(get() + n); }
  void subtract(std::uint64_t n) { set(get() - n); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void raise_to(std::uint64_t value) {
    if (value > get()) set(value);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

struct Counters {
  Counter read, written, frames_read, frames_written, bytes_read, merged;
  Counter held, held_bytes, held_max_bytes, write_errno, wakeups, stalled, priority_errno;
  Counter full, overdue, refused, stamp;
  Counter full_time, full_packets, full_bytes;
  struct Late {
    Counter all, full;
  };
  std::array<Counter, FL_MAX_SLOTS> lost_by_slot;
  std::array<Late, FL_MAX_SLOTS> late_by_slot;
  Mutex lapses_mutex;
  std::vector<Lapse> lapses FAULTLINE_GUARDED_BY(lapses_mutex);
  std::atomic<bool> was_stopped = false;
};

}  // namespace faultline::line
