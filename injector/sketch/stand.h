// Targets of the user's own that stand for names of an outage, as `--bind NAME=KEY=VALUE` says them.
#pragma once

#include <string>
#include <vector>

#include "injector/sketch/sketch.h"

namespace faultline::sketch {

struct Stand {
  std::string name;         ///< that it stands for
  std::string target;       ///< its own: the same, or numbered where several stand for one name
  std::string option;       ///< as it was given: "payment=unit=pay.service"
  std::vector<Line> lines;  ///< of [targets.TARGET]
  bool place = false;       ///< a fault can be on it
  bool addresses = false;   ///< it can be a peer
};
using Stands = std::vector<const Stand*>;

/// Reads `--bind` options. Throws Failure(invalid) for one that says no name or no target.
std::vector<Stand> read_stands(const std::vector<std::string>& given);

/// Whether it is reached by lo alone, by one of its addresses at least.
bool is_local(const Stand& stand);

/// Whether there are some, and each can do it.
bool all_of(const Stands& stands, bool Stand::*able);

}  // namespace faultline::sketch
