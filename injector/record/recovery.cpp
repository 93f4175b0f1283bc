// "Recovered" is the first instant from which, for 3 s, success is within 1 percentage point and p99 within 1.5x of the
// baseline. p99 is of all requests, a failed one being infinitely slow; where that is infinite of the baseline itself,
// there is nothing to multiply, and the p99 of the requests that succeeded is compared instead. The window slides over
// the requests: its contents change only when one enters or leaves, so only those instants are looked at, and each
// request is added and removed once.
#include <algorithm>

#include "injector/base/text.h"
#include "injector/record/tally.h"
#include "injector/record/values.h"
#include "injector/record/verdict.h"

namespace faultline::record {
namespace {

constexpr Ns kWindow = 3 * kSecond;
constexpr Ns kFloor = kMillisecond;  // a 30 µs baseline must not fail on 20 µs of noise

/// `due` tells when an item is; `count` adds it to the tally, or removes it.
template <class Item, class Due, class Count, class Tallied>
std::optional<Ns> first_holding_of(const std::vector<Item>& items, Due due, Count count, const Tallied& tally,
                                   const Phase& window, std::optional<Ns> stays) {
  const auto before = [&](const Item& item, Ns t) { return due(item) < t; };
  auto first = std::lower_bound(items.begin(), items.end(), window.start, before);
  const auto end = std::lower_bound(first, items.end(), window.end, before);
  auto next = first;
  const Ns length = stays.value_or(window.end - window.start);
  for (Ns from = window.start; from < window.end && (!stays || from + length <= window.end);) {
    for (; first != end && due(*first) < from; ++first)
      if (first < next) count(*first, false);
    if (next < first) next = first;
    for (; next != end && due(*next) < from + length; ++next) count(*next, true);
    if (tally.holds(std::min(length, window.end - from))) return from;
    Ns step = window.end;  // the next instant at which an item leaves or enters
    if (first != end) step = std::min(step, due(*first) > from ? due(*first) : due(*first) + 1);
    if (next != end) step = std::min(step, due(*next) + 1 - length);
    from = std::max(step, from + 1);
  }
  return {};
}

}  // namespace

std::optional<Ns> first_holding(const ProbeRecord& probe, const plan::Conditions& conditions, const Phase& window,
                                std::optional<Ns> stays, const plan::ValueBounds& bounds) {
  struct Both {
    Tally requests;
    ValueTally values;
    bool holds(Ns length) const { return requests.holds(length) && values.holds(); }
  } tally{Tally(conditions, Tally::OfNone::as_judged), ValueTally(bounds)};
  const auto count = [&](const Requests& a, bool more) {
    const Tally::Request request{a.error == 0, a.latency, probe.errors[a.error], a.count};
    more ? tally.requests.add(request) : tally.requests.remove(request);
    if (a.value) more ? tally.values.add(*a.value) : tally.values.remove(*a.value);
  };
  return first_holding_of(
      probe.answers, [](const Requests& a) { return a.due; }, count, tally, window, stays);
}

std::optional<Ns> first_holding(const TelemetryRecord& telemetry, const std::optional<std::string>& peer,
                                const plan::Conditions& conditions, const Phase& window, std::optional<Ns> stays) {
  Tally tally(conditions, Tally::OfNone::as_judged);
  const auto count = [&](const events::Telemetry& bucket, bool more) {
    const ConnectionSpan* span = span_of(bucket, peer);
    if (span) more ? tally.add(*span) : tally.remove(*span);
  };
  return first_holding_of(
      telemetry.buckets, [](const events::Telemetry& bucket) { return bucket.from; }, count, tally, window, stays);
}

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
  plan::Conditions good;
  good.success = plan::Bound{plan::Bound::Op::ge, before.success() - 0.01 - 1e-12};
  (of_all ? good.p99 : good.ok_p99) =
      plan::Bound{plan::Bound::Op::le, static_cast<double>(std::max(p99 + p99 / 2, p99 + kFloor))};
  if (const auto from = first_holding(probe, good, {"recovery", after->start, until}, kWindow))
    recovery.after = *from - after->start;
  return recovery;
}

}  // namespace faultline::record
