// What the lab's services wrote around an instant, as the logs in a run folder have it: each line begins with the time
// at which it was read (lab/service_log.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::report {

/// Of one log.
struct WrittenNear {
  std::string file;       ///< its name, without the folder
  std::size_t lines = 0;  ///< within the span; at most kMostLinesNear are counted
  Ns apart = 0;           ///< of `line`, from the instant; below 0: it came before
  std::string line;       ///< without its time, cut, visible, and without secrets that are announced
};

constexpr std::size_t kMostLinesNear = 10'000;

/// Of each log in `services` that has lines within `span` of `wall` (CLOCK_REALTIME ns), one line: of those that tell
/// of trouble the nearest, else the nearest of all. A line that came before is nearer than one that came after. Logs
/// with such a line come first, then the nearer ones. A log that cannot be read is left out.
std::vector<WrittenNear> written_near(const std::filesystem::path& services, Ns wall, Ns span);

}  // namespace faultline::report
