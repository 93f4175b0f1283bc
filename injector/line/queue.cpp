#include "injector/line/queue.h"

#include <algorithm>

namespace faultline::line {

bool Queue::later(const Early& a, const Early& b) {
  return a.frame.due != b.frame.due ? a.frame.due > b.frame.due : a.order > b.order;
}

bool Queue::early_is_next() const {
  return !heap_.empty() && (list_.empty() || heap_.front().frame.due < list_.front().due);
}

void Queue::push(const Frame& frame) {
  if (list_.empty() || frame.due >= list_.back().due) {
    list_.push_back(frame);
    return;
  }
  heap_.push_back({frame, orders_++});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

const Frame* Queue::front() const {
  if (early_is_next()) return &heap_.front().frame;
  return list_.empty() ? nullptr : &list_.front();
}

Frame Queue::pop() {
  if (!early_is_next()) {
    const Frame frame = list_.front();
    list_.pop_front();
    return frame;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  const Frame frame = heap_.back().frame;
  heap_.pop_back();
  return frame;
}

}  // namespace faultline::line
