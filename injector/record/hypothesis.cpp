#include "injector/record/hypothesis.h"

#include <fmt/format.h>

#include <limits>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/record/distribution.h"

namespace faultline::record {
namespace {

/// The parts of a hypothesis put together: false if one is false, else unknown if one is unknown, else true.
class Parts {
 public:
  void add(std::optional<bool> held, const std::string& observed, const std::string& reason) {
    join(result_.observed, observed, ", ");
    const bool settled = result_.held && !*result_.held;
    if (held.value_or(false)) return;
    if (!held && settled) return;
    if (held && !settled) result_.reason.clear();  // a failure outweighs what could not be judged
    result_.held = held;
    join(result_.reason, reason, "; ");
  }
  Judgement result(const plan::Hypothesis& h) {
    result_.name = h.name;
    result_.probe = h.probe;
    result_.during = h.during.empty() ? "recovery" : h.during;
    result_.expected = plan::condition_text(h);
    return std::move(result_);
  }
  static void join(std::string& text, const std::string& more, const char* between) {
    if (more.empty()) return;
    if (!text.empty()) text += between;
    text += more;
  }

 private:
  Judgement result_{.name = {}, .probe = {}, .during = {}, .held = true, .expected = {}, .observed = {}, .reason = {}};
};

/// Whether a quantile is within its bound. Where there is nothing to take it of: that requests succeeded in time does
/// not hold if none did; that they failed in time holds if none failed.
std::optional<bool> holds(const plan::Conditions::Key& key, const plan::Bound& bound, const Latencies& latencies) {
  switch (key.of) {
    case plan::Conditions::Of::ok:
      return latencies.ok.count() > 0 && bound.holds(static_cast<double>(latencies.ok.quantile(key.per_mille)));
    case plan::Conditions::Of::failed:
      if (latencies.lost == 0) return bound.is_upper();
      if (latencies.failed.count() < latencies.lost) return {};
      return bound.holds(static_cast<double>(latencies.failed.quantile(key.per_mille)));
    default:
      break;
  }
  const auto value = latencies.quantile(key.per_mille);
  return bound.holds(value ? static_cast<double>(*value) : std::numeric_limits<double>::infinity());
}

std::string errors_text(const PhaseStats& stats) {
  std::string text;
  for (const auto& [error, count] : stats.by_error) Parts::join(text, fmt::format("{} {}", count, error), ", ");
  return text;
}

void judge_bounds(Parts& parts, const Recording& r, const plan::Hypothesis& h, const ProbeRecord& probe,
                  const std::string& stop_text) {
  const auto unknown = [&](const std::string& why) { parts.add({}, {}, why); };

  const auto phase = find_phase(r, h.during);
  if (!phase) return unknown(fmt::format("the run has no phase \"{}\"", h.during));
  if (r.observed_until() < phase->end)
    return unknown(
        fmt::format("{} before \"{}\" was over", stop_text.empty() ? "the record ends" : stop_text, h.during));
  const PhaseStats stats = stats_in(probe, phase->start, phase->end);
  if (stats.sent == 0) return unknown(fmt::format("no request of \"{}\" was due in \"{}\"", probe.name, h.during));

  if (h.success) {
    const bool held = h.success->holds(stats.success());
    parts.add(
        held,
        fmt::format("success {} ({} of {})", percent(stats.success()), thousands(stats.ok), thousands(stats.sent)),
        stats.by_error.empty() ? "success" : "success: " + errors_text(stats));
  }
  for (const auto& key : plan::Conditions::keys())
    if (const auto& bound = h.*key.bound; bound && key.of != plan::Conditions::Of::share)
      parts.add(holds(key, *bound, stats.latency), figure_text(key, stats.latency), key.name);
}

void judge_recovery(Parts& parts, const Recording& r, Ns within, const ProbeRecord& probe,
                    const std::string& stop_text) {
  const Recovery recovery = recovery_of(r, probe);
  if (!recovery.judged) {
    std::string why = recovery.reason;
    if (!stop_text.empty()) why = stop_text + ": " + why;
    return parts.add({}, {}, why);
  }
  if (recovery.after) {
    parts.add(*recovery.after <= within,
              *recovery.after == 0 ? "recovered at once" : "recovered after " + short_duration(*recovery.after),
              "recovery");
    return;
  }
  const Ns looked = r.observed_until() - find_phase(r, "recovery")->start;
  if (looked < within + 3 * kSecond)
    return parts.add({}, fmt::format("not recovered in {}", short_duration(looked)),
                     fmt::format("only {} were observed after the fault: {} and 3 s more are needed",
                                 short_duration(looked), plan::format_duration(within)));
  parts.add(false, fmt::format("not recovered in {}", short_duration(looked)), "recovery");
}

}  // namespace

Judgement judge_hypothesis(const Recording& r, const plan::Hypothesis& h, const std::string& stop_text) {
  Parts parts;
  const ProbeRecord* probe = r.find_probe(h.probe);
  if (!probe) {
    parts.add({}, {}, fmt::format("there is no probe \"{}\"", h.probe));
    return parts.result(h);
  }
  if (h.any()) judge_bounds(parts, r, h, *probe, stop_text);
  if (h.recovers_within) judge_recovery(parts, r, *h.recovers_within, *probe, stop_text);
  return parts.result(h);
}

}  // namespace faultline::record
