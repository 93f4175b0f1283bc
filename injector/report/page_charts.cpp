#include "injector/report/page_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "injector/base/quantile.h"
#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/record/values.h"
#include "injector/report/page_bounds.h"

namespace faultline::report {
namespace {

using Of = plan::Conditions::Of;
using record::ProbeRecord;
using record::Recording;
using Values = std::vector<std::optional<double>>;

constexpr std::size_t kMostErrors = 6;       // told apart in a chart: there are as many colours
constexpr std::size_t kValuesOfAProbe = 12;  // curves, about: what kMostValues is divided by

/// Three significant figures: what a curve shows of a value.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double unit = std::pow(10, 2 - std::floor(std::log10(std::abs(value))));
  return std::round(value * unit) / unit;
}

/// What a probe saw, cell by cell.
struct Seen {
  const ProbeRecord& probe;
  Cells cells;
  std::vector<record::PhaseStats> stats;
};

Seen seen(const ProbeRecord& probe, Ns until, std::size_t most) {
  Seen s{probe, cells_for(until, probe.every, most), {}};
  for (std::size_t i = 0; i < s.cells.count; i++)
    s.stats.push_back(record::stats_in(probe, s.cells.begin(i), std::min(s.cells.begin(i + 1), until)));
  return s;
}

Values values_of(const Seen& s, const std::function<std::optional<double>(const record::PhaseStats&)>& of) {
  Values values;
  for (const auto& stats : s.stats) {
    const auto value = of(stats);
    values.push_back(value ? std::optional(rounded(*value)) : std::nullopt);
  }
  return values;
}

PageChart success(const Seen& s) {
  PageChart chart;
  chart.title = "success";
  chart.about = "share of the requests that succeeded";
  chart.unit = "share";
  chart.series = {{"success", "area", "good", values_of(s, [](const auto& stats) {
                     return stats.sent > 0 ? std::optional(stats.success()) : std::nullopt;
                   })}};
  return chart;
}

PageChart latency(const Seen& s) {
  PageChart chart;
  chart.title = "latency";
  chart.about = "of the requests that succeeded; dots are single requests, red ones failed after that time";
  chart.unit = "ms";
  const auto quantile = [&](unsigned per_mille) {
    return values_of(s, [per_mille](const auto& stats) {
      return stats.ok > 0 ? std::optional(milliseconds(stats.latency.ok.quantile(per_mille))) : std::nullopt;
    });
  };
  chart.series = {{"least", "floor", "main", quantile(0)},
                  {"p99", "line", "main2", quantile(990)},
                  {"p90", "thin", "main3", quantile(900)},
                  {"p50", "line", "main", quantile(500)},
                  {"max", "faint", "main2", quantile(1000)}};
  return chart;
}

/// The errors of a probe, the most frequent first.
std::vector<std::string> errors_of(const Seen& s) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& stats : s.stats)
    for (const auto& [error, count] : stats.by_error) counts[error] += count;
  std::vector<std::string> names;
  for (const auto& [error, count] : record::most_frequent(counts)) names.push_back(error);
  return names;
}

PageChart outcomes(const Seen& s) {
  PageChart chart;
  chart.title = "requests per second, by outcome";
  chart.about = "what became of the requests that were due then";
  chart.unit = "per_s";
  const auto errors = errors_of(s);
  // Half a cell at the run's end has no pace of its own.
  const auto rate = [&](const std::function<std::uint64_t(const record::PhaseStats&)>& count) {
    return values_of(s, [&](const auto& stats) {
      return 2 * stats.length >= s.cells.width
                 ? std::optional(static_cast<double>(count(stats)) / seconds(stats.length))
                 : std::nullopt;
    });
  };
  chart.series.push_back({"ok", "stack", "calm", rate([](const auto& stats) { return stats.ok; })});
  const std::size_t told = errors.size() > kMostErrors ? kMostErrors - 1 : errors.size();
  for (std::size_t i = 0; i < told; i++)
    chart.series.push_back({errors[i], "stack", fmt::format("bad{}", i + 1),
                            rate([&](const auto& stats) { return stats.failed_by(errors[i]); })});
  if (told < errors.size())
    chart.series.push_back({fmt::format("{} other errors", errors.size() - told), "stack",
                            fmt::format("bad{}", kMostErrors), rate([&](const auto& stats) {
                              std::uint64_t others = stats.sent - stats.ok;
                              for (std::size_t i = 0; i < told; i++) others -= stats.failed_by(errors[i]);
                              return others;
                            })});
  return chart;
}

void of_probe(PageChart& chart, const Seen& s) {
  chart.title = s.probe.name + ": " + chart.title;
  chart.probe = s.probe.name;
  chart.cell_s = seconds(s.cells.width);
}

/// The numbers in its answers; nothing where there is none.
std::optional<PageChart> values(const Seen& s, Ns until) {
  PageChart chart;
  chart.id = "values";
  chart.title = "values";
  chart.about = "the numbers that answers held: the least and the greatest of each time, and half of them below";
  chart.unit = "number";
  of_probe(chart, s);
  Values least, greatest, half;
  bool any = false;
  for (std::size_t i = 0; i < s.cells.count; i++) {
    auto all = record::values_in(s.probe, s.cells.begin(i), std::min(s.cells.begin(i + 1), until));
    std::sort(all.begin(), all.end());
    any = any || !all.empty();
    const auto shown = [&](unsigned per_mille) {
      return all.empty() ? std::nullopt : std::optional(rounded(all[quantile_rank(all.size(), per_mille) - 1]));
    };
    least.push_back(shown(0));
    greatest.push_back(shown(1000));
    half.push_back(shown(500));
  }
  chart.series = {{"least", "floor", "main", std::move(least)},
                  {"greatest", "line", "main2", std::move(greatest)},
                  {"p50", "line", "main", std::move(half)}};
  return any ? std::optional(std::move(chart)) : std::nullopt;
}

/// The charts of a probe, and which bounds of hypotheses are drawn into each.
struct ProbeChart {
  const char* id;
  PageChart (*draw)(const Seen&);
  Shows shows;
};
constexpr ProbeChart kProbeCharts[] = {
    {"latency", latency, [](const plan::Conditions::Key& key) { return key.is_quantile(); }},
    {"success", success, [](const plan::Conditions::Key& key) { return key.of == Of::share; }},
    {"outcomes", outcomes, [](const plan::Conditions::Key& key) { return key.of == Of::throughput; }},
};

/// What became of a target's connections, cell by cell.
struct Counted {
  const record::TelemetryRecord& target;
  Cells cells;
  std::vector<record::TelemetryStats> stats;
};

using TelemetryValue = std::function<std::optional<double>(const record::TelemetryStats&)>;

/// A curve of a telemetry chart. A count is drawn by second.
struct TelemetrySeries {
  const char *name, *look, *tone;
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
const std::vector<TelemetryChart>& telemetry_charts() {
  using Stats = record::TelemetryStats;
  using Number = plan::Series;
  static const std::vector<TelemetryChart> charts{
      {"connections",
       "connections per second",
       "of its TCP connections, counted in the kernel",
       "per_s",
       numbers<Number::opened, Number::accepted, Number::closed, Number::failed>,
       {{"opened", "line", "main", true, counted<&Stats::opened>},
        {"accepted", "line", "good", true, counted<&Stats::accepted>},
        {"closed", "thin", "dim", true, counted<&Stats::closed>},
        {"failed", "line", "bad1", true,
         [](const Stats& stats) { return std::optional(static_cast<double>(stats.all_failed())); }}}},
      {"retransmits",
       "retransmissions and resets per second",
       "segments sent again, those of them that faults made necessary (ours), those by timeout, and TCP resets",
       "per_s",
       numbers<Number::retransmits, Number::retransmits_ours, Number::timeouts, Number::resets_sent,
               Number::resets_received>,
       {{"retransmits", "line", "bad2", true, counted<&Stats::retransmits>},
        {"ours", "thin", "main", true, counted<&Stats::retransmits_ours>},
        {"timeouts", "line", "bad1", true, counted<&Stats::timeouts>},
        {"resets sent", "thin", "bad3", true, counted<&Stats::resets_sent>},
        {"resets received", "thin", "bad4", true, counted<&Stats::resets_received>}}},
      {"rtt",
       "round-trip time",
       "smoothed, as TCP measures it",
       "ms",
       [](const plan::Conditions::Key& key) { return key.of == Of::rtt; },
       {{"p99", "line", "main2", false, measured<&Stats::rtt, 990>},
        {"p50", "line", "main", false, measured<&Stats::rtt, 500>}}},
      {"turns",
       "turns",
       "from the last byte of what was asked to the first of its answer, of those that were answered",
       "ms",
       [](const plan::Conditions::Key& key) { return key.of == Of::turns; },
       {{"p99", "line", "main2", false, measured<&Stats::turns, 990>},
        {"p50", "line", "main", false, measured<&Stats::turns, 500>}}},
      {"bytes",
       "bytes per second",
       "payload that was acknowledged, and that arrived",
       "bytes_per_s",
       numbers<Number::bytes_sent, Number::bytes_received>,
       {{"sent", "line", "main", true, counted<&Stats::bytes_sent>},
        {"received", "line", "good", true, counted<&Stats::bytes_received>}}},
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
    for (const auto& stats : c.stats) {
      auto value = series.of(stats);
      if (value && series.count) *value /= chart.cell_s;
      any = any || value.value_or(0) > 0;
      values.push_back(value ? std::optional(rounded(*value)) : std::nullopt);
    }
    chart.series.push_back({series.name, series.look, series.tone, std::move(values)});
  }
  return any ? std::optional(std::move(chart)) : std::nullopt;
}

}  // namespace

Cells cells_for(Ns until, Ns every, std::size_t most) {
  const Ns least = std::max<Ns>({until / static_cast<Ns>(std::max<std::size_t>(most, 1)), every,
                                 std::min(5 * every, until / 60), 100 * kMillisecond});
  Ns width = 100 * kMillisecond;
  for (Ns unit = width; width < least; unit *= 10)
    for (const Ns factor : {1, 2, 5, 10})
      if (width = factor * unit; width >= least) break;
  // As many requests in each: else a steady pace looks like teeth.
  if (every > kMillisecond) width = (width + every / 2) / every * every;
  return {width, static_cast<std::size_t>((until + width - 1) / width)};
}

std::vector<PageChart> page_charts(const Recording& r, const Summary& summary,
                                   const std::vector<const ProbeRecord*>& probes) {
  const Ns until = r.observed_until();
  const std::size_t most = std::clamp<std::size_t>(
      kMostValues / (kValuesOfAProbe * std::max<std::size_t>(1, probes.size() + r.telemetry.size())), 50, kMostCells);
  std::vector<PageChart> charts;
  for (const ProbeRecord* probe : probes) {
    const Seen s = seen(*probe, until, most);
    for (const auto& one : kProbeCharts) {
      PageChart chart = one.draw(s);
      chart.id = one.id;
      of_probe(chart, s);
      chart.bounds = bounds_of_probe(r, summary, probe->name, one.shows, chart.unit);
      charts.push_back(std::move(chart));
    }
    if (auto chart = values(s, until)) {
      chart->bounds = bounds_of_values(r, summary, probe->name);
      charts.push_back(std::move(*chart));
    }
  }
  for (const auto& target : r.telemetry) {
    Counted c{target, cells_for(until, 0, std::min<std::size_t>(most, 300)), {}};
    for (std::size_t i = 0; i < c.cells.count; i++)
      c.stats.push_back(record::stats_in(target, c.cells.begin(i), c.cells.begin(i + 1)));
    for (const auto& one : telemetry_charts())
      if (auto chart = drawn(one, c)) {
        chart->bounds = bounds_of_connections(r, summary, target.target, one.shows);
        charts.push_back(std::move(*chart));
      }
  }
  if (auto chart = contention_chart(r)) charts.push_back(std::move(*chart));
  return charts;
}

}  // namespace faultline::report
