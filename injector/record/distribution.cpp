#include "injector/record/distribution.h"

#include <algorithm>

namespace faultline::record {

void Distribution::add(Ns value, std::uint64_t count) {
  if (count == 0) return;
  sorted_ = sorted_ && (values_.empty() || values_.back().first <= value);
  values_.emplace_back(value, count);
  count_ += count;
}

void Distribution::sort() const {
  if (!sorted_) std::sort(values_.begin(), values_.end());
  sorted_ = true;
}

Ns Distribution::quantile(unsigned per_mille) const {
  if (values_.empty()) return 0;
  sort();
  // From the top: the first value that no more than the allowed number lies above. One value at least is kept below.
  std::uint64_t left = std::min(allowed_above(count_, per_mille), count_ - 1);
  for (auto it = values_.rbegin(); it != values_.rend(); ++it) {
    if (left < it->second) return it->first;
    left -= it->second;
  }
  return values_.front().first;
}

std::uint64_t Distribution::above(Ns limit) const {
  std::uint64_t n = 0;
  for (const auto& [value, count] : values_)
    if (value > limit) n += count;
  return n;
}

}  // namespace faultline::record
