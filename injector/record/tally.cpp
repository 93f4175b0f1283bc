#include "injector/record/tally.h"

#include <fmt/format.h>

#include "injector/base/quantile.h"
#include "injector/base/text.h"
#include "injector/record/telemetry.h"

namespace faultline::record {

using Op = plan::Bound::Op;
using Of = plan::Conditions::Of;

Tally::Tally(const plan::Conditions& conditions, OfNone of_none) : conditions_(conditions), of_none_(of_none) {
  for (const auto& key : plan::Conditions::keys()) {
    const auto& bound = conditions.*key.bound;
    if (bound && key.is_quantile()) quantiles_.push_back({key, *bound});
    if (bound && key.of == Of::series) numbers_.push_back({key, *bound});
  }
  if (conditions.errors)
    for (const auto& [name, bound] : *conditions.errors) errors_.push_back({name, bound});
}

bool Tally::Quantile::takes(const Request& request) const {
  return key.of == Of::all || request.ok == (key.of == Of::ok);
}

bool Tally::Quantile::is_within(const Request& request) const {
  return (key.of != Of::all || request.ok) && is_within(request.latency);
}

/// Up to the bound and at it, for `>` and `<=`; below it, for `>=` and `<`.
bool Tally::Quantile::is_within(Ns latency) const {
  const auto value = static_cast<double>(latency);
  return bound.op == Op::gt || bound.op == Op::le ? value <= bound.value : value < bound.value;
}

bool Tally::Quantile::holds(OfNone of_none) const {
  if (of == 0) return of_none == OfNone::as_judged && key.of == Of::failed && bound.is_upper();
  return (within >= quantile_rank(of, key.per_mille)) == bound.is_upper();
}

void Tally::count(const Request& request, std::int64_t by) {
  const auto some = static_cast<std::uint64_t>(by);  // wraps around, and back
  sent_ += some;
  if (request.ok) ok_ += some;
  for (auto& quantile : quantiles_) {
    if (!quantile.takes(request)) continue;
    quantile.of += some;
    if (quantile.is_within(request)) quantile.within += some;
  }
  if (!request.ok)
    for (auto& error : errors_)
      if (error.name == request.error) error.count += some;
}

void Tally::count(const ConnectionSpan& span, std::int64_t by) {
  const auto some = static_cast<std::uint64_t>(by);  // wraps around, and back
  const std::uint64_t failed = span.all_failed();
  spans_ += some;
  sent_ += some * (span.opened + failed);
  ok_ += some * span.opened;
  std::uint64_t answered = 0;
  if (span.turns)
    for (const auto& [took, count] : *span.turns) answered += count;
  for (auto& number : numbers_) number.count += some * count_of(number.key.series, span, answered);
  for (auto& quantile : quantiles_) {
    const bool turns = quantile.key.of == Of::turns;
    if (turns) quantile.of += some * span.unanswered;  // infinitely slow
    if (turns && !span.turns) continue;
    for (const auto& [value, count] : turns ? *span.turns : span.rtt) {
      quantile.of += some * count;
      if (quantile.is_within(value)) quantile.within += some * count;
    }
  }
  for (auto& error : errors_)
    if (const auto known = span.failed.find(error.name); known != span.failed.end())
      error.count += some * known->second;
}

bool Tally::holds(Ns length, bool nothing_is_known) const {
  if (sent_ == 0 && spans_ == 0 && !nothing_is_known) return false;
  for (const auto& number : numbers_)
    if (!number.bound.holds(figure_of(number.bound, number.count, length))) return false;
  for (const auto& key : plan::Conditions::keys())
    if (const auto& bound = conditions_.*key.bound; bound && !key.is_quantile() && !key.of_connections())
      if (!bound->holds(figure_of(key, sent_, ok_, length))) return false;
  for (const auto& quantile : quantiles_)
    if (!quantile.holds(of_none_)) return false;
  for (const auto& error : errors_) {
    if (sent_ == 0 && error.bound.measure != plan::Bound::Measure::count) return false;  // no share of nothing
    if (!error_holds(error.bound, error.count, sent_)) return false;
  }
  return true;
}

std::string Tally::standing(Ns length) const {
  std::string text;
  const auto tell = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  for (const auto& key : plan::Conditions::keys())
    if (conditions_.*key.bound && !key.is_quantile() && !key.of_connections())
      tell(count_text(key, sent_, ok_, length));
  for (const auto& number : numbers_) tell(series_text(number.key, number.bound, number.count, length));
  for (const auto& quantile : quantiles_) {
    const double share = quantile.of == 0 ? 0 : static_cast<double>(quantile.within) / static_cast<double>(quantile.of);
    tell(fmt::format("{}: {} within {}", quantile.key.name, percent(share),
                     short_duration(static_cast<Ns>(quantile.bound.value))));
  }
  for (const auto& error : errors_) tell(error_text(error.name, error.count, sent_));
  return text;
}

std::string share_text(std::uint64_t ok, std::uint64_t sent) {
  const double share = sent == 0 ? 0 : static_cast<double>(ok) / static_cast<double>(sent);
  return fmt::format("{} ({} of {})", percent(share), thousands(ok), thousands(sent));
}

double figure_of(const plan::Conditions::Key& key, std::uint64_t sent, std::uint64_t ok, Ns length) {
  switch (key.of) {
    case Of::share:
      return sent == 0 ? 0 : static_cast<double>(ok) / static_cast<double>(sent);
    case Of::requests:
      return static_cast<double>(sent);
    case Of::failures:
      return static_cast<double>(sent - ok);
    default:
      return length <= 0 ? 0 : static_cast<double>(ok) * static_cast<double>(kSecond) / static_cast<double>(length);
  }
}

std::string count_text(const plan::Conditions::Key& key, std::uint64_t sent, std::uint64_t ok, Ns length) {
  switch (key.of) {
    case Of::share:
      return fmt::format("{} {}", key.name, share_text(ok, sent));
    case Of::requests:
      return fmt::format("{} {}", key.name, thousands(sent));
    case Of::failures:
      return fmt::format("{} {} (of {})", key.name, thousands(sent - ok), thousands(sent));
    default:
      return fmt::format("{} {:.1f}/s", key.name, figure_of(key, sent, ok, length));
  }
}

std::string error_text(const std::string& name, std::uint64_t count, std::uint64_t sent) {
  return fmt::format("errors.{} {}", name, share_text(count, sent));
}

bool error_holds(const plan::Bound& bound, std::uint64_t count, std::uint64_t sent) {
  if (bound.measure == plan::Bound::Measure::count) return bound.holds(static_cast<double>(count));
  return bound.holds(sent == 0 ? 0 : static_cast<double>(count) / static_cast<double>(sent));
}

}  // namespace faultline::record
