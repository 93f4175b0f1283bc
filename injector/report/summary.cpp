#include "injector/report/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/shell.h"
#include "injector/base/text.h"

namespace faultline::report {
namespace {

using nlohmann::json;

json since_t0(std::optional<Ns> t) { return t ? json(seconds(*t)) : json(nullptr); }

json spread(const faults::Spread& s) {
  if (s.count == 0) return {{"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"max", nullptr}, {"count", 0}};
  return {{"p50", s.p50}, {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}, {"count", s.count}};
}

json fault_json(const record::FaultRecord& fault) {
  json j = {{"name", fault.name},          {"kind", fault.kind},           {"on", fault.on},
            {"peer", fault.peer},          {"direction", fault.direction}, {"start_s", seconds(fault.start)},
            {"end_s", seconds(fault.end)}, {"asked", fault.asked},         {"asked_text", fault.asked_text}};
  j["idle"] = fault.idle;
  j["counted"] = fault.account.has_value();
  const faults::Account account = fault.account.value_or(faults::Account{});
  const auto put = [](json& to, const faults::Counts& counts) {
    for (const auto& one : faults::kCounts) to[one.in_summary] = counts.*one.in;
    to["bytes_matched"] = counts.bytes;
  };
  put(j, account);
  j["packets_undelivered"] = account.undelivered.total();
  for (const auto& one : faults::kUndelivered) j["undelivered"][one.name] = account.undelivered.*one.in;
  j["applied_delay_us"] = spread(account.applied_delay);
  j["held_us"] = spread(account.held);
  j["lateness_us"] = spread(account.lateness);
  j["left_line_late"] = {{"packets", account.left_late.all}, {"while_full", account.left_late.full}};
  j["lateness_limit_us"] = static_cast<double>(record::lateness_limit(fault)) / kMicrosecond;
  j["first_affected_s"] = since_t0(account.first_affected);
  j["last_affected_s"] = since_t0(account.last_affected);
  j["onset_error_us"] = nullptr;
  if (account.first_affected)
    j["onset_error_us"] =
        static_cast<double>(*account.first_affected - account.planned_onset.value_or(fault.start)) / kMicrosecond;
  j["targets"] = json::array();
  for (const auto& one : account.targets)
    j["targets"].push_back({{"target", one.target}, {"packets_matched", one.matched}});
  json sites = json::array();
  for (const auto& site : account.sites) put(sites.emplace_back(json{{"site", site.site}}), site);
  j["sites"] = sites;
  return j;
}

json quantiles_ms(const record::Distribution& values) {
  json all = json::object();
  for (const auto& [name, per_mille] : record::kQuantiles)
    all[name] = values.count() == 0 ? json(nullptr) : json(milliseconds(values.quantile(per_mille)));
  return all;
}

json stats_json(const std::string& phase, const record::PhaseStats& stats) {
  json latency = json::object(), never = json::array();
  for (const auto& [name, per_mille] : record::kQuantiles) {
    const auto value = stats.latency.quantile(per_mille);
    latency[name] = value ? json(milliseconds(*value)) : json(nullptr);
    if (!value && stats.sent > 0) never.push_back(name);
  }
  return {{"phase", phase},
          {"sent", stats.sent},
          {"ok", stats.ok},
          {"failed", stats.sent - stats.ok},
          {"by_error", stats.by_error},
          {"latency_ms", latency},
          {"never", never},
          {"ok_latency_ms", quantiles_ms(stats.latency.ok)},
          {"failed_latency_ms", quantiles_ms(stats.latency.failed)}};
}

json guard_record_json(const record::GuardRecord& g) {
  json j = {{"name", g.guard.name},
            {"probe", g.guard.probe},
            {"during", g.guard.during.empty() ? json(nullptr) : json(g.guard.during)},
            {"condition", plan::condition_text(g.guard)},
            {"tripped", g.trip.has_value()},
            {"t_s", nullptr},
            {"observed", nullptr}};
  if (!g.trip) return j;
  j["t_s"] = seconds(g.trip->when);
  j["observed"] = g.trip->observed;
  return j;
}

json probe_json(const record::Recording& r, const record::ProbeRecord& probe) {
  json in_phases = json::array();
  for (const auto& phase : record::phases(r))
    in_phases.push_back(stats_json(phase.name, record::stats_in(probe, phase.start, phase.end)));
  const record::Recovery recovery = record::recovery_of(r, probe);
  return {{"name", probe.name},
          {"kind", probe.kind},
          {"subject", probe.subject},
          {"from", probe.from},
          {"every_ms", milliseconds(probe.every)},
          {"phases", in_phases},
          {"late_sends", probe.late.above(record::late_limit(probe))},
          {"send_lateness_ms",
           {{"p50", milliseconds(probe.late.quantile(500))},
            {"p99", milliseconds(probe.late.quantile(990))},
            {"max", milliseconds(probe.late.max())}}},
          {"recovered_after_s", recovery.after ? json(seconds(*recovery.after)) : json(nullptr)},
          {"recovery_judged", recovery.judged}};
}

}  // namespace

json summarize(const record::Recording& r, const record::Verdict& verdict) {
  json s = {{"verdict", verdict.word()},
            {"exit_code", static_cast<int>(verdict.exit)},
            {"reasons", verdict.reasons},
            {"name", r.name},
            {"title", r.title},
            {"started_at", r.started_at},
            {"duration_s", seconds(r.duration)},
            {"observed_s", seconds(r.observed_until())},
            {"seed", r.seed},
            {"scale", r.scale},
            {"vars", r.vars},
            {"repeat", shell_line(r.repeat)},
            {"repeat_masked", r.repeat_masked},
            {"version", r.version},
            {"host", r.host},
            {"kernel", r.kernel},
            {"line", r.line},
            {"engine", r.engine},
            {"journal", "journal.jsonl"},
            {"interrupted", !r.ended}};
  json in_phases = json::array(), faults = json::array(), probes = json::array(), hypotheses = json::array();
  for (const auto& p : record::phases(r))
    in_phases.push_back({{"phase", p.name}, {"start_s", seconds(p.start)}, {"end_s", seconds(p.end)}});
  for (const auto& fault : r.faults) faults.push_back(fault_json(fault));
  for (const auto& probe : r.probes) probes.push_back(probe_json(r, probe));
  for (const auto& h : verdict.hypotheses)
    hypotheses.push_back({{"name", h.name},
                          {"probe", h.probe},
                          {"during", h.during},
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
  s["tolerance"] = {{"packets", r.tolerance.packets}, {"of_loss", r.tolerance.of_loss}};
  s["warnings"] = record::folded(r.warnings);
  for (const auto& warning : verdict.warnings) s["warnings"].push_back(warning);
  s["escapes"] = json::array();
  for (const auto& e : r.escapes)
    s["escapes"].push_back({{"site", e.site},
                            {"device", e.device},
                            {"hook", e.hook},
                            {"why", e.why},
                            {"from_s", seconds(e.from)},
                            {"until_s", since_t0(e.until)},
                            {"packets_at_most", e.packets},
                            {"bytes_at_most", e.bytes},
                            {"bounded", e.bounded},
                            {"faults", e.faults}});
  s["line_stats"] = r.line_stats;
  return s;
}

std::string latency_text(const json& phase, const char* whose, const char* quantile) {
  const json& value = phase.at(whose).at(quantile);
  if (value.is_number()) return short_microseconds(value.get<double>() * 1000);
  const json& never = phase.at("never");
  const bool is_never =
      std::string_view(whose) == "latency_ms" && std::find(never.begin(), never.end(), quantile) != never.end();
  return is_never ? "never" : "";
}

std::string broken_text(const json& h) {
  return fmt::format("probe {} during {}: expected {}, observed {}", h.value("probe", ""), h.value("during", ""),
                     h.value("expected", ""), h.value("observed", ""));
}

std::vector<std::string> broken_hypotheses(const json& summary) {
  std::vector<std::string> lines;
  for (const json& h : summary.at("hypotheses"))
    if (h.at("held").is_boolean() && !h.at("held").get<bool>())
      lines.push_back(fmt::format("{}: {}", h.value("name", ""), broken_text(h)));
  return lines;
}

}  // namespace faultline::report
