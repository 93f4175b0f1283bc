// value = "<= 100", value.p99 = "<= 100": bounds on numbers that answers hold.
#include "injector/plan/value_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// Histograms have no values: what a probe asks more often than this is recorded as such.
constexpr Ns kOftenest = 5 * kMillisecond;

const Probe* find_probe(const Draft& draft, const std::string& name) {
  for (const auto& one : draft.probes)
    if (one.probe.name == name) return &one.probe;
  return nullptr;
}

void check_probe_of(const Asking& asking, Draft& draft) {
  if (!asking.any_value()) return;
  if (asking.telemetry)
    draft.issues.error(asking.at, "value: is asked of the answers of a probe", "write probe = in place of telemetry =");
  const Probe* probe = find_probe(draft, asking.probe);
  if (probe == nullptr || probe->kind == nullptr || probe->kind->has_values(probe->params)) return;
  const bool can = probe->kind->find("value") != nullptr;
  draft.issues.error(
      asking.at, fmt::format("value: the answers of probe \"{}\" have none", asking.probe),
      can ? fmt::format("add value = \"number\" to [probes.{}], or where in its answer the number is", asking.probe)
          : "ask by exec, redis, postgresql or prometheus");
}

}  // namespace

std::span<const ValueBounds::ValueKey> ValueBounds::value_keys() {
  using Of = ValueKey::Of;
  static constexpr ValueKey kKeys[] = {{"value", &ValueBounds::value, Of::each},
                                       {"value.min", &ValueBounds::value_min, Of::quantile, 0},
                                       {"value.p50", &ValueBounds::value_p50, Of::quantile, 500},
                                       {"value.p90", &ValueBounds::value_p90, Of::quantile, 900},
                                       {"value.p95", &ValueBounds::value_p95, Of::quantile, 950},
                                       {"value.p99", &ValueBounds::value_p99, Of::quantile, 990},
                                       {"value.p999", &ValueBounds::value_p999, Of::quantile, 999},
                                       {"value.max", &ValueBounds::value_max, Of::quantile, 1000},
                                       {"value.last", &ValueBounds::value_last, Of::last}};
  return kKeys;
}

bool ValueBounds::any_value() const {
  const auto all = value_keys();
  return std::any_of(all.begin(), all.end(), [&](const ValueKey& key) { return (this->*key.bound).has_value(); });
}

std::string ValueBounds::values_text() const {
  std::string text;
  for (const auto& key : value_keys())
    if (const auto& bound = this->*key.bound)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key.name, bound->text);
  return text;
}

bool read_value_bounds(Table& table, ValueBounds& bounds) {
  constexpr std::string_view kExample = "\"<= 100\"";
  table.takes_text("value", kExample, pattern_of(read_value_bound));
  const Entry* entry = table.take("value");
  if (!entry && !table.is_described()) return false;
  const auto one = [&](Table& owner, const ValueBounds::ValueKey& key, const Node& value) {
    auto& bound = bounds.*key.bound;
    bound = owner.scalar(key.name, value, kExample, read_value_bound);
    if (bound && bound->op == Bound::Op::eq && key.of == ValueBounds::ValueKey::Of::quantile) {
      owner.issues().error(value.at, fmt::format("{}: one of many values is no exact number", key.name),
                           "write value = \"= 0\" if each of them has to be, or value.last");
      bound.reset();
    }
  };
  if (entry && entry->value.type != Node::Type::table) {
    one(table, ValueBounds::value_keys().front(), entry->value);
    return true;
  }
  std::optional<Table> group = table.table("value", "{ max = \"<= 100\" }");
  if (!group) return true;
  constexpr std::size_t kBefore = std::string_view("value.").size();
  for (const auto& key : ValueBounds::value_keys().subspan(1)) {
    const std::string_view leaf = std::string_view(key.name).substr(kBefore);
    group->takes_text(leaf, kExample, pattern_of(read_value_bound));
    if (const Entry* of = group->take(leaf)) one(*group, key, of->value);
  }
  group->finish();
  return true;
}

void check_values(Draft& draft) {
  for (const auto& given : draft.hypotheses) check_probe_of(given.hypothesis, draft);
  for (const auto& given : draft.guards) check_probe_of(given.guard, draft);
  for (const auto& [probe, from] : draft.probes)
    if (probe.kind != nullptr && probe.kind->has_values(probe.params) && probe.every < kOftenest)
      draft.issues.error(probe.at, fmt::format("probe \"{}\" reads a value more often than it is recorded", probe.name),
                         "ask every 5ms, or less often");
}

}  // namespace faultline::plan
