// What can be asked of the requests of a probe: figures, and bounds on them. Hypotheses and guards are made of the same
// conditions. A new quantile is a member and a line in Conditions::keys(); another sort of figure has its bound read in
// conditions.cpp, and is counted and told in record/tally.cpp.
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
  /// many times what the figure was in the baseline.
  enum class Measure { count, times_baseline };

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

/// What the requests of a probe are measured by: all that are given must hold at once.
struct Conditions {
  std::optional<Bound> success;
  std::optional<Bound> p50, p90, p95, p99, p999, max;                    ///< of all requests
  std::optional<Bound> ok_p50, ok_p90, ok_p95, ok_p99, ok_p999, ok_max;  ///< of those that succeeded
  std::optional<Bound> failed_p50, failed_p90, failed_p95, failed_p99, failed_p999, failed_max;  ///< of the others
  std::optional<Bound> requests, failures;             ///< how many were due, and how many of them failed
  std::optional<Bound> throughput;                     ///< requests that succeeded, per second of the window
  std::optional<std::map<std::string, Bound>> errors;  ///< by name: the share that failed so, or their number

  /// `all`: a failed request is infinitely slow. `all`, `ok` and `failed` are quantiles.
  enum class Of { share, all, ok, failed, requests, failures, throughput };
  struct Key {
    const char* name;  ///< in the plan and in the journal: "p99", "ok.p99"
    std::optional<Bound> Conditions::*bound;
    Of of = Of::all;
    unsigned per_mille = 0;  ///< of a quantile
    bool always = false;     ///< the journal has it as null where it is not asked
    bool is_quantile() const { return of == Of::all || of == Of::ok || of == Of::failed; }
  };
  /// All but `errors`.
  static std::span<const Key> keys();
  bool any() const;
  std::string text() const;  ///< "success >= 99%, p99 <= 250ms"
};

}  // namespace faultline::plan
