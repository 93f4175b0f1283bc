// The search for a margin, as its command line asks for it: along one value of a fault, or along one for each of some
// values of another.
#pragma once

#include <string>

#include "injector/cli/plan_arguments.h"
#include "injector/cli/playing.h"

namespace faultline::cli {

struct MarginArguments {
  std::string plan, vary, from, to, within = "5%", least;
  std::string against;  ///< "FAULT.KEY=VALUE,VALUE"; empty: the plan's own
  PlanArguments reading;
  Playing playing;
};

/// A margin for each value of `against`, each a search of its own in a process and a folder of its own.
Exit play_margin_map(const MarginArguments& arguments, const CLI::App& sub);

}  // namespace faultline::cli
