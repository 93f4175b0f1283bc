// From resolved sites and the plan's faults to a score: each rule's fault kind compiles its channel, with seeds derived
// from names so that adding a target leaves the chance of the others as it was.
#pragma once

#include <optional>
#include <vector>

#include "faults/score.h"
#include "injector/plan/plan.h"
#include "injector/site/site.h"

namespace faultline::run {

struct Composition {
  faults::Score score;
  std::vector<std::optional<Ns>> onsets;  ///< by fault: when its channels first do something
};

/// Throws Failure(cannot_run) when a site has more rules at once than it takes.
Composition compose(const plan::Plan& plan, const std::vector<site::Site>& sites);

}  // namespace faultline::run
