// The search for a margin, as its command line asks for it: along one value of a fault, or along one for each of some
// values of another.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "injector/cli/plan_arguments.h"
#include "injector/cli/playing.h"
#include "injector/report/margin.h"

namespace faultline::cli {

struct MarginArguments {
  std::string plan, vary, from, to, within = "5%", least;
  std::string against;  ///< "FAULT.KEY=VALUE,VALUE"; empty: the plan's own
  PlanArguments reading;
  Playing playing;
};

/// Options that are not handed on to a run of the plan.
inline const std::set<std::string> kOfTheSearch{"--seed", "--out",    "--json", "--vary",   "--from",
                                                "--to",   "--within", "--min",  "--against"};

/// Of the words that are given to every run, the plan first: what may tell one search from another.
std::string played_options(const std::vector<std::string>& given);
/// Throws Failure(invalid) where the record in --out, of a `what` ("search"), is not of what is asked for now.
void refuse_another_search(const MarginArguments& arguments, const report::MarginAsked& before,
                           const report::MarginAsked& now, const char* what);

/// A margin for each value of `against`, each a search of its own in a process and a folder of its own.
Exit play_margin_map(const MarginArguments& arguments, const CLI::App& sub);

}  // namespace faultline::cli
