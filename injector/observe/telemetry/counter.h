// The telemetry's programs in the kernel, and what they have counted. They are attached for as long as this object
// lives, and die with this process: their links are descriptors, and nothing is pinned.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/base/fd.h"
#include "injector/base/units.h"
#include "injector/observe/telemetry/abi.h"
#include "injector/observe/telemetry/peers.h"
#include "injector/observe/telemetry/support.h"
#include "injector/pen/bpf_object.h"
#include "injector/record/run_events.h"

namespace faultline::observe {

/// Sockets of a target.
struct Place {
  std::uint32_t target = 0;  ///< index
  std::uint64_t netns = 0;   ///< inode
  std::uint64_t cgroup = 0;  ///< its id; 0: all of the namespace
  std::uint64_t levels = 0;  ///< of the hierarchy, at which that is: see site::levels_of()
  auto operator<=>(const Place&) const = default;
};

/// What is counted beside the common.
struct Asked {
  std::uint32_t targets = 1;
  bool turns = false;
  std::uint32_t peers = 0;  ///< told apart, the named ones among them
  NamedPeers named;         ///< `peers` at most
};

class TelemetryCounter {
 public:
  static constexpr Ns kBucket = FL_TELEMETRY_BUCKET;

  /// Loads and attaches what the kernel has of them. Nothing is counted before count_in(). Throws Failure(cannot_run).
  TelemetryCounter(Asked asked, const TelemetrySupport& support);
  /// What the pen's rules drop is in this table (pen::Pen::losses): from now on what is sent again is told by it. Until
  /// then it is nobody's.
  void look_in(int losses) const;
  /// From now on these are the targets' sockets, and no others.
  void set_places(const std::set<Place>& places);

  /// Counts in [epoch, until) from now on, by buckets since `epoch` (CLOCK_MONOTONIC both).
  void count_in(Ns epoch, Ns until);

  /// What a target's bucket, the first being 0, has come to; its name is not filled in.
  struct Read {
    std::optional<record::events::Telemetry> counted;  ///< absent: nothing happened
    bool overwritten = false;                          ///< it was read too late, and some of it is lost
    std::uint64_t unsure = 0;                          ///< of retransmits: not known whose loss they make good
  };
  Read read(std::uint32_t target, std::uint64_t bucket);

 private:
  void load(const TelemetrySupport& support);
  void name_peers();
  void update_control() const;
  struct Sums;
  /// Of one peer, in a bucket.
  Sums sums_of(std::uint32_t index, std::uint64_t number, bool& overwritten);
  std::string peer_name(std::uint32_t peer);

  Asked asked_;
  pen::BpfObject object_;
  fl_telemetry_control control_{};
  std::set<std::pair<std::uint64_t, std::uint64_t>> places_;  ///< that the kernel has, by namespace and cgroup
  std::vector<std::string> peer_names_;                       ///< as far as they are known
  std::vector<fl_telemetry_slot> by_cpu_;
  std::vector<fl_telemetry_turns> turns_by_cpu_;
  std::vector<Fd> links_;
};

/// The middle of a bucket of round-trip times.
Ns rtt_of_bucket(std::uint32_t bucket);

}  // namespace faultline::observe
