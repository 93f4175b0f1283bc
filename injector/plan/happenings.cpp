// [[events]]: lines of logs that have a name; and hypotheses about them, and about how soon a fault was noticed.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/base/pattern.h"
#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// Where the lines come from: the log of a lab's service, or a file of this machine.
void read_source(Table& table, EventDraft& result, Issues& issues) {
  Event& event = result.event;
  const auto file = table.word("file", "\"/var/log/syslog\"");
  if (auto log = table.word("log", "\"edge\"")) {
    result.log = *log;
    event.log = log->text;
  }
  if (file && result.log.at.line) {
    issues.error(file->at, "file: an event is of one log", "remove \"log\" or \"file\", or write two events");
    return;
  }
  if (file && !file->text.starts_with('/')) {
    issues.error(file->at, fmt::format("file: \"{}\" is not a whole path", file->text),
                 "begin it with / or with ${plan_dir}/");
    return;
  }
  if (file) event.file = file->text;
  if (!table.has("file") && !table.has("log"))
    issues.error(table.at(), fmt::format("{} has neither \"log\" nor \"file\"", table.owner()),
                 "write log = \"HOST\" for a service of the lab, or file = \"/var/log/…\"");
}

void read_event(const Node& node, std::size_t number, Draft& draft) {
  Table table(node, node.at, fmt::format("event {}", number), draft.issues);
  EventDraft result;
  result.event.at = result.name_at = node.at;
  table.require("name", "\"edge marks it down\"");
  if (auto name = table.word("name", "\"edge marks it down\"")) {
    result.name_at = name->at;
    if (check_name(draft.issues, name->at, "an event's name", name->text, false)) result.event.name = name->text;
  }
  read_source(table, result, draft.issues);
  table.require("match", "\"server .* is DOWN\"");
  if (auto match = table.word("match", "\"server .* is DOWN\"")) {
    result.event.match = match->text;
    if (const auto pattern = Pattern::parse(match->text); !pattern.value)
      draft.issues.error(match->at, "match: " + pattern.error, pattern.hint);
  }
  table.finish();
  draft.events.push_back(std::move(result));
}

std::vector<std::string> names_of(const Draft& draft) {
  std::vector<std::string> names;
  for (const auto& event : draft.events) names.push_back(event.event.name);
  return names;
}

void check_known(const Word& word, std::string_view key, const std::vector<std::string>& names, Issues& issues) {
  if (!word.at.line || std::find(names.begin(), names.end(), word.text) != names.end()) return;
  issues.error(word.at, fmt::format("{}: there is no event \"{}\"", key, word.text),
               issues.suggest(word.text, names, names.empty() ? "add [[events]]" : list_known("events are", names)));
}

/// What is not about requests has no figures of theirs.
void check_keys(const HypothesisDraft& given, Draft& draft, bool of_requests) {
  Issues& issues = draft.issues;
  const Hypothesis& h = given.hypothesis;
  const auto refuse = [&](SourcePlace at, const std::string& what, const std::string& hint) {
    if (at.line) issues.error(at, what, hint);
  };
  if (!h.event) refuse(given.seen_at, "seen: is about an event", "add event = \"NAME\"");
  if (!h.event && !given.detects_at.line) return;
  const char* about = h.event ? "an event" : "how soon a fault is noticed";
  refuse(given.telemetry.at, fmt::format("telemetry: a hypothesis is about connections or about {}", about),
         "write two hypotheses");
  refuse(given.probe.at, fmt::format("probe: a hypothesis is about requests or about {}", about),
         "write two hypotheses");
  if (of_requests && !given.probe.at.line)
    issues.error(h.at, fmt::format("a hypothesis about {} has no conditions on requests", about),
                 "write two hypotheses, of which one has a probe");
  refuse(given.recovers_at, "recovers_within: is about the requests of a probe",
         "write a hypothesis of its own for it");
  refuse(given.eventually_at, fmt::format("eventually: is not for {}", about),
         "write detects_within = \"5s\", or for = \"5s\"");
  if (h.event && !h.seen && !given.detects_at.line && !given.seen_at.line)
    issues.error(h.at, "event: it is not said what is expected of it",
                 "add seen = \">= 1\", or detects_within = \"5s\" with during = \"FAULT\"");
  if (!given.detects_at.line) return;
  for (const auto& [at, key] :
       {std::pair{given.after_at, "after"}, {given.for_at, "for"}, {given.after_event.at, "after_event"}})
    refuse(at, fmt::format("{}: detects_within counts from where the fault begins", key),
           fmt::format("remove \"{}\", or write two hypotheses", key));
}

const FaultDraft* find_fault(const Draft& draft, const std::string& name) {
  for (const auto& fault : draft.faults)
    if (fault.fault.name == name) return &fault;
  return nullptr;
}

void check_detection(const HypothesisDraft& given, Draft& draft) {
  const Hypothesis& h = given.hypothesis;
  if (!given.detects_at.line || !h.detects_within) return;
  const FaultDraft* fault = find_fault(draft, h.during);
  if (fault == nullptr) {
    if (!given.during.at.line || h.during == "run" || h.during == "baseline" || h.during == "recovery")
      draft.issues.error(given.detects_at, "detects_within: it is not said which fault is to be noticed",
                         "add during = \"FAULT\", with a fault's name");
    return;  // a name that there is not is a mistake already
  }
  const auto length = length_of_phase(draft, h.during);
  if (!length || *length <= 0) return;
  const Ns looked = h.event ? draft.plan.duration - fault->fault.start : *length;
  const Ns needed = *h.detects_within + (h.event ? 0 : kStopSeen);
  if (looked >= needed) return;
  draft.issues.error(
      given.detects_at,
      h.event
          ? fmt::format("detects_within: the run ends {} after the fault has begun", format_duration(looked))
          : fmt::format("detects_within: \"{}\" lasts {}, in which {} and then {} without traffic do not fit", h.during,
                        format_duration(looked), format_duration(*h.detects_within), format_duration(kStopSeen)),
      h.event ? "give the run a longer duration" : "let the fault last longer, or ask for it earlier");
}

}  // namespace

void read_events(Table& top, Draft& draft) {
  top.each_table("events", [&](const Node& node, std::size_t number) { read_event(node, number, draft); });
}

bool read_detection(Table& table, HypothesisDraft& result) {
  Hypothesis& h = result.hypothesis;
  const auto name = [&](const char* key, Word& word, std::optional<std::string>& to) {
    word = table.word(key, "\"edge marks it down\"").value_or(Word{});
    if (word.at.line) to = word.text;
  };
  name("event", result.event, h.event);
  name("after_event", result.after_event, h.after_event);
  table.takes_text("seen", "\">= 1\"", pattern_of(read_count_bound));
  if (const Entry* seen = table.take("seen")) {
    result.seen_at = seen->value.at;
    h.seen = table.scalar("seen", seen->value, "\">= 1\"", read_count_bound);
  }
  table.takes_text("detects_within", "\"5s\"", pattern_of(read_duration));
  if (const Entry* detects = table.take("detects_within")) {
    result.detects_at = detects->value.at;
    h.detects_within = table.scalar("detects_within", detects->value, "\"5s\"", read_duration);
    if (h.detects_within && (*h.detects_within == 0 || *h.detects_within > kLongestWait)) {
      table.issues().error(detects->value.at, "detects_within: it must be longer than 0s, and less than a year",
                           "write detects_within = \"5s\"");
      h.detects_within.reset();
    }
  }
  return table.has("event") || result.detects_at.line || result.seen_at.line;
}

void resolve_events(Draft& draft) {
  const auto names = names_of(draft);
  std::set<std::string> taken;
  for (const auto& event : draft.events) {
    if (!event.event.name.empty() && !taken.insert(event.event.name).second)
      draft.issues.error(event.name_at, fmt::format("name: there are two events \"{}\"", event.event.name),
                         "give each event its own name");
    if (!event.log.at.line) continue;
    std::vector<std::string> hosts;
    const LabHost* found = nullptr;
    if (draft.lab)
      for (const auto& host : draft.lab->lab.hosts) {
        hosts.push_back(host.name);
        if (host.name == event.log.text) found = &host;
      }
    if (found == nullptr)
      draft.issues.error(event.log.at, fmt::format("log: there is no host \"{}\" in the lab", event.log.text),
                         draft.issues.suggest(event.log.text, hosts,
                                              hosts.empty() ? "the plan has no [lab]: write file = \"/var/log/…\""
                                                            : list_known("it has", hosts)));
    else if (found->command.empty())
      draft.issues.error(event.log.at, fmt::format("log: host \"{}\" has no command, and so no log", event.log.text),
                         "name a host that runs a service");
  }
  if (draft.events.size() > kMostEvents)
    draft.issues.error(draft.events.back().event.at,
                       fmt::format("{} events, and a run watches for {} at most", draft.events.size(), kMostEvents),
                       "join patterns: \"is DOWN|is UP\"");
  for (const auto& hypothesis : draft.hypotheses) {
    check_known(hypothesis.event, "event", names, draft.issues);
    check_known(hypothesis.after_event, "after_event", names, draft.issues);
  }
}

void check_detections(Draft& draft) {
  for (const auto& given : draft.hypotheses) {
    if (!given.detects_at.line && !given.hypothesis.event && !given.seen_at.line) continue;
    check_keys(given, draft, given.hypothesis.any() || given.hypothesis.any_value());
    check_detection(given, draft);
  }
}

std::string detection_text(const Hypothesis& h) {
  std::string text;
  if (h.seen) text = fmt::format("seen {}", h.seen->text);
  if (h.detects_within)
    text += fmt::format("{}{} within {}", text.empty() ? "" : ", ", h.event ? "seen" : "stops going into it",
                        format_duration(*h.detects_within));
  return text;
}

}  // namespace faultline::plan
