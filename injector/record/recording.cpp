#include "injector/record/recording.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "injector/base/text.h"
#include "injector/record/json_fields.h"

namespace faultline::record {
namespace {

using nlohmann::json;

/// Puts each event where it belongs: an overload for every one of schema.h.
class Reader {
 public:
  explicit Reader(Recording& recording) : r(recording) {}

  /// False: the line is not an event, or part of it cannot be read. An event of a newer version is left alone.
  bool read(const json& line) {
    LineHead head;
    const bool head_whole = fill(line, head);
    if (head.event.empty()) return false;
    if (head.t) r.last_seen = std::max(r.last_seen, *head.t);
    bool known = false, whole = true;
    [&]<class... Known>(std::type_identity<std::tuple<Known...>>) {
      known = (take_if<Known>(line, head, whole) || ...);
    }(std::type_identity<events::All>());
    return !known || (head_whole && whole);
  }

 private:
  /// Whether all of it could be read. What could be is there in any case.
  template <class Value>
  static bool fill(const json& line, Value& value) {
    try {
      read_json(line, value);
      return true;
    } catch (const json::exception&) {
      return false;
    }
  }

  /// Events of many parts, each of which says something by itself. Half a request would be a false one.
  template <class Event>
  static constexpr bool kOfParts = std::is_same_v<Event, events::Run> || std::is_same_v<Event, events::Plan> ||
                                   std::is_same_v<Event, events::FaultResult> || std::is_same_v<Event, events::Line>;

  template <class Event>
  bool take_if(const json& line, const LineHead& head, bool& whole) {
    if (head.event != Event::event) return false;
    Event event{};
    whole = fill(line, event);
    if (whole || kOfParts<Event>) take(std::move(event), head);
    return true;
  }

  // What only people read.
  void take(const events::Step&, const LineHead&) {}
  void take(const events::Name&, const LineHead&) {}
  void take(const events::Learned&, const LineHead&) {}
  void take(const events::FaultBegin&, const LineHead&) {}
  void take(const events::FaultEnd&, const LineHead&) {}

  void take(const events::Run& event, const LineHead& head) {
    static_cast<events::Run&>(r) = event;
    r.started_at = head.at;
    if (event.schema > kJournalSchema)
      r.warnings.push_back(
          {fmt::format("this journal is of a newer Faultline (schema {}, known are those up to {}): what "
                       "is new in it is left out",
                       event.schema, kJournalSchema)});
  }

  void take(const events::Plan& event, const LineHead&) {
    r.planned = true;
    r.name = event.name;
    r.title = event.title;
    r.duration = event.duration;
    r.tolerance = event.tolerance;
    r.arm = event.arm;
    r.expected_to_fail = event.expected_to_fail;
    for (const auto& probe : event.probes) static_cast<events::PlannedProbe&>(r.probes.emplace_back()) = probe;
    for (const auto& fault : event.faults) r.faults.push_back({fault, {}, {}});
    r.hypotheses.insert(r.hypotheses.end(), event.hypotheses.begin(), event.hypotheses.end());
    for (const auto& guard : event.guards) r.guards.push_back({guard, {}});
    for (const auto& one : event.events) r.events.push_back({one, {}, {}});
    for (const auto& target : event.telemetry) r.telemetry.push_back({target});
  }

  void take(const events::SiteInfo& event, const LineHead&) { r.sites.push_back(event); }

  void take(const events::T0& event, const LineHead&) {
    r.begun = true;
    if (!event.wall.empty()) r.started_at = event.wall;
  }

  void take(const events::Sample& event, const LineHead&) {
    ProbeRecord* probe = r.find_probe(event.probe);
    if (!probe) return;
    const std::uint32_t error = event.ok ? 0 : probe->error_index(event.error.value_or("unknown"));
    probe->answers.push_back({event.due, event.latency, error, 1, event.value});
    probe->late.add(event.late);
  }

  void take(const events::Samples& event, const LineHead&) {
    ProbeRecord* probe = r.find_probe(event.probe);
    if (!probe) return;
    const auto add = [&](Ns latency, std::uint32_t error, std::uint64_t count) {
      probe->answers.push_back({event.from, latency, error, static_cast<std::uint32_t>(count), {}});
    };
    for (const auto& [latency, count] : event.latency) add(latency, 0, count);
    for (const auto& [error, count] : event.failed) {
      const std::uint32_t index = probe->error_index(error);
      if (const auto known = event.failing.find(error); known != event.failing.end())
        for (const auto& [latency, times] : known->second) add(latency, index, times);
      else
        add(Requests::kUnknown, index, count);
    }
    for (const auto& [late, count] : event.late) probe->late.add(late, count);
  }

  void take(events::Answer event, const LineHead&) {
    ProbeRecord* probe = r.find_probe(event.probe);
    if (probe) probe->said.push_back(std::move(event));
  }

  void take(events::Telemetry event, const LineHead&) {
    for (auto& record : r.telemetry)
      if (record.target == event.target) return record.buckets.push_back(std::move(event));
  }

  void take(events::Seen event, const LineHead&) {
    for (auto& record : r.events)
      if (record.event.name == event.name) return record.seen.push_back(std::move(event));
  }

  void take(const events::Watched& event, const LineHead&) {
    for (auto& record : r.events)
      if (record.event.name == event.name) record.watched = event;
  }

  void take(const events::Traffic& event, const LineHead&) {
    for (auto& fault : r.faults)
      if (fault.name == event.fault) fault.traffic.push_back(event);
  }

  void take(const events::Contention& event, const LineHead&) {
    if (event.length > 0 && event.own.plausible() && event.programs.plausible()) r.contention.push_back(event);
  }

  void take(const events::Uncounted& event, const LineHead&) {
    for (auto& record : r.telemetry)
      if (!event.target || record.target == *event.target) record.uncounted.push_back(event);
  }

  void take(const events::Service& event, const LineHead& head) { r.services.push_back({head.t, event}); }

  void take(const events::Target& event, const LineHead& head) {
    r.warnings.push_back({event.detail, head.t});
    const Ns now = head.t.value_or(0);
    for (auto& loss : r.losses)  // found again, or nothing of it is left
      if (loss.target == event.target && !loss.until) loss.until = now;
    if (event.what == "lost") r.losses.push_back({event.target, event.detail, now, {}});
  }

  /// Of one that has been told before it is the later word that counts.
  void take(const Escape& event, const LineHead&) {
    const auto same = std::find_if(r.escapes.begin(), r.escapes.end(), [&](const Escape& known) {
      return !known.until && known.site == event.site && known.device == event.device && known.hook == event.hook &&
             known.from == event.from;
    });
    if (same == r.escapes.end())
      r.escapes.push_back(event);
    else
      *same = event;
  }

  void take(const events::Warning& event, const LineHead& head) { r.warnings.push_back({event.message, head.t}); }
  void take(const events::Lapse& event, const LineHead&) { r.warnings.push_back({"", event.from, event.length}); }

  void take(const events::Note& event, const LineHead& head) {
    r.notes.push_back({head.t, event.text, event.by, head.at});
  }

  void take(const events::GuardActed& event, const LineHead&) {
    for (auto& record : r.guards)
      if (record.guard.name == event.guard && !record.trip) record.trip = event;
  }

  void take(const events::Abort& event, const LineHead& head) {
    if (!r.stop) r.stop = Stop{event.by, event.reason, event.when.value_or(head.t.value_or(0))};
  }

  void take(const events::Trouble& event, const LineHead&) {
    r.troubles.push_back({static_cast<Exit>(event.exit), event.message});
  }

  void take(const events::Hold&, const LineHead& head) { r.held_since = head.mono; }

  void take(const events::GoOn& event, const LineHead& head) {
    r.held_since.reset();
    r.waited += event.waited;
    r.notes.push_back(
        {head.t, fmt::format("{}: confirmed after {}", fmt::join(event.faults, ", "), short_duration(event.waited)),
         "--step"});
  }

  void take(const events::Healed&, const LineHead& head) {
    r.healed = head.t;
    if (r.held_since) r.waited += head.mono - *r.held_since;
  }

  void take(const events::FaultResult& event, const LineHead&) {
    for (auto& fault : r.faults)
      if (fault.name == event.fault) fault.account = event;
  }

  void take(const events::Line& event, const LineHead&) { r.line_stats = event.stats; }
  void take(const events::Cleanup& event, const LineHead&) { r.cleanup = event; }
  void take(const events::End&, const LineHead&) { r.ended = true; }

  Recording& r;
};

/// What is told of a run stays readable however long it was; the journal has the rest.
void leave_out_what_nobody_reads(Recording& r) {
  constexpr std::size_t kWarnings = 200, kServices = 1000, kNotes = 1000;
  const auto beyond = [](std::size_t size, std::size_t most) { return size > most ? size - most : 0; };
  const std::size_t warnings = beyond(r.warnings.size(), kWarnings), services = beyond(r.services.size(), kServices),
                    notes = beyond(r.notes.size(), kNotes);
  r.warnings.resize(r.warnings.size() - warnings);
  r.notes.resize(r.notes.size() - notes);
  if (services > 0) r.services.erase(r.services.begin() + kServices, r.services.end());
  for (const auto& [n, what] : {std::pair{warnings, "warnings"}, {services, "events of services"}, {notes, "notes"}})
    if (n > 0) r.warnings.push_back({fmt::format("{} more {} are in the journal alone", n, what)});
}

}  // namespace

std::uint32_t ProbeRecord::error_index(const std::string& given) {
  const std::string error = names.named(given);
  for (std::uint32_t i = 1; i < errors.size(); ++i)
    if (errors[i] == error) return i;
  errors.push_back(error);
  return static_cast<std::uint32_t>(errors.size() - 1);
}

std::span<const Requests> due_in(const ProbeRecord& probe, Ns start, Ns end) {
  const auto before = [](const Requests& one, Ns t) { return one.due < t; };
  const auto first = std::lower_bound(probe.answers.begin(), probe.answers.end(), start, before);
  return {first, std::lower_bound(first, probe.answers.end(), std::max(start, end), before)};
}

Ns Recording::observed_until() const {
  if (!begun) return 0;
  if (stop) return std::clamp<Ns>(stop->when, 0, duration);
  return ended ? duration : std::clamp<Ns>(last_seen, 0, duration);
}

ProbeRecord* Recording::find_probe(const std::string& probe_name) {
  for (auto& probe : probes)
    if (probe.name == probe_name) return &probe;
  return nullptr;
}

const ProbeRecord* Recording::find_probe(const std::string& probe_name) const {
  return const_cast<Recording*>(this)->find_probe(probe_name);
}

Recording read_recording(std::istream& journal) {
  Recording r;
  Reader reader(r);
  std::string line;
  std::uint64_t doubtful = 0;
  while (std::getline(journal, line)) {
    if (line.empty()) continue;
    r.unreadable += doubtful;  // there was another line after it: not just the torn end of a killed run
    doubtful = 0;
    try {
      if (!reader.read(json::parse(line))) doubtful = 1;
    } catch (const json::exception&) {
      doubtful = 1;
    }
  }
  leave_out_what_nobody_reads(r);
  for (auto& record : r.events)
    std::stable_sort(record.seen.begin(), record.seen.end(),
                     [](const events::Seen& a, const events::Seen& b) { return a.when < b.when; });
  for (auto& probe : r.probes)
    std::stable_sort(probe.answers.begin(), probe.answers.end(),
                     [](const Requests& a, const Requests& b) { return a.due < b.due; });
  return r;
}

Recording read_recording(const std::filesystem::path& folder) {
  const auto path = folder / "journal.jsonl";
  std::ifstream file(path);
  if (!file) throw Failure(Exit::invalid, path.string() + " cannot be read: not a run folder?");
  return read_recording(file);
}

}  // namespace faultline::record
