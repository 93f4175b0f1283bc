// Which figures two sides are compared by, and what comes of each: those of probes' requests, and those of targets'
// connections, by phase. All of them are judged together, as each more of them is one more that chance may move.
#pragma once

#include <vector>

#include "injector/report/compare.h"

namespace faultline::report {

/// Of every probe, target and phase that both sides have. Neither side is empty.
std::vector<ComparedFigure> compared_figures(const std::vector<const KeptRun*>& before,
                                             const std::vector<const KeptRun*>& after, const CompareRules& rules);

}  // namespace faultline::report
