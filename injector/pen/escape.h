// A stretch of time in which packets may have bypassed a site's programs: somebody had put a program in front of them,
// or had taken them off, or a device had come on which they were not yet. The fault was then not there for what came
// by, whatever its counts say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/units.h"

namespace faultline::pen {

/// What a device carried while one fault was in force. Of faults that are in force at the same time each has all of it:
/// any packet may have gone by any of them.
struct Share {
  std::uint32_t fault = 0;  ///< as Rule::fault
  std::uint64_t packets = 0, bytes = 0;
};

struct Escape {
  std::string site, device, hook;  ///< "netns shop", "eth0", "egress"
  std::string why;                 ///< "program in_front (id 17) runs first"
  Ns from = 0;                     ///< CLOCK_MONOTONIC: when all was well for the last time, or ours were put there
  std::optional<Ns> until;         ///< when it was well again; absent: not yet
  /// That the device carried this way meanwhile, while any of the faults was in force.
  std::uint64_t packets = 0, bytes = 0;
  std::vector<Share> faults = {};  ///< that act there
  /// No more than what the device counted can have gone by. Not so where another program, which runs first, may keep
  /// packets from the device, nor on hardware, whose counters may come late.
  bool bounded = false;
};

}  // namespace faultline::pen
