#include "injector/screen/watch.h"

#include <algorithm>

#include "injector/plan/asked.h"
#include "injector/record/sample_batch.h"

namespace faultline::screen {

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

  const std::int64_t index = std::max<Ns>(sample.due, 0) / kSlot;
  WatchedSlot& slot = slots_[static_cast<std::size_t>(index % kSlots)];
  if (slot.index < index) {
    slot = {};
    slot.index = index;
  }
  if (slot.index == index) {  // else it is from more than a minute ago
    ++slot.sent;
    slot.ok += sample.ok;
    if (sample.ok) slot.latency_sum += sample.latency;
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const record::Phase& phase = (*outline_)[i];
    if (sample.due < phase.start || sample.due >= phase.end) continue;
    ++phases[i].sent;
    phases[i].ok += sample.ok;
    ++(sample.ok ? phases[i].latency : phases[i].failing)[record::rounded(sample.latency)];
  }
}

LastSecond ProbeWatch::last_second(Ns now) const {
  LastSecond last;
  record::Latencies latency;
  for (auto it = recent_.rbegin(); it != recent_.rend() && it->at >= now - kSecond; ++it) {
    ++last.sent;
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

WatchedSlot ProbeWatch::slot(std::int64_t index) const {
  if (index < 0) return {};
  const WatchedSlot& slot = slots_[static_cast<std::size_t>(index % kSlots)];
  return slot.index == index ? slot : WatchedSlot{};
}

Watch::Watch(const plan::Plan& plan) : title(plan.title.empty() ? plan.name : plan.title), duration(plan.duration) {
  for (const auto& fault : plan.faults) faults.push_back({fault.name, plan::asked_text(fault), fault.start, fault.end});
  phases = record::phases(plan);
  for (const auto& probe : plan.probes) probes.emplace_back(probe, &phases);
}

}  // namespace faultline::screen
