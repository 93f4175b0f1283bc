#include <algorithm>

#include "injector/report/page_charts.h"

namespace faultline::report {
namespace {

using record::Requests;

PageRequests::Row row_of(const Requests& r) {
  return {r.due / kMicrosecond, r.latency == Requests::kUnknown ? -1 : r.latency / kMicrosecond, r.error, r.count};
}

/// `most` of `from`, evenly spread, the first among them.
void take_evenly(const std::vector<const Requests*>& from, std::size_t most, std::vector<const Requests*>& to) {
  const std::size_t n = std::min(most, from.size());
  for (std::size_t i = 0; i < n; i++) to.push_back(from[i * from.size() / n]);
}

}  // namespace

PageRequests page_requests(const record::ProbeRecord& probe, Ns until, std::size_t most) {
  PageRequests out;
  out.probe = probe.name;
  out.errors = probe.errors;
  for (const auto& answer : probe.answers) {
    out.all += answer.count;
    out.gathered = out.gathered || answer.count > 1;
  }
  std::vector<const Requests*> kept;
  if (probe.answers.size() <= most) {
    for (const auto& answer : probe.answers) kept.push_back(&answer);
  } else {
    // Every cell has an equal share, so that a click anywhere finds something.
    const Cells cells = cells_for(until, 0, std::min(kMostCells, std::max<std::size_t>(1, most / 4)));
    const std::size_t share = std::max<std::size_t>(1, most / (cells.count + 1));
    std::vector<const Requests*> failed, fine;
    for (auto it = probe.answers.begin(); it != probe.answers.end();) {
      const Ns end = cells.begin(cells.of(it->due) + 1);
      failed.clear(), fine.clear();
      for (; it != probe.answers.end() && it->due < end; ++it) (it->error != 0 ? failed : fine).push_back(&*it);
      const std::size_t before = kept.size();
      take_evenly(failed, share, kept);
      take_evenly(fine, share - (kept.size() - before), kept);
      std::sort(kept.begin() + static_cast<std::ptrdiff_t>(before), kept.end());  // as in the recording: by `due`
    }
  }
  for (const Requests* one : kept) out.rows.push_back(row_of(*one));
  return out;
}

}  // namespace faultline::report
