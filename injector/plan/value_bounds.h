// Bounds on values: numbers that the answers of a probe hold, as the length of a queue that a command prints, a count
// that a database tells, or what a query of Prometheus comes to. They have no unit. Hypotheses and guards have them
// beside their other conditions; all that are given must hold at once.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "injector/plan/conditions.h"

namespace faultline::plan {

struct ValueBounds {
  std::optional<Bound> value;  ///< on each of them
  std::optional<Bound> value_min, value_p50, value_p90, value_p95, value_p99, value_p999, value_max;
  std::optional<Bound> value_last;  ///< on that of the request that was due last, of those that have one

  struct ValueKey {
    const char* name;  ///< in the plan and in the journal: "value", "value.p99"
    std::optional<Bound> ValueBounds::*bound;
    enum class Of { each, quantile, last } of = Of::quantile;
    unsigned per_mille = 0;  ///< of a quantile; 0 is the least
  };
  static std::span<const ValueKey> value_keys();
  bool any_value() const;
  std::string values_text() const;  ///< "value <= 100, value.last = 0"
};

}  // namespace faultline::plan
