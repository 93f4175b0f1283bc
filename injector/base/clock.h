// Time. The score, the journal's monotonic column and every deadline use CLOCK_MONOTONIC nanoseconds; the wall clock
// is only written down beside them.
#pragma once

#include <time.h>

#include "injector/base/units.h"

namespace faultline {

inline Ns read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<Ns>(t.tv_sec) * kSecond + t.tv_nsec;
}

inline Ns monotonic_now() { return read_clock(CLOCK_MONOTONIC); }
inline Ns wall_now() { return read_clock(CLOCK_REALTIME); }

}  // namespace faultline
