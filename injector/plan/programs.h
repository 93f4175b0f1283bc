// The programs that a plan runs: what has to be installed for it.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::plan {

/// The first word of every command of its lab and its exec probes, each once, in the plan's order. Those with a path are the plan's own
/// scripts, and left out.
std::vector<std::string> programs_of(const Plan& plan);

}  // namespace faultline::plan
