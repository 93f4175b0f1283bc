#include "injector/observe/run_clock.h"

#include <algorithm>

namespace faultline::observe {

Ns RunClock::since_t0(Ns instant) const {
  Ns t = instant - epoch_;
  for (const auto& [from, to] : waits_) t += instant >= to ? 0 : to - std::max(instant, from);
  return t;
}

void RunClock::stop_at(Ns t) {
  stopped_at_ = t;
  waits_.emplace_back(epoch_ + t, epoch_ + t);
}

void RunClock::keep_still(Ns now) {
  waits_.back().second = now;
  epoch_ = now - stopped_at_;
}

}  // namespace faultline::observe
