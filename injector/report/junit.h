// junit.xml: a run as CI servers read it. A test case per hypothesis, one for cleanup, and one that says whether the
// experiment was conclusive at all, so that an inconclusive or aborted run is never shown as green.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace faultline::report {

/// From a summary (summary.h).
std::string junit_xml(const nlohmann::json& summary);

}  // namespace faultline::report
