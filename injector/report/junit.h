// junit.xml: a run as CI servers read it. A test case per hypothesis, one for cleanup, and one that says whether the
// experiment was conclusive at all, so that an inconclusive or aborted run is never shown as green.
#pragma once

#include <string>
#include <vector>

#include "injector/report/summary.h"

namespace faultline::report {

std::string junit_xml(const Summary& summary);
/// A suite for each, and one with an error for each arm of plan `name` that there is no record of.
std::string junit_xml(const std::vector<Summary>& summaries, const std::string& name = "",
                      const std::vector<std::string>& not_played = {});

}  // namespace faultline::report
