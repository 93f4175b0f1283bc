// How far chance alone can have moved a figure: the interval that covers the true value in 95 of 100 such runs, if
// requests are independent of one another. They seldom are (an outage fails many in a row), so that it is the least to
// be doubted, and not the most. The figure itself decides a hypothesis; this says how closely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "injector/record/distribution.h"

namespace faultline::record {

struct Interval {
  double low = 0, high = 1;
};

/// Of a share of `of` requests, `of` above 0: Wilson, 1927.
Interval share_interval(std::uint64_t count, std::uint64_t of);

/// Of a quantile of `of` values: the ranks of the values between which it lies, from the binomial distribution
/// (Conover, Practical Nonparametric Statistics). Absent where so few values have no limit on that side.
struct Ranks {
  std::optional<std::uint64_t> low, high;
};
Ranks quantile_ranks(std::uint64_t of, unsigned per_mille);

/// "success 95.2% to 99.6%"
std::string share_interval_text(const std::string& name, std::uint64_t count, std::uint64_t of);
/// "p99 280 ms to 410 ms", "p99 280 ms or more"; empty of the largest value, which has none.
std::string quantile_interval_text(const plan::Conditions::Key& key, const Latencies& latencies);

}  // namespace faultline::record
