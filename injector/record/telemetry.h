// A target's telemetry as it was recorded, and what it comes to in a phase.
#pragma once

#include <string>
#include <vector>

#include "injector/record/distribution.h"
#include "injector/record/run_events.h"
#include "injector/record/telemetry_fields.h"

namespace faultline::record {

/// In order of time; a bucket in which nothing happened is not among them.
struct TelemetryRecord {
  std::string target;
  std::vector<events::Telemetry> buckets;
};

struct TelemetryStats : ConnectionCounts {
  Distribution rtt;  ///< smoothed; a value for each bucket and connection on which something arrived
};

/// Of the buckets that begin in [start, end).
TelemetryStats stats_in(const TelemetryRecord& record, Ns start, Ns end);

}  // namespace faultline::record
