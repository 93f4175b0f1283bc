#include "injector/observe/telemetry/counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "injector/base/error.h"
#include "injector/base/mapped.h"
#include "injector/plan/plan.h"
#include "injector/probe/errors.h"
#include "telemetry.skel.h"

namespace faultline::observe {
namespace {

using Counts = record::ConnectionCounts;

static_assert(plan::kMostPeers == FL_TELEMETRY_PEERS - 1);
static_assert(plan::kTelemetrySpan == FL_TELEMETRY_BUCKET);
/// Of many targets on many CPUs fewer peers are told apart; those that the plan names always.
constexpr std::size_t kMemoryOfPeers = 128 << 20;

constexpr std::pair<std::uint64_t Counts::*, int> kCounts[] = {
    {&Counts::opened, FL_OPENED},
    {&Counts::accepted, FL_ACCEPTED},
    {&Counts::closed, FL_CLOSED},
    {&Counts::retransmits, FL_RETRANSMITS},
    {&Counts::timeouts, FL_TIMEOUTS},
    {&Counts::retransmits_ours, FL_RETRANSMITS_OURS},
    {&Counts::resets_sent, FL_RESETS_SENT},
    {&Counts::resets_received, FL_RESETS_RECEIVED},
    {&Counts::bytes_sent, FL_BYTES_SENT},
    {&Counts::bytes_received, FL_BYTES_RECEIVED},
    {&Counts::packets_sent, FL_PACKETS_SENT},
    {&Counts::packets_received, FL_PACKETS_RECEIVED},
    {&Counts::unanswered, FL_UNANSWERED},
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

std::string text_of(const fl_telemetry_address& key) {
  IpPrefix address{.v6 = true, .length = 128};
  std::memcpy(address.bytes.data(), key.words, address.bytes.size());
  return unmapped(address).address_text();
}

record::Histogram histogram_of(const std::uint64_t (&counts)[FL_TELEMETRY_RTT_BUCKETS]) {
  record::Histogram histogram;
  for (std::uint32_t i = 0; i < std::size(counts); i++)
    if (counts[i] > 0) histogram.emplace_back(rtt_of_bucket(i), counts[i]);
  return histogram;
}

void add_all(auto& to, const auto& more) {
  for (std::size_t i = 0; i < std::size(to); i++) to[i] += more[i];
}

}  // namespace

Ns rtt_of_bucket(std::uint32_t bucket) { return (floor_of(bucket) + floor_of(bucket + 1)) / 2; }

TelemetryCounter::TelemetryCounter(Asked asked, const TelemetrySupport& support)
    : asked_(std::move(asked)),
      object_(open_telemetry()),
      by_cpu_(static_cast<std::size_t>(libbpf_num_possible_cpus())),
      turns_by_cpu_(by_cpu_.size()) {
  load(support);
  name_peers();
  for (const auto& one : kTracepoints) {
    const int program = object_.program(one.program);
    if (program == -1) continue;
    const int link = bpf_raw_tracepoint_open(nullptr, program);
    check_neg(fmt::format("attach to the tracepoint {}", one.name), link);
    links_.emplace_back(link);
  }
}

void TelemetryCounter::load(const TelemetrySupport& support) {
  const std::size_t of_peer = asked_.targets * FL_TELEMETRY_RING * by_cpu_.size() *
                              (sizeof(fl_telemetry_slot) + (asked_.turns ? sizeof(fl_telemetry_turns) : 0));
  const std::size_t room = std::max(kMemoryOfPeers / of_peer, asked_.named.size());
  asked_.peers = static_cast<std::uint32_t>(std::min({std::size_t{asked_.peers}, room, std::size_t{plan::kMostPeers}}));
  const std::uint32_t slots = asked_.targets * (asked_.peers + 1) * FL_TELEMETRY_RING;
  const fl_telemetry_config config{support.retransmit_error ? 1u : 0u, asked_.peers + 1, asked_.turns ? 1u : 0u,
                                   support.cast ? 1u : 0u};
  object_.configure(&config, sizeof config);
  object_.resize("telemetry_slots", slots);
  if (asked_.turns) object_.resize("telemetry_turns", slots);
  for (const auto& one : kTracepoints)
    if (support.lacks(one) || (one.of_turns && !asked_.turns)) object_.leave_out(one.program);
  object_.load();
}

/// 0 is all others, then come those with a name, then those that turn up.
void TelemetryCounter::name_peers() {
  peer_names_ = {"others"};
  for (const auto& [name, prefixes] : asked_.named) {
    if (peer_names_.size() > asked_.peers) break;
    const auto number = static_cast<__u32>(peer_names_.size());
    for (const auto& prefix : prefixes) {
      const auto key = key_of(prefix);
      check_neg("name a peer", bpf_map_update_elem(object_.map("telemetry_named"), &key, &number, BPF_ANY));
    }
    peer_names_.push_back(name);
  }
  const auto next = static_cast<__u32>(peer_names_.size());
  object_.update("telemetry_next_peer", 0, &next);
}

void TelemetryCounter::look_in(int losses) const {
  const auto table = static_cast<__u32>(losses);
  object_.update("telemetry_losses", 0, &table);
}

void TelemetryCounter::update_control() const { object_.update("telemetry_control", 0, &control_); }

void TelemetryCounter::set_places(const std::set<Place>& places) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> masks;
  std::set<std::uint64_t> spaces;
  __u32 levels = 0;
  for (const auto& place : places) {
    masks[{place.netns, place.cgroup}] |= 1u << place.target;
    spaces.insert(place.netns);
    levels |= static_cast<__u32>(place.levels);
  }
  const int map = object_.map("telemetry_places");
  for (const auto& [where, mask] : masks) {
    const fl_telemetry_place key{where.second, where.first};
    check_neg("fill the map of places", bpf_map_update_elem(map, &key, &mask, BPF_ANY));
  }
  for (auto it = places_.begin(); it != places_.end();) {
    const fl_telemetry_place key{it->second, it->first};
    if (!masks.contains(*it)) bpf_map_delete_elem(map, &key);
    it = masks.contains(*it) ? std::next(it) : places_.erase(it);
  }
  for (const auto& [where, mask] : masks) places_.insert(where);
  std::fill(std::begin(control_.netns), std::end(control_.netns), 0u);
  if (spaces.size() <= std::size(control_.netns)) std::copy(spaces.begin(), spaces.end(), control_.netns);
  control_.cgroup_levels = levels;
  control_.generation++;
  update_control();
}

void TelemetryCounter::count_in(Ns epoch, Ns until) {
  // In two steps: a program that reads in between must not take one for the other's.
  control_.epoch = static_cast<__u64>(epoch);
  for (const Ns end : {Ns{0}, until}) {
    control_.until = static_cast<__u64>(end);
    update_control();
  }
}

std::string TelemetryCounter::peer_name(std::uint32_t peer) {
  if (peer < peer_names_.size() && !peer_names_[peer].empty()) return peer_names_[peer];
  const int map = object_.map("telemetry_peers");
  peer_names_.resize(asked_.peers + 1);
  fl_telemetry_address key{};
  const fl_telemetry_address* before = nullptr;
  while (bpf_map_get_next_key(map, before, &key) == 0) {
    __u32 number = 0;
    if (bpf_map_lookup_elem(map, &key, &number) == 0 && number < peer_names_.size()) peer_names_[number] = text_of(key);
    before = &key;
  }
  return peer_names_[peer];
}

/// What the slots of a bucket come to, over CPUs and peers.
struct TelemetryCounter::Sums {
  std::uint64_t counts[FL_TELEMETRY_COUNTS]{}, rtt[FL_TELEMETRY_RTT_BUCKETS]{}, took[FL_TELEMETRY_RTT_BUCKETS]{};
  bool any = false;

  void add(const Sums& more) {
    add_all(counts, more.counts);
    add_all(rtt, more.rtt);
    add_all(took, more.took);
    any |= more.any;
  }
  void write(record::ConnectionSpan& to) const {
    for (const auto& [member, which] : kCounts) to.*member = counts[which];
    for (int kind = 0; kind < FL_FAILED_KINDS; kind++)
      if (const auto n = counts[FL_FAILED + kind]; n > 0) to.failed[error_of(kind)] += n;
    to.rtt = histogram_of(rtt);
    if (auto turns = histogram_of(took); !turns.empty()) to.turns = std::move(turns);
  }
};

TelemetryCounter::Sums TelemetryCounter::sums_of(std::uint32_t index, std::uint64_t number, bool& overwritten) {
  Sums sums;
  const auto is_of = [&](std::uint64_t found) {
    overwritten |= found > number;
    sums.any |= found == number;
    return found == number;
  };
  check_neg("read telemetry", bpf_map_lookup_elem(object_.map("telemetry_slots"), &index, by_cpu_.data()));
  for (const auto& slot : by_cpu_) {
    if (!is_of(slot.number)) continue;
    add_all(sums.counts, slot.counts);
    for (int i = FL_TRANSFERRED; i < FL_TRANSFERRED_END; i++) sums.counts[i] += slot.arrived[i - FL_TRANSFERRED];
    add_all(sums.rtt, slot.rtt);
  }
  if (!asked_.turns) return sums;
  check_neg("read telemetry", bpf_map_lookup_elem(object_.map("telemetry_turns"), &index, turns_by_cpu_.data()));
  for (const auto& turns : turns_by_cpu_)
    if (is_of(turns.number)) add_all(sums.took, turns.took);
  return sums;
}

TelemetryCounter::Read TelemetryCounter::read(std::uint32_t target, std::uint64_t bucket) {
  const std::uint64_t number = bucket + 1;
  Read result;
  std::uint32_t used = 1;
  if (asked_.peers > 0) {
    const __u32 zero = 0;
    check_neg("read telemetry", bpf_map_lookup_elem(object_.map("telemetry_next_peer"), &zero, &used));
    used = std::min(used, asked_.peers + 1);
  }
  Sums all;
  std::vector<record::PeerSpan> peers;
  for (std::uint32_t peer = 0; peer < used; peer++) {
    const Sums sums = sums_of(fl_telemetry_index(target, peer, asked_.peers + 1, number), number, result.overwritten);
    if (!sums.any) continue;
    all.add(sums);
    if (asked_.peers == 0) continue;
    auto& span = peers.emplace_back();
    span.peer = peer_name(peer);
    sums.write(span);
  }
  if (!all.any) return result;
  result.unsure = all.counts[FL_RETRANSMITS_UNSURE];
  auto& counted = result.counted.emplace();
  counted.from = static_cast<Ns>(bucket) * kBucket;
  counted.length = kBucket;
  all.write(counted);
  if (asked_.peers > 0) counted.peers = std::move(peers);
  return result;
}

}  // namespace faultline::observe
