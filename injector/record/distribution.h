// A set of measured values and its quantiles. The quantile rule is the one definition for everything in summary.json.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "faults/units.h"

namespace faultline::record {

/// Values of nanoseconds, with how often each occurred (histograms give many at once).
class Distribution {
 public:
  void add(Ns value, std::uint64_t count = 1);
  std::uint64_t count() const { return count_; }
  /// The value that a share of (1000 - per_mille) / 1000 of all, rounded to whole values, lies above: p99 of 60
  /// requests lets one of them lie above (0.6, rounded), of 20 none. 0 when there are no values; 1000 is the largest.
  Ns quantile(unsigned per_mille) const;
  Ns max() const { return quantile(1000); }
  /// How many values lie above `limit`.
  std::uint64_t above(Ns limit) const;

 private:
  void sort() const;
  mutable std::vector<std::pair<Ns, std::uint64_t>> values_;
  mutable bool sorted_ = true;
  std::uint64_t count_ = 0;
};

/// How many of `count` values may lie above their quantile `per_mille`.
inline std::uint64_t allowed_above(std::uint64_t count, unsigned per_mille) {
  return (count * (1000 - per_mille) + 500) / 1000;
}

}  // namespace faultline::record
