// [[guards]]: when to give up, by which probe, whose connections or which event, looking back how far.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

void read_guard(const Node& node, std::size_t number, Draft& draft) {
  Table table(node, node.at, fmt::format("guard {}", number), draft.issues);
  GuardDraft result;
  Guard& guard = result.guard;
  guard.at = result.for_at = node.at;
  read_name(table, guard, result, "\"the service is lost\"", "a guard's name");
  const bool connections = table.has("telemetry");
  const bool of_event = read_event_of_guard(table, result);
  read_subject(table, guard, result, !of_event);
  result.during = table.word("during", "\"recovery\"").value_or(Word{});
  if (result.during.text != "run") guard.during = result.during.text;  // which is what it watches anyway
  const bool of_values = read_value_bounds(table, guard);
  const bool any =
      read_conditions(table, guard, {"\"< 20%\"", "\"> 2s\"", "\"> 10\"", "\"> 50%\"", false, connections}) ||
      of_values;
  if (of_event && !guard.seen && !result.seen_at.line) guard.seen = *read_count_bound(">= 1").value;
  if (!of_event) table.require("for", "\"10s\"");
  if (const Entry* entry = table.take("for")) result.for_at = entry->value.at;
  if (const auto window = table.scalar("for", "\"10s\"", read_duration)) {
    guard.window = *window;
    if (*window == 0)
      draft.issues.error(result.for_at, "for: a guard needs some time to look back over",
                         "write how far back the guard looks: for = \"10s\"");
  }
  const std::size_t before = draft.issues.count();
  table.finish();
  if (of_event && (any || connections || result.probe.at.line))
    draft.issues.error(node.at, fmt::format("guard {} is about an event and about something else", number),
                       "write two guards");
  if (!any && !of_event && draft.issues.count() == before)
    draft.issues.error(
        node.at, fmt::format("guard {} has no condition", number),
        connections
            ? kConnectionConditions
            : "add one of success, p50, p90, p95, p99, p999, max, ok.p99, failed.p99, failures, errors.timeout, "
              "throughput, value: success = \"< 20%\"");
  draft.guards.push_back(std::move(result));
}

std::string describe_guard(const Guard& guard) {
  const std::string subject = subject_text(guard);
  std::string text = guard.during.empty() ? subject : fmt::format("{} during {}", subject, guard.during);
  return fmt::format("{}: {}", text, condition_text(guard));
}

/// `every`: how often there is something to look at.
void check_window(Draft& draft, const GuardDraft& guard, Ns every) {
  if (guard.guard.window == 0) return;
  if (guard.guard.window < every) {
    draft.issues.error(
        guard.for_at,
        guard.guard.telemetry
            ? fmt::format("for: connections are counted for each {}", format_duration(every))
            : fmt::format("for: probe \"{}\" asks only every {}", guard.guard.probe, format_duration(every)),
        fmt::format("a guard needs at least one {} to look at: for = \"{}\" or more",
                    guard.guard.telemetry ? "such span" : "request", format_duration(every)));
    return;
  }
  const auto length = length_of_phase(draft, guard.guard.during);
  if (length && guard.guard.window > *length)
    draft.issues.error(guard.for_at,
                       fmt::format("for: {} lasts {}, so that this guard could never act",
                                   guard.guard.during.empty() ? "the run" : fmt::format("\"{}\"", guard.guard.during),
                                   format_duration(*length)),
                       "look back less far");
}

}  // namespace

void read_guards(Table& top, Draft& draft) {
  top.each_table("guards", [&](const Node& node, std::size_t number) { read_guard(node, number, draft); });
}

void resolve_guards(Draft& draft) {
  if (draft.guards.empty()) return;
  std::vector<std::string> probes, phases{"run", "baseline", "recovery"};
  for (const auto& probe : draft.probes) probes.push_back(probe.probe.name);
  for (const auto& fault : draft.faults) phases.push_back(fault.fault.name);
  std::set<std::string> taken;
  for (const auto& guard : draft.guards) {
    if (!guard.guard.name.empty() && !taken.insert(guard.guard.name).second)
      draft.issues.error(guard.name_at, fmt::format("name: there are two guards \"{}\"", guard.guard.name),
                         "give each guard its own name");
    const bool known =
        guard.during.text.empty() || std::find(phases.begin(), phases.end(), guard.during.text) != phases.end();
    if (!known)
      draft.issues.error(guard.during.at, fmt::format("during: there is no phase \"{}\"", guard.during.text),
                         draft.issues.suggest(guard.during.text, phases, list_known("phases are", phases)));
    if (known && guard.guard.telemetry) check_window(draft, guard, kTelemetrySpan);
    if (known && guard.guard.event) check_window(draft, guard, 0);
    if (!guard.probe.at.line) continue;
    const auto probe = std::find_if(draft.probes.begin(), draft.probes.end(),
                                    [&](const ProbeDraft& p) { return p.probe.name == guard.probe.text; });
    if (probe == draft.probes.end())
      draft.issues.error(guard.probe.at, fmt::format("probe: there is no probe \"{}\"", guard.probe.text),
                         draft.issues.suggest(guard.probe.text, probes,
                                              probes.empty() ? fmt::format("add [probes.{}]", guard.probe.text)
                                                             : list_known("probes are", probes)));
    if (known && probe != draft.probes.end()) check_window(draft, guard, probe->probe.every);
  }
  for (auto& given : draft.guards) {
    Guard& guard = given.guard;
    if (!guard.name.empty()) continue;
    const std::string described = describe_guard(guard);
    guard.name = described;
    for (int number = 2; !taken.insert(guard.name).second; ++number)
      guard.name = fmt::format("{} ({})", described, number);
  }
}

}  // namespace faultline::plan
