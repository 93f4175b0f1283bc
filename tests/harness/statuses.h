// What the status of a run says to a test to which its verdict is all the same.
#pragma once

#include <optional>

namespace faultline::test {

/// Whether a run came to its end: passed, deviated or inconclusive. `status` is what Command::wait() returned.
inline bool came_to_its_end(std::optional<int> status) { return status && *status >= 0 && *status <= 2; }

}  // namespace faultline::test
