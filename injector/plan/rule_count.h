// How many rules a place would have at once, as far as the plan alone tells. A place takes FL_MAX_RULES_PER_SITE of
// them; those that match the same packets and are apart in time count as one. What more there are when targets and
// addresses have been found, a run counts (run::compose).
#pragma once

#include "injector/plan/passes.h"

namespace faultline::plan {

/// What to do about too many.
inline constexpr const char* kFewerRules =
    "merge faults that differ in their time alone (flap, profile, trace), or play the plan in parts";

/// Reports each place that would have too many for certain, where it has the first of them. For a draft without
/// mistakes.
void count_rules(Draft& draft);

}  // namespace faultline::plan
