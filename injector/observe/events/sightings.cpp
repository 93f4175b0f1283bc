#include "injector/observe/events/sightings.h"

#include <algorithm>
#include <utility>

#include "injector/base/visible_text.h"

namespace faultline::observe {

Ns Sightings::span_of(Ns when) const {
  const Ns begin = when - when % kSpan;
  const auto after = std::upper_bound(edges_.begin(), edges_.end(), when);
  return after == edges_.begin() ? begin : std::max(begin, *(after - 1));
}

std::vector<record::events::Seen> Sightings::add(Ns when, std::string_view line) {
  std::vector<record::events::Seen> out;
  // Values come as their requests end, not always in order.
  if (rest_ && span_of(rest_->when) != span_of(when)) out.push_back(*std::exchange(rest_, std::nullopt));
  if (when / kSecond > second_) {
    second_ = when / kSecond;
    told_ = 0;
  }
  if (told_ < kToldInASecond) {
    ++told_;
    out.push_back({name_, bounded(line, kLongestTold), when, 1});
  } else if (rest_) {
    ++rest_->count;
  } else {
    rest_ = record::events::Seen{name_, "", when, 1};
  }
  return out;
}

std::optional<record::events::Seen> Sightings::counted(Ns before) {
  if (!rest_ || rest_->when >= before) return {};
  return std::exchange(rest_, std::nullopt);
}

}  // namespace faultline::observe
