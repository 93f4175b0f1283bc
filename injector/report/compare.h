// Two runs side by side: what each hypothesis, fault and probe did in the one and in the other. For the question after
// every change: is it better now? Made from their journals, judged anew.
#pragma once

#include <nlohmann/json.hpp>

#include "injector/base/visible_text.h"

namespace faultline::report {

/// Both runs' figures by name; what only one of them has is null in the other. `a` and `b` are summaries.
nlohmann::json compare(const nlohmann::json& a, const nlohmann::json& b);

/// The same for a terminal.
Visible render_comparison(const nlohmann::json& comparison);

}  // namespace faultline::report
