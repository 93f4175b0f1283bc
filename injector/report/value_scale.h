// Where a tried value stands in a drawing of a margin: by its logarithm where all of them are above 0.
#pragma once

#include <algorithm>
#include <cmath>

namespace faultline::report {

class ValueScale {
 public:
  void add(double value) {
    low_ = any_ ? std::min(low_, value) : value;
    high_ = any_ ? std::max(high_, value) : value;
    any_ = true;
  }
  /// 0 for the least of what was added, 1 for the greatest; the middle where there is but one.
  double share(double value) const {
    const double span = place(high_) - place(low_);
    return span > 0 ? (place(value) - place(low_)) / span : 0.5;
  }

 private:
  double place(double value) const { return low_ > 0 ? std::log(value) : value; }
  bool any_ = false;
  double low_ = 0, high_ = 0;
};

}  // namespace faultline::report
