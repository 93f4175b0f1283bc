#include "injector/pen/counts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "injector/base/error.h"
#include "injector/base/quantile.h"

namespace faultline::pen {
namespace {

/// The smallest value of a bucket of fl_bucket().
double bucket_floor(std::uint32_t bucket) {
  if (bucket < FL_HIST_SUB) return bucket;
  const std::uint32_t octave = bucket / FL_HIST_SUB - 1;
  return static_cast<double>((FL_HIST_SUB + bucket % FL_HIST_SUB)) * static_cast<double>(1ull << octave);
}

constexpr double kTickUs = (1 << FL_TICK_SHIFT) / 1000.0;

std::uint64_t earlier(std::uint64_t a, std::uint64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

/// Adds up a struct that consists of 64-bit counters.
template <class T>
void add_counters(T& a, const T& b) {
  static_assert(sizeof(T) % 8 == 0 && std::is_trivially_copyable_v<T>);
  std::array<std::uint64_t, sizeof(T) / 8> sum, more;
  std::memcpy(sum.data(), &a, sizeof a);
  std::memcpy(more.data(), &b, sizeof b);
  for (std::size_t i = 0; i < sum.size(); i++) sum[i] += more[i];
  std::memcpy(&a, sum.data(), sizeof a);
}

template <class T>
void add(T& a, const T& b) {
  add_counters(a, b);
}
void add(fl_tally& a, const fl_tally& b) {
  const fl_tally before = a;
  add_counters(a, b);
  a.first_affected = earlier(before.first_affected, b.first_affected);
  a.last_affected = std::max(before.last_affected, b.last_affected);
  a.applied_max = std::max(before.applied_max, b.applied_max);
  a.held_max = std::max(before.held_max, b.held_max);
  a.late_max = std::max(before.late_max, b.late_max);
}

/// A per-CPU element, all CPUs together.
template <class T>
T sum_cpus(int map, std::uint32_t key) {
  std::vector<T> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  check_neg("read counters", bpf_map_lookup_elem(map, &key, values.data()));
  for (std::size_t i = 1; i < values.size(); i++) add(values[0], values[i]);
  return values[0];
}

void add_tally(faults::Counts& counts, const fl_tally& tally) {
  for (const auto& count : faults::kCounts) counts.*count.in += tally.*count.of_rule;
  counts.bytes += tally.bytes;
}

/// The tracks of a rule that are ever more than 0, as FL_USES.
std::uint32_t asks_of(const faults::Score& score, std::uint32_t rule) {
  if (score.answers[rule].filter == FL_FILTER_SILENT) return faults::kAsksForSilence;
  if (score.answers[rule].filter == FL_FILTER_SENT) return faults::kAsksForBreak;
  std::uint32_t asks = 0;
  for (std::uint32_t which = 0; which < FL_TRACKS; which++) {
    const fl_track& track = score.tracks[rule * FL_TRACKS + which];
    for (std::uint32_t i = 0; i < track.count; i++)
      if (score.points[track.first + i].value > 0) asks |= FL_USES(which);
  }
  return asks;
}

void add_to_target(faults::Account& account, const std::string& target, std::uint64_t packets) {
  auto at = std::find_if(account.targets.begin(), account.targets.end(),
                         [&](const faults::TargetAccount& known) { return known.target == target; });
  if (at == account.targets.end()) at = account.targets.insert(at, faults::TargetAccount{target, 0});
  at->matched += packets;
}

void add_unseen(faults::Account& account, const faults::Unseen& more) {
  for (auto& known : account.unseen)
    if (known.site == more.site && known.device == more.device && known.hook == more.hook) {
      known.packets += more.packets;
      return;
    }
  account.unseen.push_back(more);
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

faults::TimeQuantiles quantiles_of(const fl_histogram& histogram, std::uint64_t max_ticks) {
  faults::TimeQuantiles quantiles;
  for (const auto n : histogram.bucket) quantiles.count += n;
  if (quantiles.count == 0) return quantiles;
  const auto quantile = [&](unsigned per_mille) {
    const std::uint64_t rank = quantile_rank(quantiles.count, per_mille);
    std::uint64_t below = 0;
    for (std::uint32_t i = 0; i < FL_HIST_BUCKETS; i++) {
      below += histogram.bucket[i];
      if (below >= rank) {
        // The bucket's upper end: a time is never reported shorter than it was.
        return std::min(bucket_floor(i + 1), static_cast<double>(max_ticks)) * kTickUs;
      }
    }
    return static_cast<double>(max_ticks) * kTickUs;
  };
  quantiles.p50 = quantile(500);
  quantiles.p90 = quantile(900);
  quantiles.p99 = quantile(990);
  quantiles.max = static_cast<double>(max_ticks) * kTickUs;
  return quantiles;
}

std::uint64_t packets_met(const BpfObject& player, const faults::Score& score, std::uint32_t fault) {
  std::uint64_t packets = 0;
  for (std::uint32_t rule = 0; rule < score.rules.size(); rule++) {
    if (score.rules[rule].fault != fault) continue;
    const auto tally = sum_cpus<fl_tally>(player.map("tallies"), rule);
    packets += tally.matched + tally.shared;
  }
  return packets;
}

std::vector<faults::Account> account_of_faults(const BpfObject& player, const faults::Score& score, std::size_t faults,
                                               const line::Line& line, std::uint64_t line_in,
                                               const std::vector<SeatOfSite>& seats,
                                               const std::vector<std::string>& names, const DeviceName& device_name) {
  std::vector<faults::Account> accounts(faults);
  std::vector<fl_tally> totals(faults);
  std::vector<std::uint32_t> asks(faults);
  for (std::size_t site = 0; site < score.sites.size(); site++) {
    const auto& own = score.sites[site];
    for (std::uint32_t rule = own.first_rule; rule < own.first_rule + own.rule_count; rule++) {
      const std::uint32_t fault = score.rules[rule].fault;
      if (fault >= faults) continue;  // a standing condition of the lab
      const auto tally = sum_cpus<fl_tally>(player.map("tallies"), rule);
      auto& sites = accounts[fault].sites;  // rules are in the order of sites
      if (sites.empty() || sites.back().site != names.at(site)) sites.emplace_back().site = names.at(site);
      add_tally(sites.back(), tally);
      add(totals[fault], tally);
      if (rule < score.targets.size())
        for (const auto& target : score.targets[rule])
          add_to_target(accounts[fault], target, tally.matched + tally.shared);
      asks[fault] |= asks_of(score, rule);
    }
  }
  for (std::uint32_t i = 0; i < faults; i++) {
    const fl_tally& t = totals[i];
    faults::Account& a = accounts[i];
    add_tally(a, t);
    for (const auto& effect : faults::kEffects)
      if ((asks[i] & effect.uses) != 0) a.asks.push_back(&effect);
    if (t.first_affected != 0) a.first_affected = static_cast<Ns>(t.first_affected);
    if (t.last_affected != 0) a.last_affected = static_cast<Ns>(t.last_affected);
    if (a.sites.empty()) continue;  // no rule, no histograms
    const auto quantiles = [&](std::uint32_t which, std::uint64_t max) {
      return quantiles_of(sum_cpus<fl_histogram>(player.map("histograms"), FL_HISTOGRAMS * i + which), max);
    };
    a.applied_delay = quantiles(FL_APPLIED, t.applied_max);
    a.held = quantiles(FL_HELD, t.held_max);
    a.lateness = quantiles(FL_LATE, t.late_max);
  }

  for (const auto& mate : score.mates) {
    std::uint64_t packets = 0;
    check_neg("read counters", bpf_map_lookup_elem(player.map("mates"), &mate.key, &packets));
    if (mate.key.fault < faults)
      for (const auto& target : mate.targets) add_to_target(accounts[mate.key.fault], target, packets);
  }

  const auto lost_in_line = line.losses_by_slot();
  const auto late_in_line = line.late_by_slot();
  const auto line_stats = line.stats();
  const std::uint64_t line_lost = line_stats.losses.full + line_stats.losses.overdue + line_stats.losses.refused;
  // Of the packets missing between player and return, those that the line never read were lost in the TAP's queue. The
  // queue does not say whose they were; the ledger of each slot does.
  const bool queue_lost = minus(line_in, line_stats.read + line_stats.losses.stamp) != 0;
  for (std::uint32_t n = 1; n < FL_MAX_SLOTS; n++) {
    fl_slot slot{};
    check_neg("read slot", bpf_map_lookup_elem(player.map("slots"), &n, &slot));
    if (slot.rules == 0) break;
    const auto ledger = sum_cpus<fl_ledger>(player.map("ledgers"), n);
    faults::Undelivered missing;
    missing.in_transit = minus(ledger.selected, ledger.arrived) + minus(ledger.split_in, ledger.split_out);
    std::uint64_t gone = minus(ledger.straight + ledger.held, ledger.returned);
    const std::uint64_t here = std::min<std::uint64_t>(gone, n < lost_in_line.size() ? lost_in_line[n] : 0);
    gone -= here;
    if (here != 0) {
      if (line_stats.losses.overdue == line_lost)
        missing.overdue = here;
      else if (line_stats.losses.refused == line_lost)
        missing.refused = here;
      else
        missing.full = here;
    }
    const SeatOfSite& seat = seats.at(slot.site);
    if (seat.left) missing.in_transit = gone = 0;
    (queue_lost ? missing.tap_queue : missing.unaccounted) = gone;
    const line::Late late_here = late_in_line.at(n);
    if (missing.total() == 0 && late_here.all == 0) continue;
    const auto& site = score.sites[seat.site];
    std::uint32_t last = ~0u;
    for (std::uint64_t mask = slot.rules; mask != 0; mask &= mask - 1) {
      const std::uint32_t fault =
          score.rules[score.rule_of(site, slot.bank, static_cast<std::uint32_t>(std::countr_zero(mask)))].fault;
      if (fault == last || fault >= faults) continue;
      last = fault;
      accounts[fault].undelivered += missing;
      if (missing.unaccounted > 0)
        add_unseen(accounts[fault], {names.at(seat.site), device_name(slot.site, static_cast<int>(slot.ifindex)),
                                     slot.ingress != 0 ? "ingress" : "egress", missing.unaccounted});
      accounts[fault].left_late.all += late_here.all;
      accounts[fault].left_late.full += late_here.full;
    }
  }
  for (std::uint32_t i = 0; i < seats.size(); i++) {
    const auto tally = sum_cpus<fl_site_tally>(player.map("site_tallies"), i);
    const std::uint64_t untaken = tally.no_slot + tally.stamp_failed;
    if (untaken == 0) continue;
    const auto& site = score.sites[seats[i].site];
    std::vector<bool> charged(faults);
    for (std::uint32_t r = 0; r < site.rule_count; r++) {
      const std::uint32_t fault = score.rules[site.first_rule + r].fault;
      if (fault >= faults || charged[fault]) continue;
      charged[fault] = true;
      accounts[fault].undelivered.untaken += untaken;
    }
  }
  return accounts;
}

}  // namespace faultline::pen
