// How much is let in: as many a second as there is capacity for, a second's worth at once. Who is not is told so at
// once, while those who are in are served.
#pragma once

#include <algorithm>
#include <mutex>

#include "base/time.h"

namespace demo::payment {

class Admission {
 public:
  /// 0: everybody.
  explicit Admission(int per_second) : per_second_(per_second), tokens_(per_second) {}
  bool lets_in() {
    if (per_second_ == 0) return true;
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    tokens_ = std::min<double>(per_second_, tokens_ + std::chrono::duration<double>(now - last_).count() * per_second_);
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  std::mutex mutex_;
  double per_second_, tokens_;
  clock::time_point last_ = clock::now();
};

}  // namespace demo::payment
