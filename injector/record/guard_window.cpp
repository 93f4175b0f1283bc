#include "injector/record/guard_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "injector/record/distribution.h"
#include "injector/record/sighting_events.h"
#include "injector/record/telemetry.h"

namespace faultline::record {

const std::array<GuardTrip::Figure, 4> GuardTrip::kFigures{
    {{"p50", &GuardTrip::p50}, {"p90", &GuardTrip::p90}, {"p99", &GuardTrip::p99}, {"max", &GuardTrip::max}}};

namespace {

/// Those bounds that a figure can only meet by being small, or at once by being exact.
plan::Conditions without_lower_bounds(plan::Conditions conditions) {
  const auto is_lower = [](const plan::Bound& bound) {
    return bound.op == plan::Bound::Op::gt || bound.op == plan::Bound::Op::ge;
  };
  for (const auto& key : plan::Conditions::keys())
    if (auto& bound = conditions.*key.bound; bound && is_lower(*bound)) bound.reset();
  if (!conditions.errors) return conditions;
  std::erase_if(*conditions.errors, [&](const auto& error) { return is_lower(error.second); });
  if (conditions.errors->empty()) conditions.errors.reset();
  return conditions;
}

/// Nearly always the last: a request that expired may be told of before an answer that came just before it.
template <class Item>
void insert_in_order(std::deque<Item>& items, Item item) {
  auto place = items.end();
  while (place != items.begin() && std::prev(place)->at > item.at) --place;
  items.insert(place, std::move(item));
}

}  // namespace

GuardWindow::GuardWindow(const plan::Guard& guard, Ns start, Ns end)
    : guard_(guard),
      tally_(guard, Tally::OfNone::never),
      values_(guard),
      start_(start),
      end_(end),
      window_(guard.window),
      too_little_(without_lower_bounds(guard)) {}

std::optional<GuardTrip> GuardWindow::add(const probe::Sample& sample) {
  if (sample.due < start_ || sample.due >= end_) return {};
  const Known known{sample.known(), sample.latency, sample.ok, guard_.errors ? sample.error : std::string(),
                    sample.value};
  insert_in_order(known_, known);
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
  const ConnectionSpan* span = span_of(counted, guard_.peer);
  seen_ |= span != nullptr;
  if (counted.from < start_ || counted.from >= end_) return {};
  const Ns now = counted.from + counted.length;
  if (span) {
    spans_.push_back({now, *span});
    tally_.add(*span);
  }
  return look_at_connections(now);
}

std::optional<GuardTrip> GuardWindow::counted_until(Ns until) {
  if (!seen_ || until <= start_ || until > end_) return {};
  return look_at_connections(until);
}

std::optional<GuardTrip> GuardWindow::add(const events::Seen& seen) {
  if (seen.when < start_ || seen.when >= end_) return {};
  insert_in_order(sightings_, {seen.when, seen.count});
  sighted_ += seen.count;
  const Ns now = sightings_.back().at;
  for (; window_ > 0 && sightings_.front().at <= now - window_; sightings_.pop_front())
    sighted_ -= sightings_.front().count;
  if (!guard_.seen || !guard_.seen->holds(static_cast<double>(sighted_))) return {};
  GuardTrip trip;
  trip.when = now;
  trip.observed = fmt::format("seen {}{}", sighted_, seen.line.empty() ? "" : ": " + seen.line);
  return trip;
}

std::string GuardWindow::standing() const {
  if (guard_.event) return sightings_.empty() ? std::string() : fmt::format("seen {}", sighted_);
  return known_.empty() && !seen_ ? std::string() : tally_.standing(window_);
}

void GuardWindow::add(const events::Uncounted& missing) {
  if (concerns(missing, guard_, too_little_))
    uncounted_.emplace_back(missing.from.value_or(0), missing.until.value_or(end_));
}

bool GuardWindow::is_incomplete(Ns now) const {
  return std::any_of(uncounted_.begin(), uncounted_.end(),
                     [&](const auto& gap) { return gap.first < now && gap.second > now - window_; });
}

std::optional<GuardTrip> GuardWindow::look_at_connections(Ns now) {
  for (; !spans_.empty() && spans_.front().at <= now - window_; spans_.pop_front())
    tally_.remove(spans_.front().counted);
  if (now < start_ + window_ || !tally_.holds(window_, seen_) || is_incomplete(now)) return {};
  return figures_of_connections(now);
}

GuardTrip GuardWindow::figures_of_connections(Ns now) const {
  TelemetryStats stats;
  for (const auto& span : spans_) stats.add(span.counted);
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
