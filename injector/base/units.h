// Nanoseconds, the one unit of time inside Faultline.
#pragma once

#include <cstdint>

namespace faultline {

using Ns = std::int64_t;  ///< nanoseconds: a duration, an instant since T0, or one of CLOCK_MONOTONIC; names say which

inline constexpr Ns kMicrosecond = 1'000;
inline constexpr Ns kMillisecond = 1'000'000;
inline constexpr Ns kSecond = 1'000'000'000;

inline double seconds(Ns t) { return static_cast<double>(t) / kSecond; }
inline double milliseconds(Ns t) { return static_cast<double>(t) / kMillisecond; }

}  // namespace faultline
