// "Recovered" is the first instant from which, for 3 s, success is within 1 percentage point and p99 within 1.5x of the
// baseline. p99 is of all requests, a failed one being infinitely slow; where that is infinite of the baseline itself,
// there is nothing to multiply, and the p99 of the requests that succeeded is compared instead. The window slides over
// the requests: its contents change only when one enters or leaves, so only those instants are looked at, and each
// request is added and removed once.
#include <algorithm>

#include "injector/base/quantile.h"
#include "injector/base/text.h"
#include "injector/record/verdict.h"

namespace faultline::record {
namespace {

constexpr Ns kWindow = 3 * kSecond;
constexpr Ns kFloor = kMillisecond;  // a 30 µs baseline must not fail on 20 µs of noise

struct Reference {
  double success;
  Ns p99;       // allowed
  bool of_all;  // a failed request counts as slow
};

class Window {
 public:
  explicit Window(const Reference& reference) : reference_(reference) {}
  void enter(const Requests& a) { count(a, 1); }
  void leave(const Requests& a) { count(a, -1); }
  bool good() const {
    if (sent_ <= 0 || ok_ <= 0) return false;
    if (static_cast<double>(ok_) < (reference_.success - 0.01) * static_cast<double>(sent_) - 1e-9) return false;
    const auto n = static_cast<std::uint64_t>(reference_.of_all ? sent_ : ok_);
    return quick_ >= static_cast<std::int64_t>(quantile_rank(n, 990));
  }

 private:
  void count(const Requests& a, int sign) {
    sent_ += sign * static_cast<std::int64_t>(a.count);
    if (a.error != 0) return;
    ok_ += sign * static_cast<std::int64_t>(a.count);
    if (a.latency <= reference_.p99) quick_ += sign * static_cast<std::int64_t>(a.count);
  }
  const Reference& reference_;
  std::int64_t sent_ = 0, ok_ = 0, quick_ = 0;
};

}  // namespace

Recovery recovery_of(const Recording& r, const ProbeRecord& probe) {
  Recovery recovery;
  if (r.faults.empty()) {
    recovery.reason = "the plan has no fault to recover from";
    return recovery;
  }
  const auto base = find_phase(r, "baseline");
  const auto after = find_phase(r, "recovery");
  if (!base || !after) {
    recovery.reason = !base ? "there is no baseline before the first fault" : "the run ends with the last fault";
    return recovery;
  }
  const PhaseStats before = stats_in(probe, base->start, base->end);
  if (before.ok == 0) {
    recovery.reason = "no request succeeded in the baseline";
    return recovery;
  }
  const Ns until = std::min(after->end, r.observed_until());
  if (until - after->start < kWindow) {
    recovery.reason = "the run was observed for less than 3 s after the last fault";
    return recovery;
  }
  recovery.judged = true;
  const auto of_all = before.latency.quantile(990);
  const Ns p99 = of_all.value_or(before.latency.ok.quantile(990));
  const Reference reference{before.success(), std::max(p99 + p99 / 2, p99 + kFloor), of_all.has_value()};

  const auto by_due = [](const Requests& a, Ns t) { return a.due < t; };
  auto first = std::lower_bound(probe.answers.begin(), probe.answers.end(), after->start, by_due);
  const auto end = std::lower_bound(first, probe.answers.end(), until, by_due);
  auto next = first;
  Window window(reference);
  for (Ns from = after->start; from + kWindow <= until;) {
    for (; first != end && first->due < from; ++first)
      if (first < next) window.leave(*first);
    if (next < first) next = first;
    for (; next != end && next->due < from + kWindow; ++next) window.enter(*next);
    if (window.good()) {
      recovery.after = from - after->start;
      return recovery;
    }
    Ns step = until;  // the next instant at which a request leaves or enters
    if (first != end) step = std::min(step, first->due + 1);
    if (next != end) step = std::min(step, next->due + 1 - kWindow);
    from = std::max(step, from + 1);
  }
  return recovery;
}

}  // namespace faultline::record
