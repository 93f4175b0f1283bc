// A circuit breaker for one channel: greyed out after three payments in a row without an answer, offered again once
// three trial requests in a row came through, and then carefully: two payments at a time for the first five seconds.
#pragma once

#include <mutex>

#include "base/time.h"

namespace demo::payment {

class Breaker {
 public:
  /// Whether a payment may be sent now. Who is let in says how it ended, by ended().
  bool lets_in() {
    const std::lock_guard lock(mutex_);
    if (!offered_ || (clock::now() < careful_until_ && in_flight_ >= 2)) return false;
    in_flight_++;
    return true;
  }
  /// True if this greys the channel out.
  bool ended(bool answered) {
    const std::lock_guard lock(mutex_);
    in_flight_--;
    in_a_row_ = answered ? 0 : in_a_row_ + 1;
    if (!offered_ || in_a_row_ < 3) return false;
    offered_ = false;
    trials_ = 0;
    return true;
  }
  /// A trial request of one that is greyed out. True if this offers it again.
  bool tried(bool well) {
    const std::lock_guard lock(mutex_);
    trials_ = well ? trials_ + 1 : 0;
    if (offered_ || trials_ < 3) return false;
    offered_ = true;
    in_a_row_ = 0;
    careful_until_ = clock::now() + std::chrono::seconds(5);
    return true;
  }
  bool offered() {
    const std::lock_guard lock(mutex_);
    return offered_;
  }

 private:
  std::mutex mutex_;
  bool offered_ = true;
  int in_flight_ = 0, in_a_row_ = 0, trials_ = 0;
  clock::time_point careful_until_{};
};

}  // namespace demo::payment
