// A target's telemetry as it was recorded, and what it comes to in a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/record/distribution.h"
#include "injector/record/run_events.h"
#include "injector/record/telemetry_fields.h"

namespace faultline::record {

/// In order of time; a bucket in which nothing happened is not among them.
struct TelemetryRecord {
  std::string target;
  std::vector<events::Telemetry> buckets = {};
  std::vector<events::Uncounted> uncounted = {};  ///< what of it is missing
};

struct TelemetryStats : ConnectionCounts {
  Latencies rtt;              ///< smoothed; a value for each bucket and connection on which something arrived
  Latencies turns;            ///< one that was not answered is infinitely slow
  std::uint64_t buckets = 0;  ///< in which anything happened

  /// What happened in one more bucket.
  void add(const ConnectionSpan& span);
};

/// What happened in a bucket on all connections, or on those with a peer; null: nothing on these.
const ConnectionSpan* span_of(const events::Telemetry& bucket, const std::optional<std::string>& peer);
/// Whether any of what is missing is asked for, of this target and peer.
bool concerns(const events::Uncounted& missing, const plan::Asking& whose, const plan::Conditions& asked);
/// Of the buckets that begin in [start, end).
TelemetryStats stats_in(const TelemetryRecord& record, Ns start, Ns end, const std::optional<std::string>& peer = {});
/// Every peer that is told apart, in order of name.
std::vector<std::string> peers_of(const TelemetryRecord& record);

/// A number of connections.
std::uint64_t count_of(plan::Series series, const ConnectionCounts& counts, std::uint64_t answered);
/// The same as a bound asks for it: of the whole window, or of a second of it.
double figure_of(const plan::Bound& bound, std::uint64_t count, Ns length);
/// "retransmits 37", "retransmits 37 (3.7/s)".
std::string series_text(const plan::Conditions::Key& key, const plan::Bound& bound, std::uint64_t count, Ns length);

}  // namespace faultline::record
