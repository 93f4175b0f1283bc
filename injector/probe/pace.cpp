#include "injector/probe/pace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "injector/base/text.h"
#include "injector/probe/loop.h"

namespace faultline::probe {
namespace {

double seconds(Ns t) { return static_cast<double>(t) / static_cast<double>(kSecond); }

}  // namespace

double peak_of(const Rate& rate) {
  double peak = 0;
  for (const auto& point : rate) peak = std::max(peak, point.per_second);
  return peak;
}

std::string rate_text(const Rate& rate) {
  if (rate.size() == 1) return fmt::format("{:.10g}/s", rate.front().per_second);
  std::string text;
  for (const auto& point : rate)
    text += fmt::format("{}{:.10g}/s at {:.10g}s", text.empty() ? "" : ", ", point.per_second, seconds(point.at));
  return text;
}

double Pace::Stretch::requests() const {
  if (std::isinf(length)) return rate > 0 ? length : 0;
  return rate * length + slope * length * length / 2;
}

Pace::Pace(const Rate& rate) {
  double done = 0;
  for (std::size_t i = 0; i < rate.size(); ++i) {
    const RatePoint& point = rate[i];
    Stretch stretch{point.at, std::numeric_limits<double>::infinity(), done, point.per_second, 0};
    if (i + 1 < rate.size()) {
      stretch.length = seconds(rate[i + 1].at - point.at);
      if (stretch.length > 0) stretch.slope = (rate[i + 1].per_second - point.per_second) / stretch.length;
    }
    done += stretch.requests();
    stretches_.push_back(stretch);
  }
}

Ns Pace::at(std::uint64_t n) const {
  const auto wanted = static_cast<double>(n);
  // The first in which as many are due; one whose rate is 0 has none.
  const auto in = std::find_if(stretches_.begin(), stretches_.end(),
                               [&](const Stretch& s) { return s.done + s.requests() > wanted; });
  if (in == stretches_.end()) return kNever;
  const double more = wanted - in->done;
  if (more <= 0) return in->begin;
  // rate * x + slope * x^2 / 2 = more, solved so that nothing cancels out.
  const double root = std::sqrt(std::max(0.0, in->rate * in->rate + 2 * in->slope * more));
  const double x = 2 * more / (in->rate + root);
  return in->begin + std::llround(std::min(x, in->length) * static_cast<double>(kSecond));
}

std::uint64_t Pace::before(Ns t) const {
  if (t <= 0) return 0;
  double due = 0;
  for (const auto& s : stretches_) {
    if (s.begin >= t) break;
    const double x = std::min(s.length, seconds(t - s.begin));
    due = s.done + s.rate * x + s.slope * x * x / 2;
  }
  auto n = static_cast<std::uint64_t>(std::max(0.0, due));
  while (n > 0 && at(n - 1) >= t) --n;
  while (at(n) < t) ++n;
  return n;
}

}  // namespace faultline::probe
