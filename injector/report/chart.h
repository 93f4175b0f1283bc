// The drawing of a run: time from left to right, a bar for each fault, and below a panel for each probe with its
// latency and its failures. SVG, so that it is sharp at any size, needs no script and no network. Pure: text from a
// recording.
#pragma once

#include <string>
#include <vector>

#include "injector/record/recording.h"

namespace faultline::report {

/// The whole drawing as one <svg> element; empty when the run never reached T0.
std::string draw(const record::Recording& recording);

/// The sightings of an event that are drawn on a line of time, 500 at most: more are one upon the other. They live as
/// long as the record.
std::vector<const record::events::Seen*> shown_on_a_line(const record::EventRecord& record);

/// What can be put between tags and into attributes: &, <, > and quotes are replaced, and what
/// cannot be seen is written out (visible_text.h).
std::string escaped(const std::string& text);

}  // namespace faultline::report
