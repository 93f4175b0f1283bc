#include "injector/record/confidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"

namespace faultline::record {
namespace {

constexpr double kZ = 1.959964;  // 95 %, two-sided

/// The value with a rank; nothing where that is a failed request, which has none.
std::optional<Ns> value_at(const plan::Conditions::Key& key, const Latencies& latencies, std::uint64_t rank) {
  if (key.of == plan::Conditions::Of::failed) return latencies.failed.at_rank(rank);
  if (rank > latencies.ok.count()) return {};
  return latencies.ok.at_rank(rank);
}

std::uint64_t count_of(const plan::Conditions::Key& key, const Latencies& latencies) {
  switch (key.of) {
    case plan::Conditions::Of::ok:
      return latencies.ok.count();
    case plan::Conditions::Of::failed:
      return latencies.failed.count();
    default:
      return latencies.count();
  }
}

}  // namespace

Interval share_interval(std::uint64_t count, std::uint64_t of) {
  const auto n = static_cast<double>(of);
  const double p = static_cast<double>(count) / n, z2 = kZ * kZ;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  // At its ends the interval is exact: rounding must not leave out what was observed.
  return {count == 0 ? 0.0 : std::max(0.0, middle - half), count == of ? 1.0 : std::min(1.0, middle + half)};
}

Ranks quantile_ranks(std::uint64_t of, unsigned per_mille) {
  const auto n = static_cast<double>(of);
  const double q = per_mille / 1000.0, half = kZ * std::sqrt(n * q * (1 - q));
  const double low = std::floor(n * q - half), high = std::ceil(n * q + half) + 1;
  Ranks ranks;
  if (low >= 1) ranks.low = static_cast<std::uint64_t>(low);
  if (high <= n) ranks.high = static_cast<std::uint64_t>(high);
  return ranks;
}

std::string share_interval_text(const std::string& name, std::uint64_t count, std::uint64_t of) {
  if (of == 0) return "";
  const auto [low, high] = share_interval(count, of);
  return fmt::format("{} {} to {}", name, percent(low), percent(high));
}

std::string quantile_interval_text(const plan::Conditions::Key& key, const Latencies& latencies) {
  const std::uint64_t count = count_of(key, latencies);
  if (key.per_mille >= 1000 || count == 0) return "";
  const Ranks ranks = quantile_ranks(count, key.per_mille);
  const auto at = [&](const std::optional<std::uint64_t>& rank) {
    return rank ? value_at(key, latencies, *rank) : std::nullopt;
  };
  const std::optional<Ns> low = at(ranks.low), high = at(ranks.high);
  if (ranks.low && !low) return fmt::format("{} never", key.name);  // and what lies above that, neither
  if (!low && !high)
    return fmt::format("{}: too few {} to say", key.name, key.of_connections() ? "values" : "requests");
  if (!low) return fmt::format("{} at most {}", key.name, quantile_text(high));
  if (!high) return fmt::format("{} at least {}{}", key.name, quantile_text(low), ranks.high ? ", perhaps never" : "");
  if (*low == *high) return fmt::format("{} {}", key.name, quantile_text(low));
  return fmt::format("{} {} to {}", key.name, quantile_text(low), quantile_text(high));
}

}  // namespace faultline::record
