// The charts of the report's page. Each is a function from a probe or a target to a PageChart, and a row in a table
// (page_charts.cpp, page_telemetry.cpp): the page draws whatever it is given, so that a new chart needs no JavaScript.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "injector/record/recording.h"
#include "injector/report/page_data.h"

namespace faultline::report {

/// Equal cells from T0 on, until the run's end. The last one may reach beyond it.
struct Cells {
  Ns width = kSecond;
  std::size_t count = 0;

  std::size_t of(Ns t) const { return static_cast<std::size_t>(t / width); }
  Ns begin(std::size_t cell) const { return static_cast<Ns>(cell) * width; }
  Ns length(std::size_t cell, Ns until) const { return std::min(begin(cell + 1), until) - begin(cell); }
  /// Whether so much of a cell can be told by the second: less than half of one, at the run's end, has no pace of its
  /// own.
  bool has_a_pace(Ns part) const { return 2 * part >= width; }
};

/// Cells of a round width, about `most` at most; of requests that come `every` so often (0: it does not matter) each
/// holds as many as the others, and a few where the run is long enough for that.
Cells cells_for(Ns until, Ns every, std::size_t most);

/// Three significant figures: what a curve shows of a value.
double rounded(double value);

/// Whether a probe's requests are so few that a curve of their latency or success would say what the timeline says
/// already: it has one low chart in place of three.
bool asked_seldom(const record::ProbeRecord& probe);

/// The charts of `probes`, of all telemetry and of the machine, in the order of the page. `summary` has what became of
/// the hypotheses.
std::vector<PageChart> page_charts(const record::Recording& recording, const Summary& summary,
                                   const std::vector<const record::ProbeRecord*>& probes);

/// Of the connections of all targets that are counted, in cells of which there are `most` at most.
std::vector<PageChart> telemetry_charts(const record::Recording& recording, const Summary& summary, std::size_t most);

/// How long threads waited for a CPU; nothing on a machine that had time to spare.
std::optional<PageChart> contention_chart(const record::Recording& recording);

/// At most `most` of the probe's requests: all, or a sample that is even over time, with failures first.
PageRequests page_requests(const record::ProbeRecord& probe, Ns until, std::size_t most);

}  // namespace faultline::report
