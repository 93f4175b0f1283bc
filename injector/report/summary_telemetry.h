// What became of a target's connections, as the summary has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/record/telemetry_fields.h"
#include "injector/report/summary_probes.h"

namespace faultline::report {

/// Of a phase, or of the whole run.
struct TelemetryStats : record::ConnectionCounts {
  Quantiles rtt_ms;
  std::optional<std::uint64_t> answered;
  std::optional<Quantiles> turns_ms;

  static constexpr const char* shape = "telemetry of a time";
  static constexpr auto fields = std::tuple{
      record::Among<record::ConnectionCounts>{"of its connections"},
      field("rtt_ms", &TelemetryStats::rtt_ms,
            "of the smoothed round-trip times, one for each connection and 100 ms in which something arrived "
            "on it; to 6 %; null where there is none"),
      record::seldom("answered", &TelemetryStats::answered,
                     "turns in which an answer began; there where turns are asked for, and were taken"),
      record::seldom("turns_ms", &TelemetryStats::turns_ms,
                     "of these: from the last byte of what was asked to the first of its answer; to 6 %; likewise")};
};

struct TelemetryPhase : TelemetryStats {
  std::string phase;

  static constexpr const char* shape = "target's phase";
  static constexpr auto fields = std::tuple{field("phase", &TelemetryPhase::phase, "its name"),
                                            record::Among<TelemetryStats>{"of the spans of 100 ms that begin in it"}};
};

struct TelemetryTimes {
  TelemetryStats run;
  std::vector<TelemetryPhase> phases;

  static constexpr const char* shape = "telemetry of a run";
  static constexpr auto fields = std::tuple{field("run", &TelemetryTimes::run, "in the whole run"),
                                            field("phases", &TelemetryTimes::phases, "in each")};
};

struct TelemetryPeer : TelemetryTimes {
  std::string peer;

  static constexpr const char* shape = "telemetry of a peer";
  static constexpr auto fields = std::tuple{
      field("peer", &TelemetryPeer::peer, "a target that a hypothesis or guard names, else an address, or `others`"),
      record::Among<TelemetryTimes>{"of the connections with it"}};
};

struct Telemetry : TelemetryTimes {
  std::string target;
  std::vector<TelemetryPeer> peers;

  static constexpr const char* shape = "telemetry";
  static constexpr auto fields = std::tuple{
      field("target", &Telemetry::target, "whose connections"), record::Among<TelemetryTimes>{"of all its connections"},
      field("peers", &Telemetry::peers, "the same by peer, where they are told apart")};
};

/// What there is to say in one line, "12 retransmissions (3 by timeout), 4 of 20 connections failed (refused 4)"; empty
/// when nothing went wrong.
std::string trouble_text(const record::ConnectionCounts& counts);

}  // namespace faultline::report
