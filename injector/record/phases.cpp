#include <algorithm>

#include "injector/record/verdict.h"

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

}  // namespace

std::vector<Phase> phases(const Recording& r) { return lay_out(r.duration, r.faults); }
std::vector<Phase> phases(const plan::Plan& plan) { return lay_out(plan.duration, plan.faults); }

std::optional<Phase> find_phase(const Recording& r, const std::string& name) {
  if (name == "run" && r.duration > 0) return Phase{name, 0, r.duration};
  for (auto& phase : phases(r))
    if (phase.name == name) return phase;
  return {};
}

PhaseStats stats_in(const ProbeRecord& probe, Ns start, Ns end) {
  PhaseStats stats;
  auto it = std::lower_bound(probe.answers.begin(), probe.answers.end(), start,
                             [](const Requests& a, Ns t) { return a.due < t; });
  for (; it != probe.answers.end() && it->due < end; ++it) {
    stats.sent += it->count;
    if (it->error == 0) {
      stats.ok += it->count;
      stats.latency.ok.add(it->latency, it->count);
    } else {
      stats.latency.lost += it->count;
      if (it->latency != Requests::kUnknown) stats.latency.failed.add(it->latency, it->count);
      stats.by_error[probe.errors[it->error]] += it->count;
    }
  }
  return stats;
}

Ns late_limit(const ProbeRecord& probe) { return std::max(10 * kMillisecond, probe.every); }
Ns lateness_limit(const FaultRecord& fault) { return std::max(kMillisecond, fault.delay / 10); }

}  // namespace faultline::record
