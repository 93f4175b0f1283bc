// A stretch of time in which packets may have gone by a site's programs: somebody had put a program in front of them,
// or had taken them off. The fault was then not there for what came by, whatever its counts say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::pen {

struct Escape {
  std::string site, device, hook;  ///< "netns shop", "eth0", "egress"
  std::string why;                 ///< "program in_front (id 17) runs first"
  Ns from = 0;                     ///< CLOCK_MONOTONIC: when all was well for the last time; 0: it never was
  std::optional<Ns> until;         ///< when it was well again; absent: not yet
  /// That the device carried this way meanwhile, while a fault was in force: at most so many went by.
  std::uint64_t packets = 0;
  std::vector<std::uint32_t> faults = {};  ///< that act there, as in Rule::fault
};

}  // namespace faultline::pen
