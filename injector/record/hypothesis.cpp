#include "injector/record/hypothesis.h"

#include <fmt/format.h>

#include "injector/record/text.h"

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
    result_.expected = plan::condition_text(h);
    return std::move(result_);
  }
  static void join(std::string& text, const std::string& more, const char* between) {
    if (more.empty()) return;
    if (!text.empty()) text += between;
    text += more;
  }

 private:
  Judgement result_{.name = {}, .held = true, .expected = {}, .observed = {}, .reason = {}};
};

struct Named {
  const char* name;
  unsigned per_mille;
  const std::optional<plan::Bound>& bound;
};

std::string errors_text(const PhaseStats& stats) {
  std::string text;
  for (const auto& [error, count] : stats.by_error) Parts::join(text, fmt::format("{} {}", count, error), ", ");
  return text;
}

void judge_bounds(Parts& parts, const Recording& r, const plan::Hypothesis& h, const ProbeRecord& probe,
                  const std::string& stop_text) {
  const Named named[] = {{"p50", 500, h.p50}, {"p90", 900, h.p90}, {"p99", 990, h.p99}, {"max", 1000, h.max}};
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
  for (const auto& n : named) {
    if (!n.bound) continue;
    if (stats.ok == 0) {
      parts.add(false, fmt::format("{}: no request succeeded", n.name), "no request succeeded");
      continue;
    }
    const Ns value = stats.latency.quantile(n.per_mille);
    parts.add(n.bound->holds(static_cast<double>(value)), fmt::format("{} {}", n.name, short_duration(value)), n.name);
  }
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
                                 short_duration(looked), exact_duration(within)));
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
