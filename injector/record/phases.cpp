#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/record/verdict.h"
#include "injector/record/windows.h"

namespace faultline::record {
namespace {

template <class Faults>
std::vector<Phase> lay_out(Ns duration, const Faults& faults) {
  std::vector<Phase> all;
  const auto add = [&](const std::string& name, Ns start, Ns end) {
    end = std::min(end, duration);
    if (start < end) all.push_back({name, start, end});
  };
  Ns first = duration, last = faults.empty() ? duration : 0;
  for (const auto& fault : faults) {
    first = std::min(first, fault.start);
    last = std::max(last, fault.end);
  }
  add("baseline", 0, first);
  for (const auto& fault : faults) add(fault.name, fault.start, fault.end);
  add("recovery", last, duration);
  return all;
}

template <class Run>
std::optional<Phase> phase_of(const Run& run, const std::string& name) {
  if (name == "run" && run.duration > 0) return Phase{name, 0, run.duration};
  for (auto& phase : phases(run))
    if (phase.name == name) return phase;
  return {};
}

/// Where a window begins in its phase; nothing: it waits for an event, and that did not come.
std::optional<Ns> begin_in(const Recording& r, const plan::Hypothesis& hypothesis, const Phase& phase) {
  if (!hypothesis.after_event) return phase.start;
  const EventRecord* record = find_event(r, *hypothesis.after_event);
  const auto* first = record == nullptr ? nullptr : record->first_in(phase.start, phase.end);
  if (first == nullptr) return {};
  return first->when;
}
/// Of a plan that has not been played it is not known when an event comes.
std::optional<Ns> begin_in(const plan::Plan&, const plan::Hypothesis& hypothesis, const Phase& phase) {
  if (hypothesis.after_event) return {};
  return phase.start;
}

template <class Run>
std::optional<Phase> window_in(const Run& run, const plan::Hypothesis& hypothesis) {
  const std::optional<Phase> phase = phase_of(run, hypothesis.during);
  if (!phase) return {};
  const std::optional<Ns> begin = begin_in(run, hypothesis, *phase);
  if (!begin) return {};
  const auto [start, end] = hypothesis.window_in(*begin, phase->end);
  if (start >= end) return {};
  return Phase{plan::window_text(hypothesis), start, end};
}

}  // namespace

std::vector<Phase> phases(const Recording& r) { return lay_out(r.duration, r.faults); }
std::vector<Phase> phases(const plan::Plan& plan) { return lay_out(plan.duration, plan.faults); }

std::optional<Phase> find_phase(const Recording& r, const std::string& name) { return phase_of(r, name); }

std::optional<Phase> window_of(const Recording& r, const plan::Hypothesis& h) { return window_in(r, h); }
std::optional<Phase> window_of(const plan::Plan& plan, const plan::Hypothesis& h) { return window_in(plan, h); }

std::vector<Ns> edges(const plan::Plan& plan) {
  std::set<Ns> edges{plan.duration};
  for (const auto& fault : plan.faults) edges.insert({fault.start, fault.end});
  for (const auto& hypothesis : plan.hypotheses)
    if (const auto window = window_of(plan, hypothesis)) edges.insert({window->start, window->end});
  return {edges.begin(), edges.end()};
}

std::string not_over_text(const std::string& stop_text, const std::string& what) {
  if (stop_text == kNeverBegan) return stop_text;  // nothing to be over
  return fmt::format("{} before {} was over", stop_text.empty() ? "the record ends" : stop_text, what);
}

PhaseStats stats_in(const ProbeRecord& probe, Ns start, Ns end) {
  PhaseStats stats;
  stats.length = end - start;
  for (const Requests& one : due_in(probe, start, end)) {
    stats.sent += one.count;
    if (one.error == 0) {
      stats.ok += one.count;
      stats.latency.ok.add(one.latency, one.count);
    } else {
      stats.latency.lost += one.count;
      if (one.latency != Requests::kUnknown) stats.latency.failed.add(one.latency, one.count);
      stats.by_error[probe.errors[one.error]] += one.count;
    }
  }
  return stats;
}

std::vector<std::pair<std::string, std::uint64_t>> most_frequent(const std::map<std::string, std::uint64_t>& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> all(counts.begin(), counts.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return all;
}

std::uint64_t PhaseStats::failed_by(const std::string& error) const {
  const auto it = by_error.find(error);
  return it == by_error.end() ? 0 : it->second;
}

Ns late_limit(const ProbeRecord& probe) { return std::max(10 * kMillisecond, probe.every); }
Ns lateness_limit(const FaultRecord& fault) { return std::max(kMillisecond, fault.delay / 10); }

}  // namespace faultline::record
