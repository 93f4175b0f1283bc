// [[hypotheses]]: what is expected to hold, of which probe, in which phase.
#include <fmt/format.h>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

void read_hypothesis(const Node& node, std::size_t number, Draft& draft) {
  Table table(node, node.at, fmt::format("hypothesis {}", number), draft.issues);
  HypothesisDraft result;
  Hypothesis& hypothesis = result.hypothesis;
  hypothesis.at = node.at;
  result.name_at = node.at;
  if (auto name = table.word("name", "\"payments keep working\"")) {
    result.name_at = name->at;
    if (check_name(draft.issues, name->at, "a hypothesis's name", name->text, false)) hypothesis.name = name->text;
  }
  table.require("probe", "\"pay\"");
  result.probe = table.word("probe", "\"pay\"").value_or(Word{});
  hypothesis.probe = result.probe.text;
  result.during = table.word("during", "\"baseline\"").value_or(Word{});
  hypothesis.during = result.during.text;
  const bool in_phase = read_conditions(table, hypothesis, "\">= 99%\"", "\"<= 250ms\"");
  const bool recovers = table.has("recovers_within");
  hypothesis.recovers_within = table.scalar("recovers_within", "\"5s\"", read_duration);
  if (recovers) {
    result.recovers_at = table.take("recovers_within")->value.at;
    if (hypothesis.recovers_within && *hypothesis.recovers_within == 0) {
      draft.issues.error(result.recovers_at, "recovers_within: it must be longer than 0s",
                         "write recovers_within = \"5s\"");
      hypothesis.recovers_within.reset();
    }
  }
  if (in_phase && !table.has("during")) hypothesis.during = "run";
  if (!in_phase && recovers && !result.during.text.empty()) {
    if (result.during.text != "recovery")
      draft.issues.error(result.during.at, "during: recovers_within looks at what follows the last fault",
                         "remove \"during\", or add a condition for that phase");
    hypothesis.during.clear();
  }
  const std::size_t before = draft.issues.count();
  table.finish();
  if (!in_phase && !recovers && draft.issues.count() == before)
    draft.issues.error(node.at, fmt::format("hypothesis {} has no condition", number),
                       "add one of success, p50, p90, p99, max, ok.p99, failed.p99, recovers_within");
  draft.hypotheses.push_back(std::move(result));
}

}  // namespace

void read_hypotheses(Table& top, Draft& draft) {
  top.each_table("hypotheses", [&](const Node& node, std::size_t number) { read_hypothesis(node, number, draft); });
}

}  // namespace faultline::plan
