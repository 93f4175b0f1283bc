#include "injector/record/guard_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/record/distribution.h"
#include "injector/record/telemetry.h"

namespace faultline::record {

const std::array<GuardTrip::Figure, 4> GuardTrip::kFigures{
    {{"p50", &GuardTrip::p50}, {"p90", &GuardTrip::p90}, {"p99", &GuardTrip::p99}, {"max", &GuardTrip::max}}};

GuardWindow::GuardWindow(const plan::Guard& guard, Ns start, Ns end)
    : guard_(guard),
      tally_(guard, Tally::OfNone::never),
      values_(guard),
      start_(start),
      end_(end),
      window_(guard.window) {}

std::optional<GuardTrip> GuardWindow::add(const probe::Sample& sample) {
  if (sample.due < start_ || sample.due >= end_) return {};
  const Known known{sample.known(), sample.latency, sample.ok, guard_.errors ? sample.error : std::string(),
                    sample.value};
  // Nearly always the last; a request that expired may be told of before an answer that came just before it.
  auto place = known_.end();
  while (place != known_.begin() && std::prev(place)->at > known.at) --place;
  known_.insert(place, known);
  tally_.add(known.request());
  if (known.value) values_.add(*known.value);
  const Ns now = known_.back().at;
  for (; known_.front().at <= now - window_; known_.pop_front()) {
    tally_.remove(known_.front().request());
    if (known_.front().value) values_.remove(*known_.front().value);
  }
  if (now < start_ + window_) return {};
  if (!tally_.holds(window_) || !values_.holds()) return {};
  return figures(now);
}

std::optional<GuardTrip> GuardWindow::add(const events::Telemetry& counted) {
  if (counted.from < start_ || counted.from >= end_) return {};
  const Ns now = counted.from + counted.length;
  if (const ConnectionSpan* span = span_of(counted, guard_.peer)) {
    spans_.push_back({now, *span});
    tally_.add(*span);
  }
  for (; !spans_.empty() && spans_.front().at <= now - window_; spans_.pop_front())
    tally_.remove(spans_.front().counted);
  if (now < start_ + window_ || !tally_.holds(window_)) return {};
  return figures_of_connections(now);
}

GuardTrip GuardWindow::figures_of_connections(Ns now) const {
  TelemetryRecord record;
  for (const auto& span : spans_) {
    static_cast<ConnectionSpan&>(record.buckets.emplace_back()) = span.counted;
    record.buckets.back().from = span.at;
  }
  const TelemetryStats stats = stats_in(record, 0, now + 1);
  GuardTrip trip;
  trip.when = now;
  trip.sent = tally_.sent();
  trip.ok = tally_.ok();
  const auto tell = [&](const std::string& text) { trip.observed += (trip.observed.empty() ? "" : ", ") + text; };
  for (const auto& key : plan::Conditions::keys()) {
    const auto& bound = guard_.*key.bound;
    if (!bound) continue;
    if (key.is_quantile())
      tell(figure_text(key, key.of == plan::Conditions::Of::rtt ? stats.rtt : stats.turns));
    else
      tell(series_text(key, *bound, count_of(key.series, stats, stats.turns.ok.count()), window_));
  }
  if (guard_.errors)
    for (const auto& [error, bound] : *guard_.errors) {
      const auto known = stats.failed.find(error);
      tell(error_text(error, known == stats.failed.end() ? 0 : known->second, trip.sent));
    }
  return trip;
}

GuardTrip GuardWindow::figures(Ns now) const {
  GuardTrip trip;
  trip.when = now;
  trip.sent = tally_.sent();
  trip.ok = tally_.ok();
  Latencies latency;
  for (const auto& known : known_) {
    latency.lost += !known.ok;
    (known.ok ? latency.ok : latency.failed).add(known.latency);
  }
  for (std::size_t i = 0; i < trip.kFigures.size(); ++i)
    trip.*trip.kFigures[i].value = latency.quantile(kQuantiles[i].per_mille);
  const auto tell = [&](const std::string& text) { trip.observed += (trip.observed.empty() ? "" : ", ") + text; };
  for (const auto& key : plan::Conditions::keys())
    if (guard_.*key.bound)
      tell(key.is_quantile() ? figure_text(key, latency) : count_text(key, trip.sent, trip.ok, window_));
  if (guard_.errors)
    for (const auto& [error, bound] : *guard_.errors) {
      std::uint64_t count = 0;
      for (const auto& known : known_) count += !known.ok && known.error == error;
      tell(error_text(error, count, trip.sent));
    }
  std::vector<double> values;
  for (const auto& known : known_)
    if (known.value) values.push_back(*known.value);
  if (guard_.any_value()) tell(observed_values(guard_, values));
  return trip;
}

}  // namespace faultline::record
