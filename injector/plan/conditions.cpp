// What hypotheses and guards have in common: bounds on a probe's success and latencies.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"

namespace faultline::plan {

std::span<const Conditions::Key> Conditions::keys() {
  static constexpr Key kKeys[] = {{"success", &Conditions::success},
                                  {"p50", &Conditions::p50},
                                  {"p90", &Conditions::p90},
                                  {"p99", &Conditions::p99},
                                  {"max", &Conditions::max}};
  return kKeys;
}

bool Conditions::any() const {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return (this->*key.bound).has_value(); });
}

std::string Conditions::text() const {
  std::string text;
  for (const auto& [name, bound] : keys())
    if (this->*bound) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, (this->*bound)->text);
  return text;
}

std::string condition_text(const Guard& guard) {
  return fmt::format("{} for {}", guard.text(), format_duration(guard.window));
}

std::string condition_text(const Hypothesis& hypothesis) {
  std::string text = hypothesis.text();
  if (hypothesis.recovers_within)
    text += fmt::format("{}recovers within {}", text.empty() ? "" : ", ", format_duration(*hypothesis.recovers_within));
  return text;
}

bool read_conditions(Table& table, Conditions& conditions, std::string_view share, std::string_view latency) {
  bool any = false;
  for (const auto& [name, bound] : Conditions::keys()) {
    any |= table.has(name);
    const bool is_share = bound == &Conditions::success;
    conditions.*bound =
        table.scalar(name, is_share ? share : latency, is_share ? read_ratio_bound : read_duration_bound);
  }
  return any;
}

}  // namespace faultline::plan
