// What the lab's services wrote around an instant, as the logs in a run folder have it: each line begins with the time
// at which it was read (lab/service_log.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::report {

/// An instant, and from when to when lines are about it. All CLOCK_REALTIME, ns.
struct Around {
  Ns from = 0, at = 0, to = 0;
};

/// Of one log.
struct WrittenNear {
  std::string file;       ///< its name, without the folder
  std::size_t lines = 0;  ///< that are about the instant
  bool trouble = false;   ///< `line` seems to tell of some
  bool more = false;      ///< there are more of them: a log that grows by megabytes a second is read in part
  Ns apart = 0;           ///< of `line`, from the instant; below 0: it came before
  std::string line;       ///< without its time, cut, visible, and with "***" for secrets
};

/// Of each log in `services` that has lines about the instant, one: of those that tell of trouble the nearest, else the
/// nearest of all. One that came before is taken rather than one that is nearer by less than a second and came after.
/// The logs are in the same order. A log that cannot be read is left out. `secrets` are values that are not to be
/// shown, beside what a line announces as one.
std::vector<WrittenNear> written_near(const std::filesystem::path& services, const Around& around,
                                      const std::vector<std::string>& secrets);

/// The names of all logs there, in order.
std::vector<std::string> logs_in(const std::filesystem::path& services);

}  // namespace faultline::report
