#include "injector/report/summary_contention.h"

#include <algorithm>

namespace faultline::report {
namespace {

using record::CpuWaits;
using Second = record::events::Contention;

double milliseconds_of(const CpuWaits& waits) { return milliseconds(waits.mean()); }

Waits waits_of(const record::Recording& r, CpuWaits Second::*whose) {
  Waits waits;
  CpuWaits all;
  for (const auto& one : r.contention) {
    const CpuWaits& now = one.*whose;
    all.add(now);
    if (now.turns > 0) waits.worst_ms = std::max(waits.worst_ms.value_or(0), milliseconds_of(now));
  }
  waits.ran_s = seconds(all.ran);
  waits.waited_s = seconds(all.waited);
  if (all.turns > 0) waits.mean_ms = milliseconds_of(all);
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
