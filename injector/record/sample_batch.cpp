#include "injector/record/sample_batch.h"

#include <algorithm>
#include <bit>

namespace faultline::record {

Ns rounded(Ns value) {
  if (value < 128) return std::max<Ns>(value, 0);
  const int cut = std::bit_width(static_cast<std::uint64_t>(value)) - 7;
  return ((value >> cut) << cut) + ((Ns{1} << cut) >> 1);
}

void SampleBatch::add(const probe::Sample& sample) {
  ++late[rounded(sample.late)];
  if (sample.ok) {
    ++latency[rounded(sample.latency)];
    latency_max = std::max(latency_max, sample.latency);
  } else {
    ++failed[sample.error];
    ++failing[sample.error][rounded(sample.latency)];
  }
}

events::Samples SampleBatch::event(const std::string& probe_name) const {
  events::Samples samples;
  samples.probe = probe_name;
  samples.from = from;
  samples.to = to;
  samples.failed = failed;
  for (const auto& [error, times] : failing) samples.failing[error] = {times.begin(), times.end()};
  for (const auto& [value, count] : latency) samples.latency.emplace_back(std::min(value, latency_max), count);
  if (!samples.latency.empty()) {
    if (--samples.latency.back().second == 0) samples.latency.pop_back();
    samples.latency.emplace_back(latency_max, 1);
  }
  samples.late = {late.begin(), late.end()};
  return samples;
}

void SampleBatches::configure(std::vector<Ns> edges, std::vector<std::string> fast_probes) {
  edges_ = std::move(edges);
  std::sort(edges_.begin(), edges_.end());
  fast_ = {fast_probes.begin(), fast_probes.end()};
}

void SampleBatches::add(const std::string& probe_name, const probe::Sample& sample, Ns now) {
  Ns from = sample.due - ((sample.due % kCell) + kCell) % kCell;
  Ns to = from + kCell;
  const auto after = std::upper_bound(edges_.begin(), edges_.end(), sample.due);
  if (after != edges_.begin()) from = std::max(from, *(after - 1));
  if (after != edges_.end()) to = std::min(to, *after);

  const auto [it, fresh] = open_.try_emplace({probe_name, from});
  if (fresh) {
    it->second.from = from;
    it->second.to = to;
    it->second.opened = now;
  }
  it->second.add(sample);
}

std::vector<std::pair<std::string, SampleBatch>> SampleBatches::take(Ns opened_before) {
  std::vector<std::pair<std::string, SampleBatch>> taken;
  for (auto it = open_.begin(); it != open_.end();) {
    if (it->second.opened < opened_before) {
      taken.emplace_back(it->first.first, std::move(it->second));
      it = open_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

}  // namespace faultline::record
