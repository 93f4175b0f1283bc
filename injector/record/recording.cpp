#include "injector/record/recording.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "injector/base/text.h"
#include "injector/record/bounds.h"

namespace faultline::record {
namespace {

using nlohmann::json;

std::optional<Ns> ns_from(const json& j, const char* key) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_number()) return {};
  return it->get<Ns>();
}

void read_run(Recording& r, const json& e) {
  r.name = e.value("name", "");
  r.title = e.value("title", "");
  r.kernel = e.value("kernel", "");
  r.engine = e.value("engine", "");
  r.line = e.value("line", "");
  r.version = e.value("version", "");
  r.host = e.value("host", "");
  r.seed = e.value("seed", std::uint64_t{0});
  r.scale = e.value("scale", 1.0);
  r.started_at = e.value("at", "");
  r.vars = e.value("vars", json::object());
  r.repeat = e.value("repeat", std::vector<std::string>());
  r.repeat_masked = e.value("repeat_masked", false);
}

void read_plan(Recording& r, const json& e) {
  r.planned = true;
  r.name = e.value("name", r.name);
  r.title = e.value("title", r.title);
  r.duration = e.value("duration", Ns{0});
  if (const json t = e.value("tolerance", json()); t.is_object())
    r.tolerance = {t.value("packets", r.tolerance.packets), t.value("of_loss", r.tolerance.of_loss)};
  for (const json& p : e.at("probes")) {
    ProbeRecord probe;
    probe.name = p.value("name", "");
    probe.kind = p.value("kind", "");
    probe.subject = p.value("subject", "");
    probe.from = p.value("from", "");
    probe.every = p.value("every", kSecond);
    r.probes.push_back(std::move(probe));
  }
  for (const json& f : e.at("faults")) {
    FaultRecord fault;
    fault.name = f.value("name", "");
    fault.kind = f.value("kind", "");
    fault.direction = f.value("direction", "both");
    fault.on = f.value("on", std::vector<std::string>());
    for (const auto& key : plan::fault_keys())
      if (const auto value = f.find(key.name); value != f.end()) fault.common[std::string(key.name)] = *value;
    fault.peer = f.value("peer", std::vector<std::string>());
    fault.asked = f.value("asked", json::object());
    fault.asked_text = f.value("asked_text", "");
    fault.start = f.value("start", Ns{0});
    fault.end = f.value("end", Ns{0});
    fault.delay = f.value("delay", Ns{0});
    fault.idle = f.value("idle", false);
    fault.loss = f.value("loss", 0.0);
    r.faults.push_back(std::move(fault));
  }
  for (const json& h : e.at("hypotheses")) {
    plan::Hypothesis hypothesis;
    hypothesis.name = h.value("name", "");
    hypothesis.probe = h.value("probe", "");
    hypothesis.during = h.value("during", "");
    take_conditions(h, hypothesis);
    hypothesis.recovers_within = ns_from(h, "recovers_within");
    r.hypotheses.push_back(std::move(hypothesis));
  }
  for (const json& g : e.value("guards", json::array())) r.guards.push_back({guard_from(g), {}});
}

void read_sample(Recording& r, const json& e) {
  ProbeRecord* probe = r.find_probe(e.value("probe", ""));
  if (!probe) return;
  const bool ok = e.value("ok", false);
  probe->answers.push_back(
      {e.value("due", Ns{0}), e.value("latency", Ns{0}), ok ? 0 : probe->error_index(e.value("error", "unknown")), 1});
  probe->late.add(e.value("late", Ns{0}));
}

void read_samples(Recording& r, const json& e) {
  ProbeRecord* probe = r.find_probe(e.value("probe", ""));
  if (!probe) return;
  const Ns due = e.value("from", Ns{0});
  for (const json& pair : e.at("latency"))
    probe->answers.push_back({due, pair.at(0).get<Ns>(), 0, pair.at(1).get<std::uint32_t>()});
  const json times = e.value("failing", json::object());
  for (const auto& [error, count] : e.at("failed").items()) {
    const std::uint32_t index = probe->error_index(error);
    if (const auto known = times.find(error); known != times.end())
      for (const json& pair : *known)
        probe->answers.push_back({due, pair.at(0).get<Ns>(), index, pair.at(1).get<std::uint32_t>()});
    else
      probe->answers.push_back({due, Answer::kUnknown, index, count.get<std::uint32_t>()});
  }
  for (const json& pair : e.at("late")) probe->late.add(pair.at(0).get<Ns>(), pair.at(1).get<std::uint64_t>());
}

void read_guard(Recording& r, const json& e) {
  GuardTrip trip;
  trip.when = e.value("when", Ns{0});
  trip.sent = e.value("sent", std::uint64_t{0});
  trip.ok = e.value("ok", std::uint64_t{0});
  for (const auto& [quantile, member] : GuardTrip::kFigures) trip.*member = ns_from(e, quantile);
  trip.observed = e.value("observed", "");
  const std::string name = e.value("guard", "");
  for (auto& record : r.guards)
    if (record.guard.name == name && !record.trip) record.trip = trip;
}

/// Of one that has been told before it is the later word that counts.
void read_escape(Recording& r, const json& e) {
  Escape escape{e.value("site", ""), e.value("device", ""), e.value("hook", ""), e.value("why", "")};
  escape.from = e.value("from", Ns{0});
  escape.until = ns_from(e, "until");
  escape.packets = e.value("packets", std::uint64_t{0});
  escape.faults = e.value("faults", std::vector<std::string>());
  escape.bytes = e.value("bytes", std::uint64_t{0});
  escape.bounded = e.value("bounded", false);
  const auto same = std::find_if(r.escapes.begin(), r.escapes.end(), [&](const Escape& known) {
    return !known.until && known.site == escape.site && known.device == escape.device && known.hook == escape.hook &&
           known.from == escape.from;
  });
  if (same == r.escapes.end())
    r.escapes.push_back(std::move(escape));
  else
    *same = std::move(escape);
}

void read_target(Recording& r, const json& e) {
  const std::string target = e.value("target", ""), what = e.value("what", "");
  const Ns now = ns_from(e, "t").value_or(0);
  for (auto& loss : r.losses)  // found again, or nothing of it is left
    if (loss.target == target && !loss.until) loss.until = now;
  if (what == "lost") r.losses.push_back({target, e.value("detail", ""), now, {}});
}

void read_event(Recording& r, const json& e) {
  const std::string event = e.at("event").get<std::string>();
  if (const auto t = ns_from(e, "t")) r.last_seen = std::max(r.last_seen, *t);

  if (event == "sample")
    read_sample(r, e);
  else if (event == "samples")
    read_samples(r, e);
  else if (event == "run")
    read_run(r, e);
  else if (event == "plan")
    read_plan(r, e);
  else if (event == "t0") {
    r.begun = true;
    r.started_at = e.value("wall", r.started_at);
  } else if (event == "site") {
    r.sites.push_back({{"site", e.value("site", "")},
                       {"inode", e.value("inode", std::uint64_t{0})},
                       {"devices", e.value("devices", json::array())},
                       {"rules", e.value("rules", json::array())}});
  } else if (event == "service") {
    r.services.push_back({{"t_s", static_cast<double>(ns_from(e, "t").value_or(0)) / kSecond},
                          {"host", e.value("host", "")},
                          {"what", e.value("what", "")},
                          {"detail", e.value("detail", "")}});
  } else if (event == "escape") {
    read_escape(r, e);
  } else if (event == "warning") {
    r.warnings.push_back({e.value("message", ""), ns_from(e, "t")});
  } else if (event == "lapse") {
    r.warnings.push_back({"", ns_from(e, "from"), e.value("length", Ns{1})});
  } else if (event == "note") {
    r.notes.push_back({ns_from(e, "t"), e.value("text", ""), e.value("by", ""), e.value("at", "")});
  } else if (event == "guard") {
    read_guard(r, e);
  } else if (event == "target") {
    r.warnings.push_back({e.value("detail", ""), ns_from(e, "t")});
    read_target(r, e);
  } else if (event == "abort") {
    const Ns when = ns_from(e, "when").value_or(ns_from(e, "t").value_or(0));
    if (!r.stop) r.stop = Stop{e.value("by", ""), e.value("reason", ""), when};
  } else if (event == "failure") {
    r.troubles.push_back({static_cast<Exit>(e.value("exit", 6)), e.value("message", "")});
  } else if (event == "fault_result") {
    const Account account = account_from_json(e);
    for (auto& fault : r.faults)
      if (fault.name == account.fault) fault.account = account;
  } else if (event == "line") {
    r.line_stats = e.value("stats", json());
  } else if (event == "hold") {
    r.held_since = ns_from(e, "mono");
  } else if (event == "go_on") {
    r.held_since.reset();
    const Ns waited = ns_from(e, "waited").value_or(0);
    r.waited += waited;
    r.notes.push_back(
        {ns_from(e, "t"),
         fmt::format("{}: confirmed after {}", fmt::join(e.value("faults", std::vector<std::string>()), ", "),
                     short_duration(waited)),
         "--step"});
  } else if (event == "healed") {
    r.healed = ns_from(e, "t");
    if (r.held_since) r.waited += ns_from(e, "mono").value_or(*r.held_since) - *r.held_since;
  } else if (event == "cleanup") {
    r.cleanup = Cleanup{e.value("ok", false), e.value("failures", std::vector<std::string>())};
  } else if (event == "end") {
    r.ended = true;
  }
}

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
  std::string line;
  std::uint64_t doubtful = 0;
  while (std::getline(journal, line)) {
    if (line.empty()) continue;
    r.unreadable += doubtful;  // there was another line after it: not just the torn end of a killed run
    doubtful = 0;
    try {
      read_event(r, json::parse(line));
    } catch (const json::exception&) {
      doubtful = 1;
    }
  }
  leave_out_what_nobody_reads(r);
  for (auto& probe : r.probes)
    std::stable_sort(probe.answers.begin(), probe.answers.end(),
                     [](const Answer& a, const Answer& b) { return a.due < b.due; });
  return r;
}

Recording read_recording(const std::filesystem::path& folder) {
  const auto path = folder / "journal.jsonl";
  std::ifstream file(path);
  if (!file) throw Failure(Exit::invalid, path.string() + " cannot be read: not a run folder?");
  return read_recording(file);
}

}  // namespace faultline::record
