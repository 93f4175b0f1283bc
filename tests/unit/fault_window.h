// When the faults of these tests are in force.
#pragma once

#include "faults/kind.h"

namespace faultline::faults {

inline constexpr Window kWindow{20 * kSecond, 60 * kSecond};

}  // namespace faultline::faults
