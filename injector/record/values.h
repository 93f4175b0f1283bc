// Numbers that answers held, against bounds on them: in a window that is over, and in one that slides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/units.h"
#include "injector/plan/value_bounds.h"
#include "injector/record/sightings.h"

namespace faultline::record {

struct ProbeRecord;

/// Those of a window, in the order in which their requests were due.
std::vector<double> values_in(const ProbeRecord& probe, Ns start, Ns end);

/// Each bound against the values of a window. None holds where there is no value.
std::vector<Finding> judge_values(const plan::ValueBounds& bounds, const std::vector<double>& values);
/// What the bounds are about, in words: "value.max 12, value.last 0"; "no value".
std::string observed_values(const plan::ValueBounds& bounds, const std::vector<double>& values);

/// Values that come and go, as Tally has it of requests (tally.h).
class ValueTally {
 public:
  explicit ValueTally(const plan::ValueBounds& bounds);
  void add(double value) { count(value, 1), last_ = value; }
  void remove(double value) { count(value, -1); }
  /// Whether all bounds hold of the values that are in it; not of none, unless nothing is asked.
  bool holds() const;

 private:
  struct Counted {
    plan::ValueBounds::ValueKey key;
    plan::Bound bound;
    std::int64_t within = 0;  ///< values that the bound, of an upper one, or its opposite holds of
  };
  void count(double value, std::int64_t by);

  std::vector<Counted> counted_;
  std::int64_t all_ = 0;
  double last_ = 0;
};

}  // namespace faultline::record
