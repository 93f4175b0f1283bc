// The programs that a plan runs: what has to be installed for it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::plan {

/// The first word of every command of its lab and its exec probes, each once, in the plan's order. A word with a path
/// is a script of the plan's own: of what is written in it, but for comments, those words count that are `known` as
/// programs.
std::vector<std::string> programs_of(const Plan& plan, const std::function<bool(const std::string&)>& known);

}  // namespace faultline::plan
