// The rows that a terminal shows of a run under way. A pure function of the watch, the time and the terminal's size.
#pragma once

#include <string>
#include <vector>

#include "injector/screen/row.h"
#include "injector/screen/watch.h"

namespace faultline::screen {

/// `now` is since T0 and may be negative (a start that is still to come). No row is wider than look.width, and there
/// are fewer rows than look.height. The `final` frame, which stays on the screen, leaves out what is under way.
std::vector<Visible> live_view(const Watch& watch, Ns now, const Look& look, bool final = false);

}  // namespace faultline::screen
