// What hypotheses ask of the figures that a chart of the page shows: lines, each for the window in which it is asked
// for, with what became of the hypothesis.
#pragma once

#include <string>
#include <vector>

#include "injector/record/recording.h"
#include "injector/report/page_data.h"

namespace faultline::report {

/// Whether a chart shows a figure.
using Shows = bool (*)(const plan::Conditions::Key& key);

/// Of a probe's requests, in `unit` of the chart.
std::vector<PageBound> bounds_of_probe(const record::Recording& recording, const Summary& summary,
                                       const std::string& probe, Shows shows, const std::string& unit);
/// Of the numbers in a probe's answers.
std::vector<PageBound> bounds_of_values(const record::Recording& recording, const Summary& summary,
                                        const std::string& probe);
/// Of all connections of a target, times in ms: what is asked of those with one peer, the chart does not show. A number
/// of the whole window is drawn as what it is in a second of it, as the curve is.
std::vector<PageBound> bounds_of_connections(const record::Recording& recording, const Summary& summary,
                                             const std::string& target, Shows shows);

}  // namespace faultline::report
