#include "injector/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/report/bootstrap.h"

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

/// Of every run that has it.
std::vector<const KeptPhase*> everywhere(const std::vector<const KeptRun*>& runs, const std::string& probe,
                                         const std::string& phase) {
  std::vector<const KeptPhase*> all;
  for (const auto* run : runs)
    if (const auto* found = run->find(probe, phase)) all.push_back(found);
  return all;
}

/// Of success b less a, of a latency by which share b is above a; nothing where one is "never".
std::optional<double> change_of(const Difference& d) {
  if (!d.a || !d.b) return {};
  if (d.figure->per_mille == 0) return *d.b - *d.a;
  return *d.a > 0 ? std::optional(*d.b / *d.a - 1) : std::nullopt;
}

bool matters(const Difference& d, const CompareRules& rules) {
  if (const auto change = change_of(d)) {
    const Band small = too_small(*d.figure, *d.a, rules);
    return *change <= small.low || *change >= small.high;
  }
  return d.a.has_value() != d.b.has_value();
}

ComparedFigure figure_of(const Difference& d, double p, const CompareRules& rules) {
  ComparedFigure out;
  out.figure = d.figure->name;
  out.a = d.a;
  out.b = d.b;
  out.reason = d.reason;
  const bool share = d.figure->per_mille == 0;
  out.change = change_of(d);
  if (!d.known) return out;
  out.p = p;
  if (out.change) {
    out.low = share ? d.effect - d.margin : std::exp(d.effect - d.margin) - 1;
    out.high = share ? d.effect + d.margin : std::exp(d.effect + d.margin) - 1;
  }
  out.verdict = Change::noise;
  if (p < 1 - rules.confidence && matters(d, rules))
    out.verdict = (d.effect > 0) == share ? Change::better : Change::worse;
  return out;
}

void judge_figures(Comparison& out, const std::vector<const KeptRun*>& before, const std::vector<const KeptRun*>& after,
                   const CompareRules& rules) {
  std::vector<Difference> all;
  std::vector<std::pair<std::string, std::string>> where;
  for (const auto& probe : before.front()->probes)
    for (const auto& phase : probe.phases) {
      const auto a = everywhere(before, probe.name, phase.phase), b = everywhere(after, probe.name, phase.phase);
      if (a.empty() || b.empty()) continue;
      for (auto& one : differences(a, b, rules)) {
        all.push_back(std::move(one));
        where.emplace_back(probe.name, phase.phase);
      }
    }
  std::vector<double> p;
  for (const auto& one : all)
    if (one.known) p.push_back(one.p);
  p = holm(p);
  auto next = p.begin();
  for (std::size_t i = 0; i < all.size(); i++) {
    out.figures.push_back(figure_of(all[i], all[i].known ? *next++ : 1, rules));
    out.figures.back().probe = where[i].first;
    out.figures.back().phase = where[i].second;
  }
}

std::size_t count_of(const Comparison& c, Change verdict) {
  return static_cast<std::size_t>(std::count_if(c.figures.begin(), c.figures.end(),
                                                [&](const ComparedFigure& one) { return one.verdict == verdict; }));
}

/// What is told first of those with a verdict: success; then the most certain, and the largest of equals.
const ComparedFigure& foremost(const Comparison& c, Change verdict) {
  const auto order = [](const ComparedFigure& one) {
    return std::tuple{one.figure != "success", *one.p, one.change ? -std::abs(*one.change) : -INFINITY};
  };
  const ComparedFigure* best = nullptr;
  for (const auto& one : c.figures)
    if (one.verdict == verdict && (!best || order(one) < order(*best))) best = &one;
  return *best;
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
    return fmt::format("{}: {} during {}: {}", word(verdict), f.probe, f.phase, figure_text(f));
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

std::string figure_value(const ComparedFigure& f, const std::optional<double>& value) {
  if (f.figure == "success") return value ? percent(*value) : "-";
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
  if (!a.empty() && !b.empty()) judge_figures(out, a, b, rules);
  tell(out);
  return out;
}

}  // namespace faultline::report
