#include "injector/report/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/shell.h"
#include "injector/base/text.h"

namespace faultline::report {
namespace {

std::optional<double> since_t0(std::optional<Ns> t) {
  if (!t) return {};
  return seconds(*t);
}

double in_microseconds(Ns value) { return static_cast<double>(value) / kMicrosecond; }

TimeQuantiles quantiles_of(const faults::TimeQuantiles& s) {
  if (s.count == 0) return {};
  return {s.p50, s.p90, s.p99, s.max, s.count};
}

Fault fault_of(const record::FaultRecord& record) {
  Fault fault;
  fault.name = record.name;
  fault.kind = record.kind;
  fault.on = record.on;
  fault.peer = record.peer;
  fault.direction = record.direction;
  fault.start_s = seconds(record.start);
  fault.end_s = seconds(record.end);
  fault.asked = record.asked;
  fault.asked_text = record.asked_text;
  fault.source = record.source;
  fault.idle = record.idle;
  fault.counted = record.account.has_value();
  fault.lateness_limit_us = in_microseconds(record::lateness_limit(record));
  if (!record.account) return fault;
  const faults::Account& account = *record.account;
  static_cast<faults::Counts&>(fault) = account;
  fault.packets_undelivered = account.undelivered.total();
  fault.undelivered = account.undelivered;
  fault.applied_delay_us = quantiles_of(account.applied_delay);
  fault.held_us = quantiles_of(account.held);
  fault.lateness_us = quantiles_of(account.lateness);
  fault.left_line_late = {account.left_late.all, account.left_late.full};
  fault.first_affected_s = since_t0(account.first_affected);
  fault.last_affected_s = since_t0(account.last_affected);
  if (account.first_affected)
    fault.onset_error_us = in_microseconds(*account.first_affected - account.planned_onset.value_or(record.start));
  for (const auto& one : account.targets) fault.targets.push_back({one.target, one.matched});
  for (const auto& one : account.sites) {
    auto& site = fault.sites.emplace_back();
    static_cast<faults::Counts&>(site) = one;
    site.site = one.site;
  }
  return fault;
}

Quantiles quantiles_of(const record::Distribution& values) {
  Quantiles all;
  for (std::size_t i = 0; i < kQuantilesAt.size() && values.count() > 0; i++)
    all.*kQuantilesAt[i] = milliseconds(values.quantile(record::kQuantiles[i].per_mille));
  return all;
}

ProbePhase phase_of(const std::string& name, const record::PhaseStats& stats) {
  ProbePhase phase;
  phase.phase = name;
  phase.sent = stats.sent;
  phase.ok = stats.ok;
  phase.failed = stats.sent - stats.ok;
  phase.by_error = stats.by_error;
  for (std::size_t i = 0; i < kQuantilesAt.size(); i++) {
    const auto value = stats.latency.quantile(record::kQuantiles[i].per_mille);
    if (value)
      phase.latency_ms.*kQuantilesAt[i] = milliseconds(*value);
    else if (stats.sent > 0)
      phase.never.emplace_back(record::kQuantiles[i].name);
  }
  phase.ok_latency_ms = quantiles_of(stats.latency.ok);
  phase.failed_latency_ms = quantiles_of(stats.latency.failed);
  return phase;
}

std::optional<Load> load_of(const record::Recording& r, const record::ProbeRecord& record) {
  if (!record.rate) return {};
  const record::PhaseStats stats = record::stats_in(record, 0, r.duration);
  return Load{*record.rate, stats.sent, stats.sent - stats.unsent()};
}

Probe probe_of(const record::Recording& r, const record::ProbeRecord& record) {
  Probe probe;
  probe.name = record.name;
  probe.kind = record.kind;
  probe.subject = record.subject;
  probe.from = record.from;
  probe.every_ms = milliseconds(record.every);
  for (const auto& phase : record::phases(r))
    probe.phases.push_back(phase_of(phase.name, record::stats_in(record, phase.start, phase.end)));
  probe.load = load_of(r, record);
  for (const auto& said : record.said)
    probe.failing_answers.push_back(
        {seconds(said.due), said.error, said.output, said.errors, said.left_out, said.mismatch});
  probe.late_sends = record.late.above(record::late_limit(record));
  probe.send_lateness_ms = {milliseconds(record.late.quantile(500)), milliseconds(record.late.quantile(990)),
                            milliseconds(record.late.max())};
  const record::Recovery recovery = record::recovery_of(r, record);
  probe.recovered_after_s = since_t0(recovery.after);
  probe.recovery_judged = recovery.judged;
  return probe;
}

TelemetryStats connections_of(const record::TelemetryStats& recorded) {
  TelemetryStats stats;
  static_cast<record::ConnectionCounts&>(stats) = recorded;
  stats.rtt_ms = quantiles_of(recorded.rtt.ok);
  if (recorded.turns.count() > 0) {
    stats.answered = recorded.turns.ok.count();
    stats.turns_ms = quantiles_of(recorded.turns.ok);
  }
  return stats;
}

TelemetryTimes times_of(const record::Recording& r, const record::TelemetryRecord& record,
                        const std::optional<std::string>& peer) {
  TelemetryTimes times;
  times.run = connections_of(record::stats_in(record, 0, r.duration, peer));
  for (const auto& phase : record::phases(r))
    times.phases.push_back({connections_of(record::stats_in(record, phase.start, phase.end, peer)), phase.name});
  return times;
}

Telemetry telemetry_of(const record::Recording& r, const record::TelemetryRecord& record) {
  Telemetry telemetry{times_of(r, record, {}), record.target, {}};
  for (const auto& peer : record::peers_of(record)) telemetry.peers.push_back({times_of(r, record, peer), peer});
  return telemetry;
}

Guard guard_of(const record::GuardRecord& record) {
  Guard guard;
  guard.name = record.guard.name;
  guard.probe = record.guard.probe;
  guard.event = record.guard.event;
  guard.telemetry = record.guard.telemetry;
  guard.peer = record.guard.peer;
  if (!record.guard.during.empty()) guard.during = record.guard.during;
  guard.condition = plan::condition_text(record.guard);
  guard.tripped = record.trip.has_value();
  if (!record.trip) return guard;
  guard.t_s = seconds(record.trip->when);
  guard.observed = record.trip->observed;
  return guard;
}

}  // namespace

Summary summarize(const record::Recording& r, const record::Verdict& verdict) {
  Summary s;
  s.verdict = verdict.word();
  s.exit_code = static_cast<int>(verdict.exit);
  s.reasons = verdict.reasons;
  s.interrupted = !r.ended;
  s.name = r.name;
  s.title = r.title;
  s.started_at = r.started_at;
  s.duration_s = seconds(r.duration);
  s.observed_s = seconds(r.observed_until());
  s.seed = r.seed;
  s.scale = r.scale;
  s.vars = r.vars;
  s.repeat = shell_line(r.repeat);
  s.repeat_masked = r.masked;
  s.schema = kSummarySchema;
  s.version = r.version;
  s.host = r.host;
  s.kernel = r.kernel;
  s.line = r.line;
  s.engine = r.engine;
  s.arm = r.arm;
  s.journal = "journal.jsonl";
  for (const auto& p : record::phases(r)) s.phases.push_back({p.name, seconds(p.start), seconds(p.end)});
  for (const auto& fault : r.faults) s.faults.push_back(fault_of(fault));
  for (const auto& probe : r.probes) s.probes.push_back(probe_of(r, probe));
  for (const auto& record : r.events) s.events.push_back(event_of(record));
  for (const auto& record : r.telemetry) s.telemetry.push_back(telemetry_of(r, record));
  s.contention = contention_of(r);
  for (const auto& h : verdict.hypotheses)
    s.hypotheses.push_back({h.name,
                            h.probe,
                            h.event,
                            h.during,
                            since_t0(h.start),
                            since_t0(h.end),
                            since_t0(h.held_after),
                            since_t0(h.detected_after),
                            h.held,
                            h.expected_to_fail ? std::optional(true) : std::nullopt,
                            h.expected,
                            h.observed,
                            h.confidence,
                            h.reason,
                            h.telemetry,
                            h.peer,
                            h.untested.empty() ? std::nullopt : std::optional(h.untested),
                            since_t0(h.first_sign),
                            h.rank,
                            h.figures});
  for (const auto& guard : r.guards) s.guards.push_back(guard_of(guard));
  for (const auto& note : r.notes) s.notes.push_back({since_t0(note.when), note.at, note.text, note.by});
  if (r.stop) s.abort = Abort{r.stop->by, r.stop->reason, seconds(r.stop->when)};
  s.cleanup = r.cleanup;
  s.healed_s = since_t0(r.healed);
  s.waited_s = seconds(r.waited);
  s.sites = r.sites;
  for (const auto& [when, service] : r.services)
    s.services.push_back({seconds(when.value_or(0)), service.host, service.what, service.detail});
  s.line_stats = r.line_stats;
  s.tolerance = r.tolerance;
  s.warnings = record::folded(r.warnings);
  s.warnings.insert(s.warnings.end(), verdict.warnings.begin(), verdict.warnings.end());
  for (const auto& e : r.escapes) {
    s.escapes.push_back({e.site,
                         e.device,
                         e.hook,
                         e.why,
                         seconds(e.from),
                         since_t0(e.until),
                         e.packets,
                         e.bytes,
                         e.bounded,
                         e.faults,
                         {}});
    for (const auto& fault : e.faults) {
      const auto gone = e.by(fault);
      s.escapes.back().by_fault.push_back({fault, gone.packets, gone.bytes});
    }
  }
  return s;
}

std::string latency_text(const Latency& latency, Quantiles Latency::*whose, std::size_t which) {
  if (const auto& value = latency.*whose.*kQuantilesAt.at(which)) return short_microseconds(*value * 1000);
  const auto& never = latency.never;
  const bool is_never = whose == &Latency::latency_ms &&
                        std::find(never.begin(), never.end(), record::kQuantiles[which].name) != never.end();
  return is_never ? "never" : "";
}

std::string broken_text(const Hypothesis& h) {
  plan::Hypothesis about;
  about.telemetry = h.telemetry;
  about.peer = h.peer;
  const std::string whose = h.telemetry        ? plan::subject_text(about)
                            : !h.probe.empty() ? "probe " + h.probe
                            : !h.event.empty() ? fmt::format("event \"{}\"", h.event)
                                               : std::string("traffic");
  return fmt::format("{} during {}: expected {}, observed {}", whose, h.during, h.expected, h.observed);
}

std::vector<const Hypothesis*> broken_in_order(const Summary& summary) {
  std::vector<const Hypothesis*> broken;
  for (const auto& h : summary.hypotheses)
    if (h.held == false) broken.push_back(&h);
  // A summary of before there were ranks has none.
  std::stable_sort(broken.begin(), broken.end(), [](const Hypothesis* a, const Hypothesis* b) {
    return a->rank.value_or(UINT64_MAX) < b->rank.value_or(UINT64_MAX);
  });
  return broken;
}

std::vector<std::string> broken_hypotheses(const Summary& summary) {
  std::vector<std::string> lines;
  for (const Hypothesis* h : broken_in_order(summary))
    if (!h->expected_to_fail.value_or(false)) lines.push_back(fmt::format("{}: {}", h->name, broken_text(*h)));
  return lines;
}

}  // namespace faultline::report
