// [[hypotheses]]: what is expected to hold, of which probe or whose connections, in which phase.
#include <fmt/format.h>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// A duration above 0 and where it stands; nothing where it is absent or wrong.
std::optional<Ns> read_length(Table& table, const char* key, SourcePlace& at, Draft& draft, bool timeline) {
  if (timeline)
    table.takes_timeline(key, "\"5s\"");
  else
    table.takes_text(key, "\"5s\"", pattern_of(read_duration));
  const Entry* entry = table.take(key);
  if (!entry) return {};
  at = entry->value.at;
  const auto value = timeline ? read_timeline(table, key, entry->value, draft.options)
                              : table.scalar(key, entry->value, "\"5s\"", read_duration);
  if (value && *value > kLongestWait) {
    draft.issues.error(at, fmt::format("{}: that is more than a year", key), fmt::format("write {} = \"5s\"", key));
    return {};
  }
  if (!value || *value > 0) return value;
  draft.issues.error(at, fmt::format("{}: it must be longer than 0s", key), fmt::format("write {} = \"5s\"", key));
  return {};
}

/// Which part of the phase is looked at, and whether the conditions may take their time to hold.
void read_window(Table& table, HypothesisDraft& draft_hypothesis, Draft& draft) {
  Hypothesis& hypothesis = draft_hypothesis.hypothesis;
  table.takes_timeline("after", "\"5s\"");
  if (const Entry* after = table.take("after")) {
    draft_hypothesis.after_at = after->value.at;
    hypothesis.after = read_timeline(table, "after", after->value, draft.options).value_or(0);
  }
  hypothesis.length = read_length(table, "for", draft_hypothesis.for_at, draft, true);
  hypothesis.eventually = read_length(table, "eventually", draft_hypothesis.eventually_at, draft, false);
  SourcePlace& stays_at = draft_hypothesis.stays_at;
  hypothesis.stays = read_length(table, "stays", stays_at, draft, false);
  if (!stays_at.line || draft_hypothesis.eventually_at.line) return;
  draft.issues.error(stays_at, "stays: says for how long the conditions hold once they do, and needs eventually",
                     "add eventually = \"5s\", or remove stays");
  hypothesis.stays.reset();
}

/// recovers_within has a window of its own.
void refuse_window(const HypothesisDraft& hypothesis, Issues& issues) {
  for (const auto& [at, key] : {std::pair{hypothesis.after_at, "after"},
                                {hypothesis.for_at, "for"},
                                {hypothesis.eventually_at, "eventually"},
                                {hypothesis.after_event.at, "after_event"}})
    if (at.line)
      issues.error(at, fmt::format("{}: recovers_within looks at what follows the last fault, as a whole", key),
                   fmt::format("remove \"{}\", or add a condition for it", key));
}

void read_hypothesis(const Node& node, std::size_t number, Draft& draft) {
  Table table(node, node.at, fmt::format("hypothesis {}", number), draft.issues);
  HypothesisDraft result;
  Hypothesis& hypothesis = result.hypothesis;
  hypothesis.at = node.at;
  read_name(table, hypothesis, result, "\"payments keep working\"", "a hypothesis's name");
  const bool connections = table.has("telemetry");
  const bool in_probes_place = read_detection(table, result);
  read_subject(table, hypothesis, result, !in_probes_place);
  result.during = table.word("during", "\"baseline\"").value_or(Word{});
  hypothesis.during = result.during.text;
  const bool of_values = read_value_bounds(table, hypothesis);
  const bool in_phase =
      read_conditions(table, hypothesis, {"\">= 99%\"", "\"<= 250ms\"", "\"= 0\"", "\"<= 1%\"", true, connections}) ||
      of_values;
  read_window(table, result, draft);
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
  if (recovers && connections)
    draft.issues.error(result.recovers_at, "recovers_within: is asked of the requests of a probe",
                       "write eventually = \"5s\" with during = \"recovery\", or probe = in place of telemetry =");
  if ((in_phase || in_probes_place) && !table.has("during")) hypothesis.during = "run";
  if (!in_phase && !in_probes_place && recovers && !result.during.text.empty()) {
    if (result.during.text != "recovery")
      draft.issues.error(result.during.at, "during: recovers_within looks at what follows the last fault",
                         "remove \"during\", or add a condition for that phase");
    hypothesis.during.clear();
  }
  const std::size_t before = draft.issues.count();
  table.finish();
  if (!in_phase && !in_probes_place && !recovers && draft.issues.count() == before)
    draft.issues.error(node.at, fmt::format("hypothesis {} has no condition", number),
                       connections ? kConnectionConditions
                                   : "add one of success, p50, p90, p95, p99, p999, max, ok.p99, failed.p99, requests, "
                                     "failures, errors.timeout, throughput, value, recovers_within, or an event with "
                                     "seen or detects_within");
  if (!in_phase && !in_probes_place && recovers) refuse_window(result, draft.issues);
  draft.hypotheses.push_back(std::move(result));
}

}  // namespace

void read_hypotheses(Table& top, Draft& draft) {
  top.each_table("hypotheses", [&](const Node& node, std::size_t number) { read_hypothesis(node, number, draft); });
}

}  // namespace faultline::plan
