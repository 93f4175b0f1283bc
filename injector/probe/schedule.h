// When requests are due. An open loop knows all its instants beforehand: request n is due start + n * every after T0,
// or when a load's rate has come to n, and nothing that happens to other requests moves it.
#pragma once

#include <cstdint>
#include <memory>

#include "injector/base/units.h"
#include "injector/probe/pace.h"

namespace faultline::probe {

struct Schedule {
  Ns epoch = 0;                           ///< T0, CLOCK_MONOTONIC
  Ns every = 0;                           ///< above 0
  Ns duration = 0;                        ///< requests are due in [start, duration)
  Ns start = 0;                           ///< from 0
  std::shared_ptr<const Pace> pace = {};  ///< of a load, instead of `every`

  /// How many requests are due in all: those n with due(n) < duration.
  std::uint64_t count() const {
    if (duration <= start) return 0;
    if (pace) return pace->before(duration - start);
    return static_cast<std::uint64_t>((duration - start - 1) / every) + 1;
  }
  Ns due(std::uint64_t n) const { return start + (pace ? pace->at(n) : static_cast<Ns>(n) * every); }  ///< since T0
  Ns instant(std::uint64_t n) const { return epoch + due(n); }  ///< CLOCK_MONOTONIC
  /// The same schedule with nothing due at or after `instant` (CLOCK_MONOTONIC).
  Schedule until(Ns instant) const {
    Schedule cut = *this;
    if (instant - epoch < duration) cut.duration = instant - epoch;
    return cut;
  }
};

}  // namespace faultline::probe
