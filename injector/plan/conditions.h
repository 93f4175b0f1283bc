// What can be asked of the requests of a probe, or of the connections of a target: figures, and bounds on them.
// Hypotheses and guards are made of the same conditions. A new quantile or series is a member and a line in
// Conditions::keys(); another sort of figure has its bound read in conditions.cpp, and is counted and told in
// record/tally.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "injector/base/units.h"

namespace faultline::plan {

/// ">= 99%", "<= 250ms", "= 0", "<= 2x baseline" and so on.
struct Bound {
  enum class Op { ge, gt, le, lt, eq } op = Op::ge;
  /// What `value` is, where that is not the figure's own: how many requests instead of which share of them, or how
  /// many times what the figure was in the baseline, or how many in a second instead of in the window.
  enum class Measure { count, times_baseline, per_second };

  double value = 0;       ///< a ratio 0..1, nanoseconds, a number, or a number per second, as the figure is
  std::string text = {};  ///< as written, for the report
  std::optional<Measure> measure = {};

  bool is_upper() const { return op == Op::le || op == Op::lt; }
  bool holds(double observed) const {
    switch (op) {
      case Op::ge:
        return observed >= value;
      case Op::gt:
        return observed > value;
      case Op::le:
        return observed <= value;
      case Op::lt:
        return observed < value;
      case Op::eq:
        return observed == value;
    }
    return false;
  }
};

/// What is counted of a target's connections, and is a number.
enum class Series {
  none,
  opened,
  accepted,
  failed,
  closed,
  retransmits,
  timeouts,
  resets_sent,
  resets_received,
  bytes_sent,
  bytes_received,
  packets_sent,
  packets_received,
  answered,
  unanswered,
  retransmits_ours
};

/// What the requests of a probe, or the connections of a target, are measured by: all that are given must hold at once.
struct Conditions {
  std::optional<Bound> success;
  std::optional<Bound> p50, p90, p95, p99, p999, max;                    ///< of all requests
  std::optional<Bound> ok_p50, ok_p90, ok_p95, ok_p99, ok_p999, ok_max;  ///< of those that succeeded
  std::optional<Bound> failed_p50, failed_p90, failed_p95, failed_p99, failed_p999, failed_max;  ///< of the others
  std::optional<Bound> requests, failures;             ///< how many were due, and how many of them failed
  std::optional<Bound> throughput;                     ///< requests that succeeded, per second of the window
  std::optional<std::map<std::string, Bound>> errors;  ///< by name: the share that failed so, or their number

  // Of connections. `errors` are then those of attempts to open one.
  std::optional<Bound> opened, accepted, connections_failed, closed, retransmits, retransmits_ours, timeouts,
      resets_sent, resets_received, bytes_sent, bytes_received, packets_sent, packets_received, answered, unanswered;
  std::optional<Bound> rtt_p50, rtt_p90, rtt_p95, rtt_p99, rtt_p999, rtt_max;              ///< round-trip times
  std::optional<Bound> turns_p50, turns_p90, turns_p95, turns_p99, turns_p999, turns_max;  ///< from asked to answered

  /// `all`: a failed request is infinitely slow. `all`, `ok` and `failed` are quantiles of requests, `rtt` and `turns`
  /// of connections, whose numbers are `series`.
  enum class Of { share, all, ok, failed, requests, failures, throughput, series, rtt, turns };
  struct Key {
    const char* name;  ///< in the plan and in the journal: "p99", "ok.p99"
    std::optional<Bound> Conditions::*bound;
    Of of = Of::all;
    unsigned per_mille = 0;  ///< of a quantile
    bool always = false;     ///< the journal has it as null where it is not asked
    Series series = Series::none;
    bool is_quantile() const {
      return of == Of::all || of == Of::ok || of == Of::failed || of == Of::rtt || of == Of::turns;
    }
    bool of_connections() const { return of == Of::series || of == Of::rtt || of == Of::turns; }
    /// Whether it takes following who asks and who answers on each connection.
    bool of_turns() const { return of == Of::turns || series == Series::answered || series == Series::unanswered; }
  };
  /// All but `errors`.
  static std::span<const Key> keys();
  bool any() const;
  bool any_of_turns() const;
  std::string text() const;  ///< "success >= 99%, p99 <= 250ms"
};

}  // namespace faultline::plan
