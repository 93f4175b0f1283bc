#include "injector/record/summary.h"

#include <algorithm>

namespace faultline::record {
namespace {

using nlohmann::json;

double seconds(Ns t) { return static_cast<double>(t) / kSecond; }
double milliseconds(Ns t) { return static_cast<double>(t) / kMillisecond; }

json spread(const faults::Spread& s) {
  if (s.count == 0) return {{"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"max", nullptr}, {"count", 0}};
  return {{"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}, {"count", s.count}};
}

json fault_json(const FaultRecord& fault) {
  json j = {{"name", fault.name},          {"kind", fault.kind},           {"on", fault.on},
            {"peer", fault.peer},          {"direction", fault.direction}, {"start_s", seconds(fault.start)},
            {"end_s", seconds(fault.end)}, {"asked", fault.asked},         {"asked_text", fault.asked_text}};
  j["counted"] = fault.account.has_value();
  const Account account = fault.account.value_or(Account{});
  const auto put = [](json& to, const faults::Counts& counts) {
    for (const auto& one : faults::kCounts) to[std::string("packets_") + one.name] = counts.*one.in;
    to["bytes_matched"] = counts.bytes;
  };
  put(j, account);
  j["packets_undelivered"] = account.undelivered.total();
  for (const auto& one : faults::kUndelivered) j["undelivered"][one.name] = account.undelivered.*one.in;
  j["applied_delay_us"] = spread(account.applied_delay);
  j["lateness_us"] = spread(account.lateness);
  j["lateness_limit_us"] = static_cast<double>(lateness_limit(fault)) / kMicrosecond;
  const auto since_t0 = [](std::optional<Ns> t) { return t ? json(seconds(*t)) : json(nullptr); };
  j["first_affected_s"] = since_t0(account.first_affected);
  j["last_affected_s"] = since_t0(account.last_affected);
  j["onset_error_us"] = nullptr;
  if (account.first_affected)
    j["onset_error_us"] =
        static_cast<double>(*account.first_affected - account.planned_onset.value_or(fault.start)) / kMicrosecond;
  json sites = json::array();
  for (const auto& site : account.sites) put(sites.emplace_back(json{{"site", site.site}}), site);
  j["sites"] = sites;
  return j;
}

json stats_json(const std::string& phase, const PhaseStats& stats) {
  json latency = {{"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"max", nullptr}};
  if (stats.ok > 0)
    latency = {{"p50", milliseconds(stats.latency.quantile(500))},
               {"p90", milliseconds(stats.latency.quantile(900))},
               {"p99", milliseconds(stats.latency.quantile(990))},
               {"max", milliseconds(stats.latency.max())}};
  return {{"phase", phase},
          {"sent", stats.sent},
          {"ok", stats.ok},
          {"failed", stats.sent - stats.ok},
          {"by_error", stats.by_error},
          {"latency_ms", latency}};
}

json guard_record_json(const GuardRecord& g) {
  json j = {{"name", g.guard.name},
            {"probe", g.guard.probe},
            {"during", g.guard.during.empty() ? json(nullptr) : json(g.guard.during)},
            {"condition", plan::condition_text(g.guard)},
            {"tripped", g.trip.has_value()},
            {"t_s", nullptr},
            {"observed", nullptr}};
  if (!g.trip) return j;
  j["t_s"] = seconds(g.trip->when);
  j["observed"] = observed_text(g.guard, *g.trip);
  return j;
}

json probe_json(const Recording& r, const ProbeRecord& probe) {
  json in_phases = json::array();
  for (const auto& phase : phases(r))
    in_phases.push_back(stats_json(phase.name, stats_in(probe, phase.start, phase.end)));
  const Recovery recovery = recovery_of(r, probe);
  return {{"name", probe.name},
          {"kind", probe.kind},
          {"subject", probe.subject},
          {"from", probe.from},
          {"every_ms", milliseconds(probe.every)},
          {"phases", in_phases},
          {"late_sends", probe.late.above(late_limit(probe))},
          {"send_lateness_ms",
           {{"p50", milliseconds(probe.late.quantile(500))},
            {"p99", milliseconds(probe.late.quantile(990))},
            {"max", milliseconds(probe.late.max())}}},
          {"recovered_after_s", recovery.after ? json(seconds(*recovery.after)) : json(nullptr)},
          {"recovery_judged", recovery.judged}};
}

}  // namespace

json summarize(const Recording& r, const Verdict& verdict) {
  json s = {{"verdict", word(verdict.exit)},
            {"exit_code", static_cast<int>(verdict.exit)},
            {"reasons", verdict.reasons},
            {"name", r.name},
            {"title", r.title},
            {"started_at", r.started_at},
            {"duration_s", seconds(r.duration)},
            {"observed_s", seconds(r.observed_until())},
            {"seed", r.seed},
            {"scale", r.scale},
            {"version", r.version},
            {"host", r.host},
            {"kernel", r.kernel},
            {"line", r.line},
            {"engine", r.engine},
            {"journal", "journal.jsonl"},
            {"interrupted", !r.ended}};
  json in_phases = json::array(), faults = json::array(), probes = json::array(), hypotheses = json::array();
  for (const auto& p : phases(r))
    in_phases.push_back({{"phase", p.name}, {"start_s", seconds(p.start)}, {"end_s", seconds(p.end)}});
  for (const auto& fault : r.faults) faults.push_back(fault_json(fault));
  for (const auto& probe : r.probes) probes.push_back(probe_json(r, probe));
  for (const auto& h : verdict.hypotheses)
    hypotheses.push_back({{"name", h.name},
                          {"held", h.held ? json(*h.held) : json(nullptr)},
                          {"expected", h.expected},
                          {"observed", h.observed},
                          {"reason", h.reason}});
  s["phases"] = std::move(in_phases);
  s["faults"] = std::move(faults);
  s["probes"] = std::move(probes);
  s["hypotheses"] = std::move(hypotheses);
  s["guards"] = json::array();
  for (const auto& g : r.guards) s["guards"].push_back(guard_record_json(g));
  s["notes"] = json::array();
  for (const auto& note : r.notes)
    s["notes"].push_back({{"t_s", note.when ? json(seconds(*note.when)) : json(nullptr)},
                          {"at", note.at},
                          {"text", note.text},
                          {"by", note.by}});
  s["abort"] = nullptr;
  if (r.stop) s["abort"] = {{"by", r.stop->by}, {"reason", r.stop->reason}, {"t_s", seconds(r.stop->when)}};
  s["cleanup"] = nullptr;
  if (r.cleanup) s["cleanup"] = {{"ok", r.cleanup->ok}, {"failures", r.cleanup->failures}};
  s["healed_s"] = r.healed ? json(seconds(*r.healed)) : json(nullptr);
  s["sites"] = r.sites;
  s["waited_s"] = seconds(r.waited);
  s["services"] = r.services;
  s["warnings"] = r.warnings;
  s["line_stats"] = r.line_stats;
  return s;
}

}  // namespace faultline::record
