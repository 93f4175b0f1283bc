// The unit of most times in these tests, short.
#pragma once

#include "injector/base/clock.h"

namespace faultline {

inline constexpr Ns kMs = kMillisecond;

}  // namespace faultline
