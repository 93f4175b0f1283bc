#include "injector/screen/watch.h"

#include <algorithm>

#include "injector/plan/asked.h"
#include "injector/record/sample_batch.h"

namespace faultline::screen {
namespace {

/// Its conditions, and nothing but them: they are true or not of the requests so far.
bool can_be_watched(const plan::Hypothesis& hypothesis) {
  if (hypothesis.eventually) return false;
  const auto relative = [](const plan::Bound& bound) { return bound.measure == plan::Bound::Measure::times_baseline; };
  bool any = hypothesis.errors.has_value();
  for (const auto& key : plan::Conditions::keys()) {
    const auto& bound = hypothesis.*key.bound;
    any |= bound.has_value();
    if (bound && relative(*bound)) return false;
  }
  if (hypothesis.errors)
    for (const auto& [error, bound] : *hypothesis.errors)
      if (relative(bound)) return false;
  return any;
}

}  // namespace

record::Latencies WatchedPhase::latencies() const {
  record::Latencies all;
  for (const auto& [value, count] : latency) all.ok.add(value, count);
  for (const auto& [value, count] : failing) all.failed.add(value, count);
  all.lost = all.failed.count();
  return all;
}

ProbeWatch::ProbeWatch(const plan::Probe& probe, const std::vector<record::Phase>* outline)
    : name(probe.name), timeout(probe.timeout), phases(outline->size()), outline_(outline), slots_(kSlots) {}

void ProbeWatch::add(const probe::Sample& sample, Ns now) {
  recent_.push_back({now, sample.latency, sample.ok});
  while (recent_.size() > kRecent || (!recent_.empty() && recent_.front().at < now - kSecond)) recent_.pop_front();

  if (!sample.ok) {
    const Ns second = now / kSecond * kSecond;
    if (failed_.empty() || failed_.back().second != second) failed_.push_back({second, {}});
    while (failed_.front().second < now - kErrorsFor - kSecond) failed_.pop_front();
    ++failed_.back().by_error[sample.error];
  }

  const std::int64_t index = std::max<Ns>(sample.due, 0) / kSlot;
  WatchedSlot& slot = slots_[static_cast<std::size_t>(index % kSlots)];
  if (slot.index < index) {
    slot = {};
    slot.index = index;
  }
  if (slot.index == index) {  // else it is from more than a minute ago
    ++slot.finished;
    slot.ok += sample.ok;
    if (sample.ok) slot.latency_sum += sample.latency;
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const record::Phase& phase = (*outline_)[i];
    if (sample.due < phase.start || sample.due >= phase.end) continue;
    ++phases[i].finished;
    phases[i].ok += sample.ok;
    ++(sample.ok ? phases[i].latency : phases[i].failing)[record::rounded(sample.latency)];
  }
}

LastSecond ProbeWatch::last_second(Ns now) const {
  LastSecond last;
  record::Latencies latency;
  for (auto it = recent_.rbegin(); it != recent_.rend() && it->at >= now - kSecond; ++it) {
    ++last.finished;
    last.ok += it->ok;
    if (it->ok)
      latency.ok.add(it->latency);
    else
      ++latency.lost;
  }
  last.p50 = latency.quantile(500);
  last.p99 = latency.quantile(990);
  return last;
}

std::vector<std::pair<std::string, std::uint64_t>> ProbeWatch::last_errors(Ns now) const {
  std::map<std::string, std::uint64_t> sum;
  for (const auto& failed : failed_)
    if (failed.second >= now - kErrorsFor)
      for (const auto& [error, count] : failed.by_error) sum[error] += count;
  return record::most_frequent(sum);
}

WatchedSlot ProbeWatch::slot(std::int64_t index) const {
  if (index < 0) return {};
  const WatchedSlot& slot = slots_[static_cast<std::size_t>(index % kSlots)];
  return slot.index == index ? slot : WatchedSlot{};
}

void ConnectionWatch::add(const record::events::Telemetry& span) {
  recent_.push_back(span);
  recent_.back().peers.reset();
  while (recent_.front().from < span.from - 2 * kSecond) recent_.pop_front();
}

record::TelemetryStats ConnectionWatch::last_second(Ns now) const {
  record::TelemetryStats stats;
  const Ns told = now - kToldAfter;
  for (const auto& span : recent_)
    if (span.from > told - kSecond && span.from <= told) stats.add(span);
  return stats;
}

Watch::Watch(const plan::Plan& plan) : title(plan.title.empty() ? plan.name : plan.title), duration(plan.duration) {
  for (const auto& fault : plan.faults) faults.push_back({fault.name, plan::asked_text(fault), fault.start, fault.end});
  phases = record::phases(plan);
  for (const auto& probe : plan.probes) probes.emplace_back(probe, &phases);
  for (const auto& target : plan.telemetry) connections.emplace_back(target);
  for (const auto& guard : plan.guards) guards.push_back({guard.name, plan::condition_text(guard)});
  for (const auto& hypothesis : plan.hypotheses) {
    const auto window = record::window_of(plan, hypothesis);
    if (!window || !can_be_watched(hypothesis)) continue;
    for (std::size_t i = 0; i < plan.probes.size(); ++i)
      if (plan.probes[i].name == hypothesis.probe)
        hypotheses.push_back({hypothesis.name, i, window->start, window->end,
                              record::Tally(hypothesis, record::Tally::OfNone::as_judged)});
  }
}

void Watch::add(const probe::Sample& sample, Ns now) {
  if (sample.probe >= probes.size()) return;
  probes[sample.probe].add(sample, now);
  for (auto& one : hypotheses)
    if (one.probe == sample.probe && sample.due >= one.start && sample.due < one.end)
      one.tally.add({sample.ok, sample.latency, sample.error});
}

void Watch::add(const record::events::Telemetry& span) {
  for (auto& one : connections)
    if (one.name == span.target) one.add(span);
}

}  // namespace faultline::screen
