// What kinds draw while they compile: seeded decisions as in chance.h, in floating point.
#pragma once

#include <cstdint>

namespace faultline::faults {

/// Uniform in [0, 1), from 53 of the 64 bits.
inline double uniform(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

/// Uniform in [low, high).
inline double uniform(std::uint64_t random, double low, double high) { return low + (high - low) * uniform(random); }

}  // namespace faultline::faults
