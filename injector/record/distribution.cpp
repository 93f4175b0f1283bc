#include "injector/record/distribution.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/quantile.h"
#include "injector/base/text.h"

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

Ns Distribution::at_rank(std::uint64_t rank) const {
  if (rank == 0 || rank > count_) return 0;
  sort();
  // From the top: most of what is asked for lies there.
  std::uint64_t above = count_ - rank;
  for (auto it = values_.rbegin(); it != values_.rend(); ++it) {
    if (above < it->second) return it->first;
    above -= it->second;
  }
  return values_.front().first;
}

Ns Distribution::quantile(unsigned per_mille) const { return at_rank(quantile_rank(count_, per_mille)); }

std::uint64_t Distribution::above(Ns limit) const {
  std::uint64_t n = 0;
  for (const auto& [value, count] : values_)
    if (value > limit) n += count;
  return n;
}

std::optional<Ns> Latencies::quantile(unsigned per_mille) const {
  const std::uint64_t rank = quantile_rank(count(), per_mille);
  if (rank == 0 || rank > ok.count()) return {};
  return ok.at_rank(rank);
}

double Latencies::failed_share() const {
  return count() == 0 ? 0 : static_cast<double>(lost) / static_cast<double>(count());
}

std::string quantile_text(std::optional<Ns> value) { return value ? short_duration(*value) : "never"; }

std::string quantile_text(const Latencies& latencies, unsigned per_mille) {
  if (latencies.count() == 0) return "-";
  const auto value = latencies.quantile(per_mille);
  return value ? short_duration(*value) : fmt::format("never ({} failed)", percent(latencies.failed_share()));
}

std::string figure_text(const plan::Conditions::Key& key, const Latencies& latencies) {
  const bool ok = key.of == plan::Conditions::Of::ok, failed = key.of == plan::Conditions::Of::failed;
  if (key.of == plan::Conditions::Of::turns && latencies.count() > 0 && !latencies.quantile(key.per_mille))
    return fmt::format("{} never ({} unanswered)", key.name, percent(latencies.failed_share()));
  if (!ok && !failed) return fmt::format("{} {}", key.name, quantile_text(latencies, key.per_mille));
  const Distribution& values = ok ? latencies.ok : latencies.failed;
  if (failed && latencies.lost > values.count()) return fmt::format("{}: not recorded", key.name);
  if (values.count() == 0) return fmt::format("{}: no request {}", key.name, ok ? "succeeded" : "failed");
  return fmt::format("{} {}", key.name, short_duration(values.quantile(key.per_mille)));
}

}  // namespace faultline::record
