// The stretches of a run that are looked at by themselves: where they are cut, and what is said of one that is not
// whole.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::record {

/// Where phases and the windows of hypotheses begin and end, since T0, in order: what is counted for a span of time is
/// cut there. A window that waits for an event is not among them, as nobody knows it beforehand.
std::vector<Ns> edges(const plan::Plan& plan);

/// How a run ended that did not come to its beginning.
inline constexpr const char* kNeverBegan = "the run never began";

/// That a window cannot be judged, since the run ended in it: "the record ends before that time was over". `stop_text`
/// says how the run ended early, or is empty.
std::string not_over_text(const std::string& stop_text, const std::string& what);

}  // namespace faultline::record
