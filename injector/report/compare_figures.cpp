#include "injector/report/compare_figures.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "injector/report/bootstrap.h"

namespace faultline::report {
namespace {

/// Of every run that has it.
std::vector<const KeptPhase*> everywhere(const std::vector<const KeptRun*>& runs, const std::string& probe,
                                         const std::string& phase) {
  std::vector<const KeptPhase*> all;
  for (const auto* run : runs)
    if (const auto* found = run->find(probe, phase)) all.push_back(found);
  return all;
}

/// Of success b less a, of all else by which share b is above a; nothing where one is "never", or a is 0.
std::optional<double> change_of(const Difference& d) {
  if (!d.a || !d.b) return {};
  if (d.figure.is_share()) return *d.b - *d.a;
  return *d.a > 0 ? std::optional(*d.b / *d.a - 1) : std::nullopt;
}

bool matters(const Difference& d, const CompareRules& rules) {
  if (d.figure.is_number) return std::abs(d.effect) >= d.least;
  if (const auto change = change_of(d)) {
    const Band small = too_small(d.figure, *d.a, rules);
    return *change <= small.low || *change >= small.high;
  }
  return d.a.has_value() != d.b.has_value();
}

ComparedFigure figure_of(const Difference& d, double p, const CompareRules& rules) {
  ComparedFigure out;
  out.figure = d.figure.name;
  out.a = d.a;
  out.b = d.b;
  out.reason = d.reason;
  const bool share = d.figure.is_share();
  out.change = change_of(d);
  if (!d.known) return out;
  out.p = p;
  if (out.change) {
    const auto as_change = [&](double effect) {
      return share ? effect : d.figure.is_number ? effect / *d.a : std::exp(effect) - 1;
    };
    out.low = as_change(d.effect - d.margin);
    out.high = as_change(d.effect + d.margin);
    if (d.figure.is_number) out.low = std::max(*out.low, -1.0);  // none is the least
  }
  out.verdict = Change::noise;
  if (p < 1 - rules.confidence && matters(d, rules))
    out.verdict = (d.effect > 0) == share ? Change::better : Change::worse;
  return out;
}

/// A difference, and what it is of.
struct Found {
  Difference difference;
  ComparedFigure of;
};

/// Names and phases of all runs of a side, each pair once, in the order in which they come: the first run may be of a
/// plan that asked less.
template <class Things, class Name>
std::vector<std::pair<std::string, std::string>> parts_of(const std::vector<const KeptRun*>& runs,
                                                          Things KeptRun::*things, Name name) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto* run : runs)
    for (const auto& thing : run->*things)
      for (const auto& phase : thing.phases) {
        std::pair part(thing.*name, phase.phase);
        if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(std::move(part));
      }
  return parts;
}

void find_of_probes(std::vector<Found>& all, const std::vector<const KeptRun*>& before,
                    const std::vector<const KeptRun*>& after, const CompareRules& rules) {
  for (const auto& [probe, phase] : parts_of(before, &KeptRun::probes, &KeptProbe::name)) {
    const auto a = everywhere(before, probe, phase), b = everywhere(after, probe, phase);
    if (a.empty() || b.empty()) continue;
    ComparedFigure of;
    of.probe = probe;
    of.phase = phase;
    for (auto& one : differences(a, b, rules)) all.push_back({std::move(one), of});
  }
}

/// One phase of a target's connections, of every run that has it.
using Everywhere = std::vector<const KeptConnections*>;

/// The quantiles of a time. Nothing is found where a run has none.
void find_of_times(std::vector<Found>& all, const Everywhere& a, const Everywhere& b,
                   std::vector<KeptBlock> KeptConnections::*times, std::span<const Figure> figures,
                   const ComparedFigure& of, const CompareRules& rules) {
  std::vector<KeptPhase> phases;
  for (const auto* side : {&a, &b})
    for (const auto* one : *side) phases.push_back({one->phase, one->length_s, one->*times});
  if (std::any_of(phases.begin(), phases.end(), [](const KeptPhase& one) { return one.blocks.empty(); })) return;
  std::vector<const KeptPhase*> before, after;
  for (std::size_t i = 0; i < phases.size(); i++) (i < a.size() ? before : after).push_back(&phases[i]);
  for (auto& one : differences(before, after, rules, figures)) all.push_back({std::move(one), of});
}

void find_of_connections(std::vector<Found>& all, const std::vector<const KeptRun*>& before,
                         const std::vector<const KeptRun*>& after, const CompareRules& rules) {
  for (const auto& [target, phase] : parts_of(before, &KeptRun::telemetry, &KeptTarget::target)) {
    Everywhere a, b;
    for (const auto& [runs, found] : {std::pair{&before, &a}, {&after, &b}})
      for (const auto* run : *runs)
        if (const auto* one = run->find_connections(target, phase)) found->push_back(one);
    if (a.empty() || b.empty()) continue;
    ComparedFigure of;
    of.telemetry = target;
    of.phase = phase;
    find_of_times(all, a, b, &KeptConnections::rtt, kRttFigures, of, rules);
    find_of_times(all, a, b, &KeptConnections::turns, kTurnFigures, of, rules);
    for (const auto& number : kKeptNumbers) {
      std::vector<NumberedPhase> side_a, side_b;
      for (const auto& [side, numbers] : {std::pair{&a, &side_a}, {&b, &side_b}})
        for (const auto* one : *side)
          if (const auto known = one->numbers.find(number.name); known != one->numbers.end())
            numbers->push_back({one->length_s, known->second});
      if (side_a.empty() || side_b.empty()) continue;
      all.push_back({number_difference(number.name, side_a, side_b, rules), of});
    }
  }
}

}  // namespace

std::vector<ComparedFigure> compared_figures(const std::vector<const KeptRun*>& before,
                                             const std::vector<const KeptRun*>& after, const CompareRules& rules) {
  std::vector<Found> all;
  find_of_probes(all, before, after, rules);
  find_of_connections(all, before, after, rules);
  std::vector<double> p;
  for (const auto& one : all)
    if (one.difference.known) p.push_back(one.difference.p);
  p = holm(p);
  std::vector<ComparedFigure> figures;
  auto next = p.begin();
  for (const auto& [difference, of] : all) {
    ComparedFigure& figure = figures.emplace_back(figure_of(difference, difference.known ? *next++ : 1, rules));
    figure.probe = of.probe;
    figure.telemetry = of.telemetry;
    figure.phase = of.phase;
  }
  return figures;
}

}  // namespace faultline::report
