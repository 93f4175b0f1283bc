// The charts of what became of targets' connections, as the kernel counted them.
#include <algorithm>

#include "injector/report/page_bounds.h"
#include "injector/report/page_charts.h"

namespace faultline::report {
namespace {

using Of = plan::Conditions::Of;
using Values = std::vector<std::optional<double>>;

/// What became of a target's connections, cell by cell.
struct Counted {
  const record::TelemetryRecord& target;
  Ns until;
  Cells cells;
  std::vector<record::TelemetryStats> stats;
};

/// A curve of a telemetry chart. A count is drawn by second.
struct TelemetrySeries {
  const char *name, *look, *tone;
  std::uint64_t dash;
  bool count;
  std::optional<double> (*of)(const record::TelemetryStats&);
};
struct TelemetryChart {
  const char *id, *title, *about, *unit;
  Shows shows;  ///< the figures whose bounds are drawn
  std::vector<TelemetrySeries> series;
};

/// Whether it is one of these numbers.
template <plan::Series... which>
bool numbers(const plan::Conditions::Key& key) {
  return ((key.series == which) || ...);
}

template <auto member>
std::optional<double> counted(const record::TelemetryStats& stats) {
  return static_cast<double>(stats.*member);
}
/// Of a time that was measured: of turns, of those that were answered.
template <auto member, unsigned per_mille>
std::optional<double> measured(const record::TelemetryStats& stats) {
  const record::Distribution& times = (stats.*member).ok;
  if (times.count() == 0) return {};
  return milliseconds(times.quantile(per_mille));
}

/// A new series of telemetry is a row here.
const std::vector<TelemetryChart>& all_charts() {
  using Stats = record::TelemetryStats;
  using Number = plan::Series;
  static const std::vector<TelemetryChart> charts{
      {"connections",
       "connections per second",
       "of its TCP connections, counted in the kernel",
       "per_s",
       numbers<Number::opened, Number::accepted, Number::closed, Number::failed>,
       {{"opened", "line", "main", 0, true, counted<&Stats::opened>},
        {"accepted", "line", "good", 0, true, counted<&Stats::accepted>},
        {"closed", "thin", "dim", 1, true, counted<&Stats::closed>},
        {"failed", "line", "bad1", 0, true,
         [](const Stats& stats) { return std::optional(static_cast<double>(stats.all_failed())); }}}},
      {"retransmits",
       "retransmissions and resets per second",
       "segments sent again, those of them that faults made necessary (ours), those by timeout, and TCP resets",
       "per_s",
       numbers<Number::retransmits, Number::retransmits_ours, Number::timeouts, Number::resets_sent,
               Number::resets_received>,
       {{"retransmits", "line", "bad2", 0, true, counted<&Stats::retransmits>},
        {"ours", "thin", "main", 0, true, counted<&Stats::retransmits_ours>},
        {"timeouts", "line", "bad1", 0, true, counted<&Stats::timeouts>},
        {"resets sent", "thin", "bad3", 0, true, counted<&Stats::resets_sent>},
        {"resets received", "thin", "bad4", 1, true, counted<&Stats::resets_received>}}},
      {"rtt",
       "round-trip time",
       "smoothed, as TCP measures it",
       "ms",
       [](const plan::Conditions::Key& key) { return key.of == Of::rtt; },
       {{"p99", "line", "main2", 0, false, measured<&Stats::rtt, 990>},
        {"p50", "line", "main", 0, false, measured<&Stats::rtt, 500>}}},
      {"turns",
       "turns",
       "from the last byte of what was asked to the first of its answer, of those that were answered",
       "ms",
       [](const plan::Conditions::Key& key) { return key.of == Of::turns; },
       {{"p99", "line", "main2", 0, false, measured<&Stats::turns, 990>},
        {"p50", "line", "main", 0, false, measured<&Stats::turns, 500>}}},
      {"bytes",
       "bytes per second",
       "payload that was acknowledged, and that arrived",
       "bytes_per_s",
       numbers<Number::bytes_sent, Number::bytes_received>,
       {{"sent", "line", "main", 0, true, counted<&Stats::bytes_sent>},
        {"received", "line", "good", 0, true, counted<&Stats::bytes_received>}}},
  };
  return charts;
}

std::optional<PageChart> drawn(const TelemetryChart& asked, const Counted& c) {
  PageChart chart;
  chart.id = asked.id;
  chart.title = c.target.target + ": " + asked.title;
  chart.about = asked.about;
  chart.unit = asked.unit;
  chart.cell_s = seconds(c.cells.width);
  bool any = false;
  for (const auto& series : asked.series) {
    Values values;
    for (std::size_t i = 0; i < c.stats.size(); i++) {
      auto value = series.of(c.stats[i]);
      any = any || value.value_or(0) > 0;
      if (value && series.count) {
        const Ns length = c.cells.length(i, c.until);
        value = c.cells.has_a_pace(length) ? std::optional(*value / seconds(length)) : std::nullopt;
      }
      values.push_back(value ? std::optional(rounded(*value)) : std::nullopt);
    }
    chart.series.push_back({series.name, series.look, series.tone, std::move(values), series.dash});
  }
  return any ? std::optional(std::move(chart)) : std::nullopt;
}

}  // namespace

std::vector<PageChart> telemetry_charts(const record::Recording& r, const Summary& summary, std::size_t most) {
  const Ns until = r.observed_until();
  std::vector<PageChart> charts;
  for (const auto& target : r.telemetry) {
    Counted c{target, until, cells_for(until, 0, std::min<std::size_t>(most, 300)), {}};
    for (std::size_t i = 0; i < c.cells.count; i++)
      c.stats.push_back(record::stats_in(target, c.cells.begin(i), c.cells.begin(i + 1)));
    for (const auto& one : all_charts())
      if (auto chart = drawn(one, c)) {
        chart->bounds = bounds_of_connections(r, summary, target.target, one.shows);
        charts.push_back(std::move(*chart));
      }
  }
  return charts;
}

}  // namespace faultline::report
