// What hypotheses and guards have in common: bounds on a probe's success and latencies.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "injector/plan/passes.h"

namespace faultline::plan {

std::span<const Conditions::Key> Conditions::keys() {
  static constexpr Key kKeys[] = {{"success", &Conditions::success, Of::share, 0},
                                  {"p50", &Conditions::p50, Of::all, 500},
                                  {"p90", &Conditions::p90, Of::all, 900},
                                  {"p99", &Conditions::p99, Of::all, 990},
                                  {"max", &Conditions::max, Of::all, 1000},
                                  {"ok.p50", &Conditions::ok_p50, Of::ok, 500},
                                  {"ok.p90", &Conditions::ok_p90, Of::ok, 900},
                                  {"ok.p99", &Conditions::ok_p99, Of::ok, 990},
                                  {"ok.max", &Conditions::ok_max, Of::ok, 1000},
                                  {"failed.p50", &Conditions::failed_p50, Of::failed, 500},
                                  {"failed.p90", &Conditions::failed_p90, Of::failed, 900},
                                  {"failed.p99", &Conditions::failed_p99, Of::failed, 990},
                                  {"failed.max", &Conditions::failed_max, Of::failed, 1000}};
  return kKeys;
}

bool Conditions::any() const {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return (this->*key.bound).has_value(); });
}

std::string Conditions::text() const {
  std::string text;
  for (const Key& key : keys())
    if (const auto& bound = this->*key.bound)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key.name, bound->text);
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
  std::map<std::string, std::optional<Table>, std::less<>> groups;  // "ok.p99" is the key "p99" of the table "ok"
  for (const auto& key : Conditions::keys()) {
    const std::string_view name = key.name;
    Table* owner = &table;
    std::string_view leaf = name;
    if (const auto dot = name.find('.'); dot != std::string_view::npos) {
      const std::string group(name.substr(0, dot));
      auto it = groups.find(group);
      if (it == groups.end())
        it = groups.emplace(group, table.table(group, fmt::format("{{ p99 = {} }}", latency))).first;
      if (!it->second) continue;
      owner = &*it->second;
      leaf = name.substr(dot + 1);
    }
    const Entry* entry = owner->take(leaf);
    if (!entry) continue;
    any = true;
    const bool is_share = key.of == Conditions::Of::share;
    conditions.*key.bound = owner->scalar(name, entry->value, is_share ? share : latency,
                                          is_share ? read_ratio_bound : read_duration_bound);
  }
  for (auto& [name, group] : groups)
    if (group) group->finish();
  return any;
}

}  // namespace faultline::plan
