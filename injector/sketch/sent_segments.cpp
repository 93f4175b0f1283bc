#include "injector/sketch/sent_segments.h"

#include <algorithm>
#include <iterator>

namespace faultline::sketch {
namespace {

constexpr std::size_t kMostOnWay = 65536;  ///< those before are given up, unknown

}  // namespace

void SentSegments::sent(Ns at, const TcpSegment& segment) {
  if (!begun_ || (segment.syn && segment.sequence != first_)) {  // a connection begins, maybe another one
    begun_ = true;
    first_ = segment.sequence;
    next_ = 0;
    on_way_.clear();
    resent_.clear();
  }
  const std::uint32_t length = segment.taken();
  if (length == 0 || segment.rst) return;
  const std::int64_t from = place_of(segment.sequence), to = from + length;
  sent_again(at, from, to);
  if (from < next_) return;  // what was sent before
  next_ = to;
  if (on_way_.size() == kMostOnWay) on_way_.erase(on_way_.begin());
  on_way_.emplace_hint(on_way_.end(), from, Segment{to, trips_.size()});
  trips_.push_back({at, {}});
  state_.push_back(State::unknown);
}

/// Of what has an answer it is of no account: that was not lost.
void SentSegments::sent_again(Ns at, std::int64_t from, std::int64_t to) {
  auto one = on_way_.upper_bound(from);
  if (one != on_way_.begin() && std::prev(one)->second.to > from) --one;
  while (one != on_way_.end() && one->first < to) {
    const std::size_t trip = one->second.trip;
    state_[trip] = State::lost;
    again_.push_back(at - trips_[trip].at);
    if (resent_.size() == kMostOnWay) resent_.erase(resent_.begin());
    resent_.insert(one->second.to);
    one = on_way_.erase(one);
  }
}

void SentSegments::acknowledged(Ns at, const TcpSegment& by) {
  if (!begun_ || !by.ack) return;
  for (const auto& [from, to] : by.selective) {
    const std::int64_t begin = place_of(from), end = place_of(to);
    for (auto one = on_way_.lower_bound(begin); one != on_way_.end() && one->second.to <= end;) one = answered(one, at);
  }
  const std::int64_t until = place_of(by.acknowledged);
  const auto acknowledged = resent_.upper_bound(until);
  const bool held = acknowledged != resent_.begin();  // by one that was missing: how long they lay there nobody knows
  resent_.erase(resent_.begin(), acknowledged);
  for (auto one = on_way_.begin(); one != on_way_.end() && one->second.to <= until;)
    one = held ? on_way_.erase(one) : answered(one, at);
}

std::vector<RoundTrip> SentSegments::trips() const {
  std::vector<RoundTrip> out;
  for (std::size_t i = 0; i < trips_.size(); i++)
    if (state_[i] != State::unknown) out.push_back(trips_[i]);
  return out;
}

std::optional<Ns> SentSegments::least() const {
  std::optional<Ns> least;
  for (const auto& trip : trips_)
    if (trip.rtt) least = std::min(*trip.rtt, least.value_or(*trip.rtt));
  return least;
}

std::size_t SentSegments::sent_again_within(Ns time) const {
  return static_cast<std::size_t>(std::count_if(again_.begin(), again_.end(), [&](Ns one) { return one <= time; }));
}

/// Sequence numbers begin again after 2^32: where one is, counted from the connection's first. It is the place next to
/// what was sent last, so that a number which is none of this connection's, in a stray packet, moves nothing.
std::int64_t SentSegments::place_of(std::uint32_t sequence) const {
  return next_ + static_cast<std::int32_t>(sequence - first_ - static_cast<std::uint32_t>(next_));
}

SentSegments::OnWay::iterator SentSegments::answered(OnWay::iterator one, Ns at) {
  const std::size_t trip = one->second.trip;
  trips_[trip].rtt = std::max<Ns>(at - trips_[trip].at, 0);
  state_[trip] = State::answered;
  return on_way_.erase(one);
}

}  // namespace faultline::sketch
