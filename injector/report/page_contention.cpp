// How long threads waited for a CPU, over time.
#include <algorithm>
#include <cmath>

#include "injector/report/page_charts.h"

namespace faultline::report {
namespace {

using record::CpuWaits;
using Second = record::events::Contention;

constexpr Ns kWorthALook = kMillisecond;  // below, it would be a chart of nothing
constexpr std::size_t kFinest = 300;

/// Three digits after the point: a microsecond.
double in_milliseconds(Ns wait) { return std::round(milliseconds(wait) * 1000) / 1000; }

std::vector<std::optional<double>> means(const record::Recording& r, const Cells& cells, CpuWaits Second::*whose) {
  std::vector<CpuWaits> waits(cells.count);
  for (const auto& one : r.contention)
    if (const std::size_t cell = cells.of(one.from + one.length / 2); cell < cells.count) waits[cell].add(one.*whose);
  std::vector<std::optional<double>> values;
  for (const auto& one : waits)
    values.push_back(one.turns > 0 ? std::optional(in_milliseconds(one.mean())) : std::nullopt);
  return values;
}

}  // namespace

std::optional<PageChart> contention_chart(const record::Recording& r) {
  const bool any = std::any_of(r.contention.begin(), r.contention.end(), [](const Second& one) {
    return std::max(one.own.mean(), one.programs.mean()) >= kWorthALook;
  });
  if (!any) return {};
  const Cells cells = cells_for(r.observed_until(), kSecond, kFinest);
  PageChart chart;
  chart.id = "contention";
  chart.title = "this machine: waiting for a CPU";
  chart.about = "how long a thread with something to do waited for a CPU, on average";
  chart.unit = "ms";
  chart.cell_s = seconds(cells.width);
  chart.series = {{"what the run started", "line", "bad1", means(r, cells, &Second::programs)},
                  {"Faultline", "thin", "dim", means(r, cells, &Second::own)}};
  return chart;
}

}  // namespace faultline::report
