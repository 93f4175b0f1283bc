// The clock of one run: T0, and the waits of a run in steps, by which T0 has moved on. To the rest of the run a wait
// has not been. Belongs to the run's loop; the journal, the display and Control have copies of T0 of their own.
#pragma once

#include <utility>
#include <vector>

#include "injector/base/units.h"

namespace faultline::observe {

class RunClock {
 public:
  void begin(Ns epoch) { epoch_ = epoch; }
  bool has_begun() const { return epoch_ != 0; }
  /// T0 (CLOCK_MONOTONIC); 0 before it is known.
  Ns epoch() const { return epoch_; }
  /// What the clock showed at `instant` (CLOCK_MONOTONIC), which may lie before or in a wait.
  Ns since_t0(Ns instant) const;

  /// Stands still at `t` (since T0) from here on, until the last keep_still().
  void stop_at(Ns t);
  /// Still stands where it was stopped: T0 moves with `now`.
  void keep_still(Ns now);
  /// How long the wait is, or was.
  Ns waited() const { return waits_.back().second - waits_.back().first; }

 private:
  Ns epoch_ = 0;
  Ns stopped_at_ = 0;                     // since T0
  std::vector<std::pair<Ns, Ns>> waits_;  // from when to when
};

}  // namespace faultline::observe
