// What the display knows of a run under way: the plan's outline, per probe the last second, the last minute and totals
// per phase, and of connections that are counted the last second, in bounded memory. The views (live_view.h,
// plain_view.h) turn it into text; neither touches a terminal.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/probe/probe.h"
#include "injector/record/distribution.h"
#include "injector/record/tally.h"
#include "injector/record/telemetry.h"
#include "injector/record/verdict.h"

namespace faultline::screen {

struct WatchedPhase {
  std::uint64_t finished = 0, ok = 0;
  std::map<Ns, std::uint64_t> latency, failing;  ///< rounded, of those that succeeded and of the others
  record::Latencies latencies() const;
};

/// One column of a sparkline.
struct WatchedSlot {
  std::int64_t index = -1;  ///< due / kSlot
  std::uint64_t finished = 0, ok = 0;
  Ns latency_sum = 0;
  Ns mean() const { return ok == 0 ? 0 : latency_sum / static_cast<Ns>(ok); }
  double success() const { return finished == 0 ? 1 : static_cast<double>(ok) / static_cast<double>(finished); }
};

struct LastSecond {
  std::uint64_t finished = 0, ok = 0;
  std::optional<Ns> p50 = {}, p99 = {};  ///< absent of requests that there were: "never"
};

class ProbeWatch {
 public:
  static constexpr Ns kSlot = 600 * kMillisecond;
  static constexpr std::int64_t kSlots = 100;

  ProbeWatch(const plan::Probe& probe, const std::vector<record::Phase>* phases);
  void add(const probe::Sample& sample, Ns now);
  LastSecond last_second(Ns now) const;
  /// How requests failed in the last seconds, the most frequent first.
  std::vector<std::pair<std::string, std::uint64_t>> last_errors(Ns now) const;
  /// The slot of a time since T0, if it is among the last kSlots; else an empty one.
  WatchedSlot slot(std::int64_t index) const;

  const std::string name;
  const Ns timeout;
  std::vector<WatchedPhase> phases;  ///< as Watch::phases

 private:
  struct Recent {
    Ns at;
    Ns latency;
    bool ok;
  };
  struct Failed {
    Ns second;
    std::map<std::string, std::uint64_t> by_error;
  };
  static constexpr std::size_t kRecent = 20000;
  static constexpr Ns kErrorsFor = 3 * kSecond;
  const std::vector<record::Phase>* outline_;
  std::deque<Recent> recent_;
  std::deque<Failed> failed_;  ///< by the second in which it became known
  std::vector<WatchedSlot> slots_;
};

/// A target whose connections are counted.
class ConnectionWatch {
 public:
  explicit ConnectionWatch(std::string target) : name(std::move(target)) {}
  /// In order of time; a span is told some 200 ms after its end.
  void add(const record::events::Telemetry& span);
  /// What became of its connections in the last second of which all has been told by `now`, since T0.
  record::TelemetryStats last_second(Ns now) const;

  const std::string name;

 private:
  static constexpr Ns kToldAfter = 300 * kMillisecond;  ///< its end and the next look at it
  std::deque<record::events::Telemetry> recent_;
};

struct WatchedFault {
  std::string name, asked;
  Ns start = 0, end = 0;
};

struct WatchedGuard {
  std::string name, condition;
  std::string standing = {};  ///< what it looks at comes to now
};

/// One whose conditions can be looked at while it goes on: no multiples of a baseline, and no time to hold.
struct WatchedHypothesis {
  std::string name;
  std::size_t probe = 0;
  Ns start = 0, end = 0;
  record::Tally tally;
};

struct Watch {
  explicit Watch(const plan::Plan& plan);
  Watch(const Watch&) = delete;

  std::string title;
  Ns duration = 0;
  std::vector<WatchedFault> faults;
  std::vector<record::Phase> phases;
  std::vector<ProbeWatch> probes;
  std::vector<ConnectionWatch> connections;
  std::vector<WatchedGuard> guards;
  std::vector<WatchedHypothesis> hypotheses;

  void add(const probe::Sample& sample, Ns now);
  void add(const record::events::Telemetry& span);
};

}  // namespace faultline::screen
