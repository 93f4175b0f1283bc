// Time in the demo services: a clock that never stands still, and pauses at random.
#pragma once

#include <chrono>
#include <cstdint>

namespace demo {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Microseconds since 1970, and never the same twice in one process: an order of what happened there.
std::int64_t now_us();
inline double seconds_since(clock::time_point then) {
  return std::chrono::duration<double>(clock::now() - then).count();
}
inline milliseconds since(clock::time_point then) {
  return std::chrono::duration_cast<milliseconds>(clock::now() - then);
}
/// A pause of half to one and a half of `about`: those who wait for the same thing do not come back together.
void pause(milliseconds about);

}  // namespace demo
