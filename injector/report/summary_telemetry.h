// What became of a target's connections, as the summary has it.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "injector/record/telemetry_fields.h"
#include "injector/report/summary_probes.h"

namespace faultline::report {

/// Of a phase, or of the whole run.
struct TelemetryStats : record::ConnectionCounts {
  Quantiles rtt_ms;

  static constexpr const char* shape = "telemetry of a time";
  static constexpr auto fields = std::tuple{
      record::Among<record::ConnectionCounts>{"of its connections"},
      field("rtt_ms", &TelemetryStats::rtt_ms,
            "of the smoothed round-trip times, one for each connection and 100 ms in which something arrived "
            "on it; to 6 %; null where there is none")};
};

struct TelemetryPhase : TelemetryStats {
  std::string phase;

  static constexpr const char* shape = "target's phase";
  static constexpr auto fields = std::tuple{field("phase", &TelemetryPhase::phase, "its name"),
                                            record::Among<TelemetryStats>{"of the spans of 100 ms that begin in it"}};
};

struct Telemetry {
  std::string target;
  TelemetryStats run;
  std::vector<TelemetryPhase> phases;

  static constexpr const char* shape = "telemetry";
  static constexpr auto fields =
      std::tuple{field("target", &Telemetry::target, "whose connections"),
                 field("run", &Telemetry::run, "in the whole run"), field("phases", &Telemetry::phases, "in each")};
};

/// What there is to say in one line, "12 retransmissions (3 by timeout), 4 of 20 connections failed (refused 4)"; empty
/// when nothing went wrong.
std::string trouble_text(const record::ConnectionCounts& counts);

}  // namespace faultline::report
