// Frames in the order in which they are due; equal dues in the order in which they came. Deadlines nearly always come
// in ascending, so most frames just join the end of a list. One that is due before the list's last goes to a heap,
// whose entries are then all due before that last one: the earlier of the two heads is the next frame, and at equal
// dues the list's came first.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "injector/line/frame.h"

namespace faultline::line {

class Queue {
 public:
  void push(const Frame& frame);
  /// The next one due, or null. Valid until the next push() or pop().
  const Frame* front() const;
  /// Not on an empty queue.
  Frame pop();
  /// A frame that will be due soon, or null: for fetching it into the cache.
  const Frame* upcoming(std::size_t position) const { return position < list_.size() ? &list_[position] : nullptr; }

  std::size_t size() const { return list_.size() + heap_.size(); }
  bool empty() const { return list_.empty() && heap_.empty(); }

 private:
  struct Early {
    Frame frame;
    std::uint64_t order;
  };
  static bool later(const Early& a, const Early& b);
  bool early_is_next() const;

  std::deque<Frame> list_;
  std::vector<Early> heap_;
  std::uint64_t orders_ = 0;
};

}  // namespace faultline::line
