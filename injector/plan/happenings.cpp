// [[events]]: lines of logs, and values of answers, that have a name; and hypotheses and guards about them, and about
// how soon a fault was noticed.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/base/pattern.h"
#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// Where it is looked for: in the log of a lab's service, in a file of this machine, or in a probe's answers.
void read_source(Table& table, EventDraft& result, Issues& issues) {
  Event& event = result.event;
  if (auto probe = table.word("probe", "\"alerts\"")) {
    result.probe = *probe;
    event.probe = probe->text;
  }
  const auto file = table.word("file", "\"/var/log/syslog\"");
  if (auto log = table.word("log", "\"edge\"")) {
    result.log = *log;
    event.log = log->text;
  }
  if ((file && result.log.at.line) || ((file || result.log.at.line) && result.probe.at.line)) {
    issues.error(file ? file->at : result.log.at, "an event is looked for in one place",
                 "keep one of \"log\", \"file\" and \"probe\", or write two events");
    return;
  }
  if (file && !file->text.starts_with('/')) {
    issues.error(file->at, fmt::format("file: \"{}\" is not a whole path", file->text),
                 "begin it with / or with ${plan_dir}/");
    return;
  }
  if (file) event.file = file->text;
  if (!table.has("file") && !table.has("log") && !table.has("probe"))
    issues.error(table.at(), fmt::format("{} has none of \"log\", \"file\" and \"probe\"", table.owner()),
                 "write log = \"HOST\" for a service of the lab, file = \"/var/log/…\", or probe = \"NAME\" with value "
                 "= \">= 1\"");
}

/// From which value on it is seen.
void read_event_value(Table& table, Event& event, bool of_values, Issues& issues) {
  if (of_values && !table.has("value"))
    issues.error(table.at(), fmt::format("{}: it is not said which value it is", table.owner()),
                 "add value = \">= 1\": seen when the value becomes so");
  table.takes_text("value", "\">= 1\"", pattern_of(read_value_bound));
  const Entry* value = table.take("value");
  if (!value) return;
  if (!of_values && !table.is_described())
    issues.error(value->at, "value: is asked of the answers of a probe", "write probe = \"NAME\" in place of a log");
  event.value = table.scalar("value", value->value, "\">= 1\"", read_value_bound);
  if (event.value && of_values) event.match = event.value->text;
}

/// What a line looks like, or from which value on the event is seen.
void read_sign(Table& table, EventDraft& result, Issues& issues) {
  Event& event = result.event;
  const bool of_values = result.probe.at.line != 0;
  read_event_value(table, event, of_values, issues);
  if (of_values) {
    if (const Entry* match = table.has("match") ? table.take("match") : nullptr)
      issues.error(match->at, "match: is asked of the lines of a log", "write value = \">= 1\"");
    return;
  }
  if (!table.is_described()) table.require("match", "\"server .* is DOWN\"");
  if (auto match = table.word("match", "\"server .* is DOWN\"")) {
    event.match = match->text;
    if (const auto pattern = Pattern::parse(match->text); !pattern.value)
      issues.error(match->at, "match: " + pattern.error, pattern.hint);
  }
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
  read_sign(table, result, draft.issues);
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

std::string source_text(const Event& event) {
  if (event.probe) return "the answers of probe " + *event.probe;
  return event.log.empty() ? event.file : "what " + event.log + " writes";
}

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

bool read_event_of_guard(Table& table, GuardDraft& result) {
  Guard& guard = result.guard;
  result.event = table.word("event", "\"edge marks it down\"").value_or(Word{});
  if (result.event.at.line) guard.event = result.event.text;
  table.takes_text("seen", "\">= 1\"", pattern_of(read_count_bound));
  if (const Entry* seen = table.take("seen")) {
    result.seen_at = seen->value.at;
    guard.seen = table.scalar("seen", seen->value, "\">= 1\"", read_count_bound);
    if (guard.seen && guard.seen->op != Bound::Op::ge && guard.seen->op != Bound::Op::gt) {
      table.issues().error(result.seen_at, "seen: a guard acts on what is seen, not on what is not",
                           "write seen = \">= 1\"");
      guard.seen.reset();
    }
    if (!guard.event) table.issues().error(result.seen_at, "seen: is about an event", "add event = \"NAME\"");
  }
  return guard.event.has_value();
}

namespace {

/// Of a probe there must be one, whose answers have values.
void resolve_probe(const EventDraft& event, Draft& draft) {
  std::vector<std::string> probes;
  const Probe* found = nullptr;
  for (const auto& [probe, from] : draft.probes) {
    probes.push_back(probe.name);
    if (probe.name == event.probe.text) found = &probe;
  }
  if (found == nullptr)
    draft.issues.error(event.probe.at, fmt::format("probe: there is no probe \"{}\"", event.probe.text),
                       draft.issues.suggest(event.probe.text, probes,
                                            probes.empty() ? fmt::format("add [probes.{}]", event.probe.text)
                                                           : list_known("probes are", probes)));
  else if (found->kind != nullptr && !found->kind->has_values(found->params))
    draft.issues.error(
        event.probe.at, fmt::format("probe: the answers of \"{}\" have no value", found->name),
        found->kind->find("value") != nullptr
            ? fmt::format("add value = \"number\" to [probes.{}], or where in its answer the number is", found->name)
            : "ask by exec, redis, postgresql or prometheus");
}

}  // namespace

void resolve_events(Draft& draft) {
  const auto names = names_of(draft);
  std::set<std::string> taken;
  for (const auto& event : draft.events) {
    if (!event.event.name.empty() && !taken.insert(event.event.name).second)
      draft.issues.error(event.name_at, fmt::format("name: there are two events \"{}\"", event.event.name),
                         "give each event its own name");
    if (event.probe.at.line) resolve_probe(event, draft);
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
  for (const auto& guard : draft.guards) check_known(guard.event, "event", names, draft.issues);
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
