#include "injector/report/compare.h"

#include <fmt/format.h>

#include <algorithm>

namespace faultline::report {
namespace {

/// Pairs the entries of two lists by their names, in the order of the first, then what only the second has.
template <class Entry, class Pick>
auto paired(const std::vector<Entry>& a, const std::vector<Entry>& b, std::string Entry::*name, Pick pick) {
  using Side = decltype(pick(a.front()));
  std::vector<Pair<Side>> rows;
  const auto find = [&](const std::vector<Entry>& list, const std::string& wanted) -> std::optional<Side> {
    for (const auto& entry : list)
      if (entry.*name == wanted) return pick(entry);
    return {};
  };
  for (const auto& entry : a) rows.push_back({entry.*name, pick(entry), find(b, entry.*name)});
  for (const auto& entry : b)
    if (!find(a, entry.*name)) rows.push_back({entry.*name, {}, pick(entry)});
  return rows;
}

ComparedRun head(const Summary& s) {
  return {s.verdict, s.exit_code,  s.name,   s.title,  s.started_at, s.seed,
          s.scale,   s.duration_s, s.kernel, s.engine, s.version};
}

ComparedHypothesis hypothesis_side(const Hypothesis& h) { return {h.held, h.expected, h.observed}; }

ComparedFault fault_side(const Fault& f) {
  return {f.asked_text, f.matched, f.dropped, f.applied_delay_us, f.lateness_us};
}

ComparedPhase phase_side(const ProbePhase& p) {
  ComparedPhase side;
  static_cast<Latency&>(side) = p;
  side.sent = p.sent;
  if (p.sent > 0) side.success = static_cast<double>(p.ok) / static_cast<double>(p.sent);
  return side;
}

std::vector<ProbePhase> phases_of(const Probe& probe) { return probe.phases; }

}  // namespace

Comparison compare(const Summary& a, const Summary& b) {
  Comparison out{head(a), head(b), {}, {}, {}, {}};
  out.hypotheses = paired(a.hypotheses, b.hypotheses, &Hypothesis::name, hypothesis_side);
  out.faults = paired(a.faults, b.faults, &Fault::name, fault_side);
  for (const auto& probe : paired(a.probes, b.probes, &Probe::name, phases_of))
    out.probes.push_back(
        {probe.name, paired(probe.a.value_or(std::vector<ProbePhase>()), probe.b.value_or(std::vector<ProbePhase>()),
                            &ProbePhase::phase, phase_side)});
  const auto differs = [&](const auto& one, const auto& other, const char* remark) {
    if (one != other) out.remarks.push_back(fmt::format("{}: {} and {}", remark, one, other));
  };
  const auto quoted = [](const std::string& text) { return fmt::format("\"{}\"", text); };
  differs(quoted(a.name), quoted(b.name), "these are runs of different plans");
  differs(a.seed, b.seed, "the seeds differ, and with them what chance did");
  differs(a.scale, b.scale, "the time scales differ");
  differs(quoted(a.kernel), quoted(b.kernel), "the kernels differ");
  differs(quoted(a.engine), quoted(b.engine), "the ways of attaching differ");
  for (const auto& f : out.faults)
    if (f.a && f.b && f.a->asked_text != f.b->asked_text)
      out.remarks.push_back(
          fmt::format("fault {} was asked otherwise: \"{}\" and \"{}\"", f.name, f.a->asked_text, f.b->asked_text));
  return out;
}

}  // namespace faultline::report
