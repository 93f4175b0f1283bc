// report.html: a run for people who would rather look than read. One file that opens offline: the verdict, what broke
// and why, the run over time, what was asked beside what was applied, and how to repeat it. What must be read stands in
// it as HTML; what can be zoomed is drawn in the browser from page_data.h, by injector/report/page/. Made from the
// journal alone, as summary.json is, with the plan's text where there is one.
#pragma once

#include <string>

#include "injector/record/recording.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// The page. `summary` is what summarize() made of the same recording; `plan_text` is the plan's, as a file has it.
/// `live` is of a run under way: what is said of that on top, as HTML; the page then asks for itself again.
std::string render_report(const record::Recording& recording, const Summary& summary, const std::string& plan_text = "",
                          const std::string& live = "");

/// What stands on top of a page of a run under way. `text` is HTML.
std::string live_banner(const std::string& text);

}  // namespace faultline::report
