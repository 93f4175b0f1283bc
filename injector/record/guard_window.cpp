#include "injector/record/guard_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/record/distribution.h"
#include "injector/record/text.h"

namespace faultline::record {

using Op = plan::Bound::Op;

GuardWindow::GuardWindow(const plan::Guard& guard, Ns start, Ns end)
    : success_(guard.success), start_(start), end_(end), window_(guard.window) {
  const auto add = [&](const std::optional<plan::Bound>& bound, unsigned per_mille) {
    if (bound) quantiles_.push_back({*bound, per_mille});
  };
  add(guard.p50, 500);
  add(guard.p90, 900);
  add(guard.p99, 990);
  add(guard.max, 1000);
}

/// Above the bound, for `>` and `<=`; at it or above, for `>=` and `<`.
bool GuardWindow::Quantile::is_beyond(Ns latency) const {
  const auto value = static_cast<double>(latency);
  return bound.op == Op::gt || bound.op == Op::le ? value > bound.value : value >= bound.value;
}

bool GuardWindow::Quantile::holds(std::uint64_t ok) const {
  const bool above = ok == 0 || beyond > allowed_above(ok, per_mille);  // the quantile itself lies beyond the bound
  return bound.op == Op::gt || bound.op == Op::ge ? above : !above;
}

void GuardWindow::count(const Known& known, int sign) {
  const auto one = static_cast<std::uint64_t>(static_cast<std::int64_t>(sign));
  sent_ += one;
  if (!known.ok) return;
  ok_ += one;
  for (auto& quantile : quantiles_)
    if (quantile.is_beyond(known.latency)) quantile.beyond += one;
}

std::optional<GuardTrip> GuardWindow::add(const probe::Sample& sample) {
  if (sample.due < start_ || sample.due >= end_) return {};
  const Known known{sample.due + sample.late + sample.latency, sample.latency, sample.ok};
  // Nearly always the last; a request that expired may be told of before an answer that came just before it.
  auto place = known_.end();
  while (place != known_.begin() && std::prev(place)->at > known.at) --place;
  known_.insert(place, known);
  count(known, 1);
  const Ns now = known_.back().at;
  for (; known_.front().at <= now - window_; known_.pop_front()) count(known_.front(), -1);
  if (now < start_ + window_) return {};
  if (success_ && !success_->holds(static_cast<double>(ok_) / static_cast<double>(sent_))) return {};
  for (const auto& quantile : quantiles_)
    if (!quantile.holds(ok_)) return {};
  return figures(now);
}

GuardTrip GuardWindow::figures(Ns now) const {
  GuardTrip trip;
  trip.when = now;
  trip.sent = sent_;
  trip.ok = ok_;
  Distribution latency;
  for (const auto& known : known_)
    if (known.ok) latency.add(known.latency);
  trip.p50 = latency.quantile(500);
  trip.p90 = latency.quantile(900);
  trip.p99 = latency.quantile(990);
  trip.max = latency.max();
  return trip;
}

std::string observed_text(const plan::Guard& guard, const GuardTrip& trip) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (guard.success)
    add(fmt::format("success {} ({} of {})", percent(trip.success()), thousands(trip.ok), thousands(trip.sent)));
  const auto latency = [&](const char* name, const std::optional<plan::Bound>& bound, Ns value) {
    if (bound)
      add(trip.ok == 0 ? fmt::format("{}: no request succeeded", name)
                       : fmt::format("{} {}", name, short_duration(value)));
  };
  latency("p50", guard.p50, trip.p50);
  latency("p90", guard.p90, trip.p90);
  latency("p99", guard.p99, trip.p99);
  latency("max", guard.max, trip.max);
  return text;
}

}  // namespace faultline::record
