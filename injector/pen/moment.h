// An instant of a run, as the machine's clock and as the run's own shows it. The two part where a run in steps waits:
// then the run's stands still, and with it the time by which faults begin and end.
#pragma once

#include <limits>

#include "injector/base/units.h"

namespace faultline::pen {

struct Moment {
  Ns instant = 0;                           ///< CLOCK_MONOTONIC; 0: there was none
  Ns run = std::numeric_limits<Ns>::min();  ///< since T0, by the run's clock; the least: before T0 was set
};

}  // namespace faultline::pen
