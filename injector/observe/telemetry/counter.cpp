#include "injector/observe/telemetry/counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "injector/base/error.h"
#include "injector/probe/errors.h"
#include "telemetry.skel.h"

namespace faultline::observe {
namespace {

using Counts = record::ConnectionCounts;

constexpr std::pair<std::uint64_t Counts::*, int> kCounts[] = {
    {&Counts::opened, FL_OPENED},
    {&Counts::accepted, FL_ACCEPTED},
    {&Counts::closed, FL_CLOSED},
    {&Counts::retransmits, FL_RETRANSMITS},
    {&Counts::timeouts, FL_TIMEOUTS},
    {&Counts::resets_sent, FL_RESETS_SENT},
    {&Counts::resets_received, FL_RESETS_RECEIVED},
    {&Counts::bytes_sent, FL_BYTES_SENT},
    {&Counts::bytes_received, FL_BYTES_RECEIVED},
};
static_assert(std::size(kCounts) == FL_FAILED);

/// As a probe would call it.
std::string error_of(int kind) {
  switch (kind) {
    case FL_FAILED_ABANDONED:
      return "abandoned";
    case FL_FAILED_REFUSED:
      return probe::network_error(ECONNREFUSED);
    case FL_FAILED_TIMED_OUT:
      return probe::network_error(ETIMEDOUT);
    case FL_FAILED_RESET:
      return probe::network_error(ECONNRESET);
    case FL_FAILED_HOST:
      return probe::network_error(EHOSTUNREACH);
    case FL_FAILED_NET:
      return probe::network_error(ENETUNREACH);
    default:
      return "other";
  }
}

pen::BpfObject open_telemetry() {
  std::size_t size = 0;
  const void* bytes = telemetry__elf_bytes(&size);
  return {"fl_telemetry", bytes, size};
}

/// The smallest value of a bucket, in ns.
Ns floor_of(std::uint32_t bucket) {
  const std::uint64_t fine = std::uint64_t{bucket} << FL_TELEMETRY_RTT_SHIFT;
  std::uint64_t value = fine;  // in 1/16 us
  if (fine >= FL_HIST_SUB) value = (FL_HIST_SUB + fine % FL_HIST_SUB) << (fine / FL_HIST_SUB - 1);
  return static_cast<Ns>(value * kMicrosecond >> FL_TELEMETRY_RTT_SHIFT);
}

}  // namespace

Ns rtt_of_bucket(std::uint32_t bucket) { return (floor_of(bucket) + floor_of(bucket + 1)) / 2; }

TelemetryCounter::TelemetryCounter(std::uint32_t targets, const std::vector<Place>& places,
                                   const TelemetrySupport& support)
    : object_(open_telemetry()), by_cpu_(static_cast<std::size_t>(libbpf_num_possible_cpus())) {
  fl_telemetry_config config{};
  for (const auto& place : places) config.cgroup_levels |= static_cast<__u32>(place.levels);
  config.retransmit_error = support.retransmit_error;
  std::set<std::uint64_t> spaces;
  for (const auto& place : places) spaces.insert(place.netns);
  if (spaces.size() <= std::size(config.netns)) std::copy(spaces.begin(), spaces.end(), config.netns);
  object_.configure(&config, sizeof config);
  object_.resize("telemetry_slots", targets * FL_TELEMETRY_RING);
  for (const auto* one : support.missing) object_.leave_out(one->program);
  object_.load();
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> masks;
  for (const auto& place : places) masks[{place.netns, place.cgroup}] |= 1u << place.target;
  for (const auto& [where, mask] : masks) {
    const fl_telemetry_place key{where.second, where.first};
    check_neg("fill the map of places", bpf_map_update_elem(object_.map("telemetry_places"), &key, &mask, BPF_ANY));
  }
  for (const auto& one : kTracepoints) {
    const int program = object_.program(one.program);
    if (program == -1) continue;
    const int link = bpf_raw_tracepoint_open(nullptr, program);
    check_neg(fmt::format("attach to the tracepoint {}", one.name), link);
    links_.emplace_back(link);
  }
}

void TelemetryCounter::count_in(Ns epoch, Ns until) const {
  // In two steps: a program that reads in between must not take one for the other's.
  for (const Ns end : {Ns{0}, until}) {
    const fl_telemetry_control control{static_cast<__u64>(epoch), static_cast<__u64>(end)};
    object_.update("telemetry_control", 0, &control);
  }
}

TelemetryCounter::Read TelemetryCounter::read(std::uint32_t target, std::uint64_t bucket) {
  const std::uint64_t number = bucket + 1;
  const auto key = static_cast<__u32>(target * FL_TELEMETRY_RING + number % FL_TELEMETRY_RING);
  check_neg("read telemetry", bpf_map_lookup_elem(object_.map("telemetry_slots"), &key, by_cpu_.data()));
  Read result;
  fl_telemetry_slot sum{};
  for (const auto& slot : by_cpu_) {
    result.overwritten |= slot.number > number;
    if (slot.number != number) continue;
    sum.number = number;
    for (std::size_t i = 0; i < std::size(sum.counts); i++) sum.counts[i] += slot.counts[i];
    for (std::size_t i = 0; i < std::size(sum.rtt); i++) sum.rtt[i] += slot.rtt[i];
  }
  if (sum.number == 0) return result;
  auto& counted = result.counted.emplace();
  counted.from = static_cast<Ns>(bucket) * kBucket;
  counted.length = kBucket;
  for (const auto& [member, which] : kCounts) counted.*member = sum.counts[which];
  for (int kind = 0; kind < FL_FAILED_KINDS; kind++)
    if (const auto n = sum.counts[FL_FAILED + kind]; n > 0) counted.failed[error_of(kind)] += n;
  for (std::uint32_t i = 0; i < std::size(sum.rtt); i++)
    if (sum.rtt[i] > 0) counted.rtt.emplace_back(rtt_of_bucket(i), sum.rtt[i]);
  return result;
}

}  // namespace faultline::observe
