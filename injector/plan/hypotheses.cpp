// [[hypotheses]]: what is expected to hold, of which probe, in which phase.
#include <fmt/format.h>

#include <array>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

void read_hypothesis(const Node& node, std::size_t number, Draft& draft) {
  Table table(node, node.at, fmt::format("hypothesis {}", number), draft.issues);
  HypothesisDraft result;
  Hypothesis& hypothesis = result.hypothesis;
  hypothesis.at = node.at;
  result.name_at = node.at;
  if (auto name = table.text("name", "\"payments keep working\"")) {
    result.name_at = table.take("name")->value.at;
    if (check_name(draft.issues, result.name_at, "a hypothesis's name", *name, false)) hypothesis.name = *name;
  }
  table.require("probe", "\"pay\"");
  if (auto probe = table.text("probe", "\"pay\"")) result.probe = {*probe, table.take("probe")->value.at};
  hypothesis.probe = result.probe.text;
  if (auto during = table.text("during", "\"baseline\"")) result.during = {*during, table.take("during")->value.at};
  hypothesis.during = result.during.text;
  const std::array<std::pair<std::string_view, std::optional<Bound>*>, 4> percentiles{
      {{"p50", &hypothesis.p50}, {"p90", &hypothesis.p90}, {"p99", &hypothesis.p99}, {"max", &hypothesis.max}}};
  bool in_phase = table.has("success");
  hypothesis.success = table.scalar("success", "\">= 99%\"", read_ratio_bound);
  for (const auto& [key, bound] : percentiles) {
    in_phase |= table.has(key);
    *bound = table.scalar(key, "\"<= 250ms\"", read_duration_bound);
  }
  const bool recovers = table.has("recovers_within");
  hypothesis.recovers_within = table.scalar("recovers_within", "\"5s\"", read_duration);
  if (recovers) {
    result.recovers_at = table.take("recovers_within")->value.at;
    if (hypothesis.recovers_within && *hypothesis.recovers_within == 0) {
      draft.issues.error(result.recovers_at, "recovers_within: nothing recovers in no time", "write recovers_within = \"5s\"");
      hypothesis.recovers_within.reset();
    }
  }
  if (in_phase && !table.has("during")) table.require("during", "\"baseline\", \"recovery\" or the name of a fault");
  if (!in_phase && recovers && !result.during.text.empty()) {
    if (result.during.text != "recovery")
      draft.issues.error(result.during.at, "during: recovers_within looks at what follows the last fault", "remove \"during\", or add a condition for that phase");
    hypothesis.during.clear();
  }
  const std::size_t before = draft.issues.count();
  table.finish();
  if (!in_phase && !recovers && draft.issues.count() == before)
    draft.issues.error(node.at, fmt::format("hypothesis {} has no condition", number), "add one of success, p50, p90, p99, max, recovers_within");
  draft.hypotheses.push_back(std::move(result));
}

}  // namespace

void read_hypotheses(Table& top, Draft& draft) {
  const Entry* hypotheses = top.take("hypotheses");
  if (!hypotheses) return;
  if (hypotheses->value.type != Node::Type::array) {
    draft.issues.error(hypotheses->at, fmt::format("hypotheses: expected an array of tables, found {}", describe(hypotheses->value.type)),
                       "write [[hypotheses]], with two brackets");
    return;
  }
  std::size_t number = 0;
  for (const auto& item : hypotheses->value.items) {
    ++number;
    if (item.type == Node::Type::table)
      read_hypothesis(item, number, draft);
    else
      draft.issues.error(item.at, fmt::format("hypotheses: expected a table, found {}", describe(item.type)), "write [[hypotheses]], with two brackets");
  }
}

}  // namespace faultline::plan
