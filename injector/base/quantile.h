// The one rule for quantiles, wherever Faultline shows or judges one: of n values, the quantile q is the smallest that
// at least q * n of them do not exceed (the nearest rank). So "p99 <= 250ms" says: at least 99 % lie at 250 ms or
// below.
#pragma once

#include <algorithm>
#include <cstdint>

namespace faultline {

/// Which of `count` values in their order, from 1, is the quantile `per_mille`; 0 of none.
constexpr std::uint64_t quantile_rank(std::uint64_t count, unsigned per_mille) {
  if (count == 0) return 0;
  const std::uint64_t whole = count / 1000 * per_mille, rest = (count % 1000 * per_mille + 999) / 1000;
  return std::clamp<std::uint64_t>(whole + rest, 1, count);
}

}  // namespace faultline
