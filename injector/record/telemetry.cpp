#include "injector/record/telemetry.h"

#include <type_traits>

namespace faultline::record {

std::uint64_t ConnectionCounts::all_failed() const {
  std::uint64_t all = 0;
  for (const auto& [error, count] : failed) all += count;
  return all;
}

void ConnectionCounts::add(const ConnectionCounts& other) {
  for_each_field<ConnectionCounts>([&](const auto& field) {
    if constexpr (std::is_same_v<decltype(field.in), std::uint64_t ConnectionCounts::*>)
      this->*field.in += other.*field.in;
  });
  for (const auto& [error, count] : other.failed) failed[error] += count;
}

TelemetryStats stats_in(const TelemetryRecord& record, Ns start, Ns end) {
  TelemetryStats stats;
  for (const auto& bucket : record.buckets) {
    if (bucket.from < start || bucket.from >= end) continue;
    stats.add(bucket);
    for (const auto& [rtt, count] : bucket.rtt) stats.rtt.add(rtt, count);
  }
  return stats;
}

}  // namespace faultline::record
