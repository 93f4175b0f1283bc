// The programs that a plan runs: what has to be installed for it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::plan {

/// What the shell scripts among a command's words (files that end with .sh, the text behind -c) use of the programs
/// that are `known`, as far as their words tell: comments, and what they only echo, do not count.
std::vector<std::string> programs_used_by(const std::vector<std::string>& command,
                                          const std::function<bool(const std::string&)>& known);

/// The first word of every command of its lab and its exec probes, each once, in the plan's order. A word with a path
/// is a script of the plan's own: of what is written in it, but for comments, those words count that are `known` as
/// programs.
std::vector<std::string> programs_of(const Plan& plan, const std::function<bool(const std::string&)>& known);

}  // namespace faultline::plan
