#include "injector/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/report/bootstrap.h"
#include "injector/report/compare_figures.h"

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

/// The newest of either side beside one another.
void put_side_by_side(Comparison& out, const Summary& a, const Summary& b) {
  out.a = head(a);
  out.b = head(b);
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
}

/// Why a run does not count; empty: it does.
std::string uncounted(const KeptRun& run) {
  const Summary& s = run.summary;
  if (s.interrupted) return "its journal has no end";
  if (s.exit_code != 0 && s.exit_code != 1) return fmt::format("it was {}", s.verdict);
  if (run.probes.empty() && !s.probes.empty()) return "of it only the summary was kept";
  return "";
}

std::vector<const KeptRun*> counted_runs(Comparison& out, const std::vector<KeptRun>& runs, const char* side) {
  std::vector<const KeptRun*> counted;
  for (const auto& run : runs) {
    const std::string why = uncounted(run);
    if (why.empty())
      counted.push_back(&run);
    else
      out.left_out.push_back({run.where.empty() ? run.summary.started_at : run.where, side, why});
  }
  return counted;
}

std::size_t count_of(const Comparison& c, Change verdict) {
  return static_cast<std::size_t>(std::count_if(c.figures.begin(), c.figures.end(),
                                                [&](const ComparedFigure& one) { return one.verdict == verdict; }));
}

/// What is told first of those with a verdict: success; then requests before connections, the most certain, and the
/// largest of equals. There is one with this verdict.
const ComparedFigure& foremost(const Comparison& c, Change verdict) {
  const auto order = [](const ComparedFigure& one) {
    return std::tuple{one.figure != "success", one.telemetry.has_value(), *one.p,
                      one.change ? -std::abs(*one.change) : -INFINITY};
  };
  const ComparedFigure* best = nullptr;
  for (const auto& one : c.figures)
    if (one.verdict == verdict && (!best || order(one) < order(*best))) best = &one;
  return *best;  // NOLINT(clang-analyzer-core.uninitialized.UndefReturn): whoever asks has seen one
}

std::string why_not_judged(const Comparison& c) {
  for (const auto& [runs, side, name] : {std::tuple{c.runs_a, "a", "before"}, {c.runs_b, "b", "after"}})
    if (runs == 0)
      for (const auto& one : c.left_out)
        if (one.side == side) return fmt::format("no run {} counts: of {}, {}", name, one.run, one.reason);
  return c.figures.empty() ? "no probe and phase are in both" : c.figures.front().reason;
}

void tell(Comparison& c) {
  const std::size_t worse = count_of(c, Change::worse), better = count_of(c, Change::better),
                    judged = c.figures.size() - count_of(c, Change::not_judged);
  c.verdict = worse > 0 ? Change::worse : better > 0 ? Change::better : judged > 0 ? Change::noise : Change::not_judged;
  c.exit_code = c.verdict == Change::worse ? 1 : c.verdict == Change::not_judged ? 2 : 0;
  const std::string sure = fmt::format("{} compared, {} confidence", judged, plan::format_probability(c.confidence));
  const auto first = [&](Change verdict) {
    const ComparedFigure& f = foremost(c, verdict);
    return fmt::format("{}: {} during {}: {}", word(verdict), whose_text(f), f.phase, figure_text(f));
  };
  if (c.verdict == Change::not_judged)
    c.told = fmt::format("{}: {}", word(c.verdict), why_not_judged(c));
  else if (c.verdict == Change::noise)
    c.told = fmt::format("noise: no figure changed by {} or more beyond chance ({})",
                         plan::format_probability(c.least_change), sure);
  else
    c.told = fmt::format("{} ({} worse, {} better of {})", first(c.verdict), worse, better, sure);
}

}  // namespace

std::string whose_text(const ComparedFigure& f) {
  return f.telemetry ? fmt::format("{}'s connections", *f.telemetry) : f.probe;
}

std::string figure_value(const ComparedFigure& f, const std::optional<double>& value) {
  const Figure figure = figure_named(f.figure);
  if (figure.is_share()) return value ? percent(*value) : "-";
  if (figure.is_number) return value ? fmt::format("{:.3g}/s", *value) : "-";
  if (value) return short_microseconds(*value * 1000);
  return f.reason.empty() ? "never" : "-";
}

std::string change_text(const ComparedFigure& f, const std::optional<double>& change) {
  if (!change) return "";
  return f.figure == "success" ? fmt::format("{:+.1f} points", 100 * *change) : fmt::format("{:+.0f}%", 100 * *change);
}

std::string figure_text(const ComparedFigure& f) {
  const std::string change = change_text(f, f.change);
  return fmt::format("{} {} -> {}{}", f.figure, figure_value(f, f.a), figure_value(f, f.b),
                     change.empty() ? "" : fmt::format(", {}", change));
}

Comparison compare(const std::vector<KeptRun>& before, const std::vector<KeptRun>& after, const CompareRules& rules) {
  Comparison out;
  put_side_by_side(out, before.back().summary, after.back().summary);
  out.confidence = rules.confidence;
  out.least_change = rules.least_change;
  const auto a = counted_runs(out, before, "a"), b = counted_runs(out, after, "b");
  out.runs_a = a.size();
  out.runs_b = b.size();
  if (!a.empty() && !b.empty()) out.figures = compared_figures(a, b, rules);
  tell(out);
  return out;
}

}  // namespace faultline::report
