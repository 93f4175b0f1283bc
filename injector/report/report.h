// report.html: a run for people who would rather look than read. One file that opens offline: the verdict, the drawing,
// what was asked beside what was applied, and how to repeat it. Made from the journal alone, as summary.json is.
#pragma once

#include <string>

#include "injector/record/recording.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// The page. `summary` is what summarize() made of the same recording.
std::string render_report(const record::Recording& recording, const Summary& summary);

}  // namespace faultline::report
