// For how much of the time threads waited for a CPU, over time.
#include <algorithm>
#include <cmath>

#include "injector/record/contention.h"
#include "injector/report/page_charts.h"

namespace faultline::report {
namespace {

using record::CpuWaits;
using Second = record::events::Contention;

constexpr std::size_t kFinest = 300;  // cells

std::vector<std::optional<double>> shares(const record::Recording& r, const Cells& cells, CpuWaits Second::*whose) {
  std::vector<std::optional<double>> values(cells.count);
  for (const auto& one : r.contention)
    if (const std::size_t cell = cells.of(one.from + one.length / 2); cell < cells.count)
      values[cell] =
          std::max(values[cell].value_or(0), std::round(record::share_waited(one.*whose, one.length) * 1000) / 1000);
  return values;
}

}  // namespace

std::optional<PageChart> contention_chart(const record::Recording& r) {
  const auto waiting = record::waiting_in(r, 0, r.observed_until());
  if (!waiting || waiting->busy == 0) return {};
  const Cells cells = cells_for(r.observed_until(), kSecond, kFinest);
  PageChart chart;
  chart.id = "contention";
  chart.title = "this machine: waiting for a CPU";
  chart.about = "for how much of the time a thread had something to do and no CPU: the one that waited longest";
  chart.unit = "share";
  chart.cell_s = seconds(cells.width);
  chart.series = {{"what the run started", "line", "bad1", shares(r, cells, &Second::programs)},
                  {"Faultline", "thin", "dim", shares(r, cells, &Second::own)}};
  return chart;
}

}  // namespace faultline::report
