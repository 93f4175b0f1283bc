#include "injector/record/sample_batch.h"

#include <algorithm>
#include <bit>

namespace faultline::record {

namespace {

constexpr int kLateBits = 4;

std::map<Ns, std::uint64_t> fitted(const std::map<Ns, std::uint64_t>& values) {
  std::map<Ns, std::uint64_t> fit = values;
  for (int bits = 6; fit.size() > SampleBatch::kMostValues && bits > 2; --bits) {
    fit.clear();
    for (const auto& [value, count] : values) fit[rounded(value, bits)] += count;
  }
  return fit;
}

}  // namespace

Ns rounded(Ns value, int bits) {
  if (value < Ns{1} << bits) return std::max<Ns>(value, 0);
  const int cut = std::bit_width(static_cast<std::uint64_t>(value)) - bits;
  return ((value >> cut) << cut) + ((Ns{1} << cut) >> 1);
}

void SampleBatch::add(const probe::Sample& sample) {
  ++late[rounded(sample.late, kLateBits)];
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
  for (const auto& [error, times] : failing) {
    const auto fit = fitted(times);
    samples.failing[error] = {fit.begin(), fit.end()};
  }
  for (const auto& [value, count] : fitted(latency)) samples.latency.emplace_back(std::min(value, latency_max), count);
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
