#include "injector/record/evidence.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace faultline::record {
namespace {

using plan::Conditions;

/// The strictest bound on the latency that a hypothesis asks for, from above or from below; nothing: none.
std::optional<Ns> strictest(const plan::Hypothesis& h, bool upper) {
  std::optional<Ns> found;
  for (const auto& key : Conditions::keys()) {
    const auto& bound = h.*key.bound;
    if (!bound || bound->measure || !key.is_quantile() || bound->is_upper() != upper) continue;
    const auto value = static_cast<Ns>(bound->value);
    found = upper ? std::min(found.value_or(value), value) : std::max(found.value_or(value), value);
  }
  return found;
}

/// Nothing is asked for that a failed request tells more against than a slow one does.
bool asks_for_latency_alone(const plan::Hypothesis& h) {
  return !(h.errors && !h.errors->empty()) &&
         std::all_of(Conditions::keys().begin(), Conditions::keys().end(),
                     [&](const auto& key) { return !(h.*key.bound) || key.is_quantile(); });
}

bool limits_from_above(const plan::Bound& bound) { return bound.is_upper() || bound.op == plan::Bound::Op::eq; }

/// Whether something of what a bound limits from above happened in a bucket.
bool tells_against(const ConnectionSpan& span, const plan::Hypothesis& h) {
  for (const auto& key : Conditions::keys()) {
    const auto& bound = h.*key.bound;
    if (!bound) continue;
    if (key.of == Conditions::Of::share && span.all_failed() > 0) return true;
    if (!limits_from_above(*bound)) continue;
    const auto slow = [&](const auto& one) { return !bound->measure && static_cast<double>(one.first) > bound->value; };
    if (key.of == Conditions::Of::rtt && std::any_of(span.rtt.begin(), span.rtt.end(), slow)) return true;
    if (key.of == Conditions::Of::turns &&
        (span.unanswered > 0 || (span.turns && std::any_of(span.turns->begin(), span.turns->end(), slow))))
      return true;
    if (key.of == Conditions::Of::series && count_of(key.series, span, 0) > 0) return true;
  }
  return h.errors && std::any_of(h.errors->begin(), h.errors->end(),
                                 [&](const auto& error) { return span.failed.contains(error.first); });
}

std::optional<Ns> first_of_connections(const Recording& r, const plan::Hypothesis& h, Ns from, Ns to) {
  for (const auto& record : r.telemetry) {
    if (record.target != *h.telemetry) continue;
    for (const auto& bucket : record.buckets) {
      if (bucket.from < from || bucket.from >= to) continue;
      const ConnectionSpan* span = span_of(bucket, h.peer);
      if (span != nullptr && tells_against(*span, h)) return bucket.from;
    }
  }
  return {};
}

}  // namespace

Against first_against(const ProbeRecord& probe, const plan::Hypothesis* asked, Ns from, Ns to) {
  const auto most = asked ? strictest(*asked, true) : std::nullopt,
             least = asked ? strictest(*asked, false) : std::nullopt;
  const auto due = due_in(probe, from, to);
  const auto first = [&](const auto& tells) -> const Requests* {
    const auto found = std::find_if(due.begin(), due.end(), tells);
    return found == due.end() ? nullptr : &*found;
  };
  const auto failed = [](const Requests& r) { return r.error != 0; };
  const auto slow = [&](const Requests& r) { return most && r.error == 0 && r.latency > *most; };
  const auto quick = [&](const Requests& r) { return least && r.latency != Requests::kUnknown && r.latency < *least; };
  // A multiple of the baseline is not known here: it is taken to be what was broken.
  const auto too_many = [&](const plan::Bound& success) {
    std::uint64_t ok = 0, all = 0;
    for (const Requests& r : due) {
      all += r.count;
      if (!failed(r)) ok += r.count;
    }
    return success.is_upper() &&
           (success.measure ||
            !success.holds(static_cast<double>(ok) / static_cast<double>(std::max<std::uint64_t>(all, 1))));
  };
  if (asked && asked->success && too_many(*asked->success))
    if (const auto* answered = first([&](const Requests& r) { return !failed(r); }))
      return {answered, Against::By::being_answered};
  if (most && asks_for_latency_alone(*asked)) {
    const auto* found = first([&](const Requests& r) { return failed(r) || slow(r); });
    if (found != nullptr) return {found, failed(*found) ? Against::By::failing : Against::By::being_slow};
  }
  if (const auto* found = first(failed)) return {found, Against::By::failing};
  if (const auto* found = first(slow)) return {found, Against::By::being_slow};
  return {first(quick), Against::By::being_quick};
}

bool is_beyond(const plan::ValueBounds& bounds, double value) {
  const auto keys = plan::ValueBounds::value_keys();
  return std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
    const auto& bound = bounds.*key.bound;
    return bound && !bound->holds(value);
  });
}

std::optional<Ns> first_sign(const Recording& r, const plan::Hypothesis& asked, Ns from, Ns to) {
  if (asked.telemetry) return first_of_connections(r, asked, from, to);
  if (asked.event) {
    const EventRecord* record = find_event(r, *asked.event);
    const bool too_often = record != nullptr && asked.seen && limits_from_above(*asked.seen);
    const auto* first = too_often ? record->first_in(from, to) : nullptr;
    return first == nullptr ? std::nullopt : std::optional(first->when);
  }
  const ProbeRecord* probe = r.find_probe(asked.probe);
  if (probe == nullptr) return {};
  std::optional<Ns> sign;
  if (asked.any() || asked.recovers_within || !asked.any_value())
    if (const Requests* first = first_against(*probe, &asked, from, to).request) sign = first->due;
  if (asked.any_value())
    for (const Requests& one : due_in(*probe, from, to))
      if (one.value && is_beyond(asked, *one.value)) {
        sign = std::min(sign.value_or(one.due), one.due);
        break;
      }
  return sign;
}

void rank_broken(const Recording& r, std::vector<Judgement>& judgements) {
  using Key = std::tuple<bool, std::size_t, Ns, std::size_t>;
  std::vector<Key> broken;
  for (std::size_t i = 0; i < judgements.size() && i < r.hypotheses.size(); i++) {
    Judgement& j = judgements[i];
    if (j.held != false) continue;
    const auto phase = find_phase(r, j.during);
    j.first_sign = first_sign(r, r.hypotheses[i], j.start.value_or(phase ? phase->start : 0),
                              j.end.value_or(phase ? phase->end : r.observed_until()));
    const auto named = std::find(r.expected_to_fail.begin(), r.expected_to_fail.end(), j.name);
    const auto place = static_cast<std::size_t>(j.expected_to_fail ? named - r.expected_to_fail.begin() : 0);
    broken.emplace_back(j.expected_to_fail, place, j.first_sign.value_or(std::numeric_limits<Ns>::max()), i);
  }
  std::sort(broken.begin(), broken.end());
  for (std::size_t rank = 0; rank < broken.size(); rank++) judgements[std::get<3>(broken[rank])].rank = rank + 1;
}

}  // namespace faultline::record
