#include "injector/report/summary_contention.h"

#include <algorithm>

#include "injector/record/contention.h"

namespace faultline::report {
namespace {

using record::CpuWaits;
using Second = record::events::Contention;

Waits waits_of(const record::Recording& r, CpuWaits Second::*whose) {
  Waits waits;
  CpuWaits all;
  for (const auto& one : r.contention) {
    const CpuWaits& now = one.*whose;
    all.add(now);
    waits.worst = std::max(waits.worst, record::share_waited(now, one.length));
  }
  waits.ran_s = seconds(all.ran);
  waits.waited_s = seconds(all.waited);
  if (all.turns > 0) waits.mean_ms = all.mean() / static_cast<double>(kMillisecond);
  return waits;
}

std::optional<double> share(const record::Recording& r, std::optional<Ns> Second::*what) {
  Ns stalled = 0, known = 0;
  for (const auto& one : r.contention) {
    if (!(one.*what)) continue;
    stalled += *(one.*what);
    known += one.length;
  }
  if (known == 0) return {};
  return std::min(1.0, static_cast<double>(stalled) / static_cast<double>(known));
}

}  // namespace

std::optional<Contention> contention_of(const record::Recording& r) {
  if (r.contention.empty()) return {};
  return Contention{waits_of(r, &Second::own), waits_of(r, &Second::programs), share(r, &Second::cpu),
                    share(r, &Second::io), share(r, &Second::memory)};
}

}  // namespace faultline::report
