#include "injector/record/guard_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/quantile.h"
#include "injector/base/text.h"
#include "injector/record/distribution.h"

namespace faultline::record {

using Op = plan::Bound::Op;

using Of = plan::Conditions::Of;

const std::array<GuardTrip::Figure, 4> GuardTrip::kFigures{
    {{"p50", &GuardTrip::p50}, {"p90", &GuardTrip::p90}, {"p99", &GuardTrip::p99}, {"max", &GuardTrip::max}}};

GuardWindow::GuardWindow(const plan::Guard& guard, Ns start, Ns end)
    : guard_(guard), start_(start), end_(end), window_(guard.window) {
  for (const auto& key : plan::Conditions::keys())
    if (const auto& bound = guard.*key.bound; bound && key.of != Of::share) quantiles_.push_back({key, *bound});
}

bool GuardWindow::Quantile::takes(const Known& known) const {
  return key.of == Of::all || known.ok == (key.of == Of::ok);
}

/// Up to the bound and at it, for `>` and `<=`; below it, for `>=` and `<`.
bool GuardWindow::Quantile::is_within(const Known& known) const {
  if (key.of == Of::all && !known.ok) return false;
  const auto value = static_cast<double>(known.latency);
  return bound.op == Op::gt || bound.op == Op::le ? value <= bound.value : value < bound.value;
}

bool GuardWindow::Quantile::holds() const {
  return of > 0 && (within >= quantile_rank(of, key.per_mille)) == bound.is_upper();
}

void GuardWindow::count(const Known& known, int sign) {
  const auto one = static_cast<std::uint64_t>(static_cast<std::int64_t>(sign));
  sent_ += one;
  if (known.ok) ok_ += one;
  for (auto& quantile : quantiles_) {
    if (!quantile.takes(known)) continue;
    quantile.of += one;
    if (quantile.is_within(known)) quantile.within += one;
  }
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
  if (guard_.success && !guard_.success->holds(static_cast<double>(ok_) / static_cast<double>(sent_))) return {};
  for (const auto& quantile : quantiles_)
    if (!quantile.holds()) return {};
  return figures(now);
}

GuardTrip GuardWindow::figures(Ns now) const {
  GuardTrip trip;
  trip.when = now;
  trip.sent = sent_;
  trip.ok = ok_;
  Latencies latency;
  for (const auto& known : known_) {
    latency.lost += !known.ok;
    (known.ok ? latency.ok : latency.failed).add(known.latency);
  }
  for (std::size_t i = 0; i < trip.kFigures.size(); ++i)
    trip.*trip.kFigures[i].value = latency.quantile(kQuantiles[i].per_mille);
  if (guard_.success)
    trip.observed = fmt::format("success {} ({} of {})", percent(static_cast<double>(ok_) / static_cast<double>(sent_)),
                                thousands(ok_), thousands(sent_));
  for (const auto& quantile : quantiles_)
    trip.observed += (trip.observed.empty() ? "" : ", ") + figure_text(quantile.key, latency);
  return trip;
}

}  // namespace faultline::record
