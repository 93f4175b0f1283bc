#include "injector/run/margin_search.h"

#include <algorithm>
#include <cmath>

namespace faultline::run {
namespace {

/// Three digits: a value that people can say, and a plan can be given.
double readable(double value) {
  if (value == 0) return 0;
  const double step = std::pow(10, std::floor(std::log10(std::abs(value))) - 2);
  return std::round(value / step) * step;
}

bool between(double value, double a, double b) { return value > std::min(a, b) && value < std::max(a, b); }

}  // namespace

MarginSearch::MarginSearch(double from, double to, double within) : from_(from), to_(to), within_(within) {}

const MarginSearch::Count* MarginSearch::find(double value) const {
  const auto it = counts_.find(value);
  return it == counts_.end() ? nullptr : &it->second;
}

/// By the majority; nothing where there is none, or no answer at all.
std::optional<bool> MarginSearch::holds(double value) const {
  const Count* count = find(value);
  if (count == nullptr || count->held == count->broken) return {};
  return count->held > count->broken;
}

/// Two that agree, or two of three.
bool MarginSearch::believed(double value) const {
  const Count* count = find(value);
  return count != nullptr && std::max(count->held, count->broken) >= 2 && count->held != count->broken;
}

std::vector<double> MarginSearch::from_mild_to_severe() const {
  std::vector<double> values;
  for (const auto& [value, count] : counts_) values.push_back(value);
  if (from_ > to_) std::reverse(values.begin(), values.end());
  return values;
}

MarginSearch::Ends MarginSearch::ends() const {
  Ends ends;
  for (const double value : from_mild_to_severe()) {
    const auto held = holds(value);
    if (!held) continue;
    if (!*held) {
      ends.broken = value;
      break;
    }
    ends.held = value;
  }
  return ends;
}

std::optional<double> MarginSearch::middle(double held, double broken) const {
  if (std::abs(broken - held) <= within_ * std::max(std::abs(held), std::abs(broken))) return {};
  const double exact = from_ > 0 && to_ > 0 ? std::sqrt(held * broken) : (held + broken) / 2;
  const double value = readable(exact);
  if (between(value, held, broken)) return value;
  if (between(exact, held, broken)) return exact;
  return {};
}

std::optional<double> MarginSearch::next() const {
  if (runs_ >= kMostRuns) return {};
  for (const auto& [value, count] : counts_) {
    if (count.unknown >= kMostUnknown && count.decided() == 0) return {};
    if (!holds(value)) return value;  // no answer yet, or as many of one as of the other
  }
  for (const double end : {from_, to_}) {
    if (find(end) == nullptr) return end;
    const bool wanted = end == from_;
    if (*holds(end) != wanted) return believed(end) ? std::nullopt : std::optional(end);
  }
  const Ends reached = ends();
  if (!reached.held || !reached.broken) return {};
  if (const auto value = middle(*reached.held, *reached.broken)) return value;
  for (const double end : {*reached.held, *reached.broken})
    if (!believed(end)) return end;
  return {};
}

void MarginSearch::add(double value, Tried result) {
  runs_++;
  Count& count = counts_[value];
  (result == Tried::held ? count.held : result == Tried::broken ? count.broken : count.unknown)++;
}

MarginSearch::Margin MarginSearch::margin() const {
  Margin margin;
  const Ends reached = ends();
  margin.held = reached.held;
  margin.broken = reached.broken;
  const auto mild = holds(from_), severe = holds(to_);
  if (mild == false)
    margin.end = End::none_held;
  else if (mild == true && severe == true && !reached.broken)
    margin.end = End::all_held;
  else if (reached.held && reached.broken && !next())
    margin.end = runs_ < kMostRuns && !middle(*reached.held, *reached.broken) ? End::found : End::unknown;
  return margin;
}

}  // namespace faultline::run
