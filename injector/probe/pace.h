// The pace of a load: a rate that holds, or one that changes over the probe's time in straight lines and steps. It
// tells beforehand when each request is due, whatever becomes of the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::probe {

/// A rate at an instant. Straight lines lead from one to the next; two at one instant are a jump.
struct RatePoint {
  Ns at = 0;              ///< since the probe's start; scaled, as it is part of the timeline
  double per_second = 0;  ///< never scaled
  bool operator==(const RatePoint&) const = default;
};

/// In order of `at`, the first at 0. The last one holds to the probe's end.
using Rate = std::vector<RatePoint>;

/// The most and the least that a plan may ask for, but for 0.
inline constexpr double kMostPerSecond = 100'000, kLeastPerSecond = 0.001;

double peak_of(const Rate& rate);
/// "500/s", "100/s at 0s, 2000/s at 10s".
std::string rate_text(const Rate& rate);

class Pace {
 public:
  /// `rate` has a point, and one of them is above 0.
  explicit Pace(const Rate& rate);
  /// When request n is due, since the probe's start: when as many have been due by the rate. kNever: the rate ends at 0
  /// before that.
  Ns at(std::uint64_t n) const;
  /// How many are due before `t`: exactly those n with at(n) < t.
  std::uint64_t before(Ns t) const;

 private:
  struct Stretch {
    Ns begin;
    double length;  ///< seconds; of the last infinite
    double done;    ///< requests before it
    double rate;    ///< at its beginning
    double slope;   ///< a second, by which it changes
    double requests() const;
  };
  std::vector<Stretch> stretches_;
};

}  // namespace faultline::probe
