#include "injector/record/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/quantile.h"
#include "injector/record/recording.h"

namespace faultline::record {

using plan::Bound;
using ValueKey = plan::ValueBounds::ValueKey;

namespace {

/// As short as it reads back equal.
std::string number(double value) { return fmt::format("{}", value); }

double quantile(std::vector<double>& sorted, unsigned per_mille) {
  return sorted[quantile_rank(sorted.size(), per_mille) - 1];
}

/// The value that decides: of a bound on each the one that is farthest off.
double deciding(const ValueKey& key, const Bound& bound, const std::vector<double>& values,
                std::vector<double>& sorted) {
  if (key.of == ValueKey::Of::last) return values.back();
  if (key.of == ValueKey::Of::quantile) return quantile(sorted, key.per_mille);
  if (bound.op == Bound::Op::eq) {
    const auto other = std::find_if(values.begin(), values.end(), [&](double one) { return one != bound.value; });
    return other == values.end() ? bound.value : *other;
  }
  return bound.is_upper() ? sorted.back() : sorted.front();
}

}  // namespace

std::vector<double> values_in(const ProbeRecord& probe, Ns start, Ns end) {
  std::vector<double> values;
  for (const Requests& one : due_in(probe, start, end))
    if (one.value) values.push_back(*one.value);
  return values;
}

std::vector<Finding> judge_values(const plan::ValueBounds& bounds, const std::vector<double>& values) {
  std::vector<Finding> findings;
  if (!bounds.any_value()) return findings;  // as of most probes, some of which have a million requests
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  for (const auto& key : plan::ValueBounds::value_keys()) {
    const auto& bound = bounds.*key.bound;
    if (!bound) continue;
    if (values.empty()) return {{false, "no value", fmt::format("{}: no answer held a number", key.name)}};
    const double value = deciding(key, *bound, values, sorted);
    findings.push_back({bound->holds(value), fmt::format("{} {}", key.name, number(value)), key.name});
  }
  return findings;
}

std::string observed_values(const plan::ValueBounds& bounds, const std::vector<double>& values) {
  std::string text;
  for (const auto& finding : judge_values(bounds, values)) text += (text.empty() ? "" : ", ") + finding.observed;
  return text;
}

ValueTally::ValueTally(const plan::ValueBounds& bounds) {
  for (const auto& key : plan::ValueBounds::value_keys())
    if (const auto& bound = bounds.*key.bound) counted_.push_back({key, *bound, 0});
}

void ValueTally::count(double value, std::int64_t by) {
  all_ += by;
  for (auto& one : counted_)
    if (one.bound.holds(value)) one.within += by;
}

bool ValueTally::holds() const {
  if (counted_.empty()) return true;
  if (all_ == 0) return false;
  return std::all_of(counted_.begin(), counted_.end(), [&](const Counted& one) {
    if (one.key.of == ValueKey::Of::last) return one.bound.holds(last_);
    if (one.key.of == ValueKey::Of::each) return one.within == all_;
    const auto rank = static_cast<std::int64_t>(quantile_rank(static_cast<std::uint64_t>(all_), one.key.per_mille));
    // At the rank or below it, of an upper bound; of a lower one, those that miss it are fewer than the rank.
    return one.bound.is_upper() ? one.within >= rank : all_ - one.within < rank;
  });
}

}  // namespace faultline::record
