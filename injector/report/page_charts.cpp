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

constexpr std::uint64_t kSeldom = 10;        // fewer requests than that in the whole run
constexpr std::size_t kMostErrors = 8;       // told apart in a chart: kBadTones, each of them plain and hatched
constexpr std::size_t kBadTones = 4;         // page.css has bad1 to bad4
constexpr std::size_t kValuesOfAProbe = 12;  // curves, about: what kMostValues is divided by

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
                  {"p90", "thin", "main", quantile(900), 1},
                  {"p50", "line", "main", quantile(500)},
                  {"max", "thin", "main2", quantile(1000), 2}};
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

/// That of the n-th error.
PageSeries of_error(std::size_t n, std::string name, Values values) {
  return {std::move(name), "stack", fmt::format("bad{}", n % kBadTones + 1), std::move(values), n / kBadTones};
}

PageChart outcomes(const Seen& s) {
  PageChart chart;
  chart.title = "requests per second, by outcome";
  chart.about = "what became of the requests that were due then";
  chart.unit = "per_s";
  const auto errors = errors_of(s);
  const auto rate = [&](const std::function<std::uint64_t(const record::PhaseStats&)>& count) {
    return values_of(s, [&](const auto& stats) {
      return s.cells.has_a_pace(stats.length) ? std::optional(static_cast<double>(count(stats)) / seconds(stats.length))
                                              : std::nullopt;
    });
  };
  chart.series.push_back({"ok", "pale", "main", rate([](const auto& stats) { return stats.ok; })});
  const std::size_t told = errors.size() > kMostErrors ? kMostErrors - 1 : errors.size();
  for (std::size_t i = 0; i < told; i++)
    chart.series.push_back(of_error(i, errors[i], rate([&](const auto& stats) { return stats.failed_by(errors[i]); })));
  if (told < errors.size())
    chart.series.push_back(
        of_error(told, fmt::format("{} other errors", errors.size() - told), rate([&](const auto& stats) {
                   std::uint64_t others = stats.sent - stats.ok;
                   for (std::size_t i = 0; i < told; i++) others -= stats.failed_by(errors[i]);
                   return others;
                 })));
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
  bool of_few;  ///< it tells something of a few requests as well
};
constexpr ProbeChart kProbeCharts[] = {
    {"latency", latency, [](const plan::Conditions::Key& key) { return key.is_quantile(); }, false},
    {"success", success, [](const plan::Conditions::Key& key) { return key.of == Of::share; }, false},
    {"outcomes", outcomes, [](const plan::Conditions::Key& key) { return key.of == Of::throughput; }, true},
};

}  // namespace

double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double unit = std::pow(10, 2 - std::floor(std::log10(std::abs(value))));
  return std::round(value * unit) / unit;
}

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

bool asked_seldom(const ProbeRecord& probe) {
  std::uint64_t all = 0;
  for (const auto& answer : probe.answers)
    if (all += answer.count; all >= kSeldom) return false;
  return true;
}

std::vector<PageChart> page_charts(const Recording& r, const Summary& summary,
                                   const std::vector<const ProbeRecord*>& probes) {
  const Ns until = r.observed_until();
  const std::size_t most = std::clamp<std::size_t>(
      kMostValues / (kValuesOfAProbe * std::max<std::size_t>(1, probes.size() + r.telemetry.size())), 50, kMostCells);
  std::vector<PageChart> charts;
  for (const ProbeRecord* probe : probes) {
    const Seen s = seen(*probe, until, most);
    const bool seldom = asked_seldom(*probe);
    for (const auto& one : kProbeCharts) {
      if (seldom && !one.of_few) continue;
      PageChart chart = one.draw(s);
      chart.id = one.id;
      of_probe(chart, s);
      chart.low = seldom;
      chart.bounds = bounds_of_probe(r, summary, probe->name, one.shows, chart.unit);
      charts.push_back(std::move(chart));
    }
    if (auto chart = values(s, until)) {
      chart->low = seldom;
      chart->bounds = bounds_of_values(r, summary, probe->name);
      charts.push_back(std::move(*chart));
    }
  }
  for (auto& chart : telemetry_charts(r, summary, most)) charts.push_back(std::move(chart));
  if (auto chart = contention_chart(r)) charts.push_back(std::move(*chart));
  return charts;
}

}  // namespace faultline::report
