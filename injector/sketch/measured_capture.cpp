// A capture of one TCP connection as round trips: each segment that was sent is one, from where it was captured to the
// other end and back. It is answered by the first acknowledgement that covers it, and lost if it was sent again. What
// cannot be told apart is left out: a segment that was sent again has no time of its own (the acknowledgement may be of
// either), and neither have those that waited for it at the receiver, unless the receiver said so selectively.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "injector/sketch/capture.h"
#include "injector/sketch/measured.h"

namespace faultline::sketch {
namespace {

constexpr std::size_t kMostSegments = 4'000'000, kMostFlows = 10'000;
constexpr std::size_t kMostWaiting = 65536;  ///< segments on their way; those before are given up, unknown

/// What one end sends, and what becomes of it.
class Direction {
 public:
  void sent(Ns at, const TcpSegment& segment) {
    if (!begun_ || (segment.syn && segment.sequence != first_)) {  // a connection begins, maybe another one
      begun_ = true;
      first_ = last_ = segment.sequence;
      next_ = position_ = 0;
      waiting_.clear();
    }
    const std::uint32_t length = segment.taken();
    if (length == 0 || segment.rst) return;
    const std::int64_t from = place_of(segment.sequence), to = from + length;
    for (auto one = ending_behind(from); one != waiting_.end() && one->from < to; ++one) {
      if (one->known) continue;
      one->again = true;
      state_[one->trip] = State::lost;
    }
    if (from < next_) return;  // what was sent before
    next_ = to;
    if (waiting_.size() == kMostWaiting) waiting_.pop_front();
    waiting_.push_back({from, to, at, trips_.size()});
    trips_.push_back({at, {}});
    state_.push_back(State::unknown);
  }

  void acknowledged(Ns at, const TcpSegment& by) {
    if (!begun_ || !by.ack) return;
    for (const auto& [from, to] : by.selective) {
      const std::int64_t begin = place_of(from), end = place_of(to);
      for (auto one = ending_behind(begin); one != waiting_.end() && one->to <= end; ++one)
        if (begin <= one->from && !one->again && !one->known) answered(*one, at);
    }
    const std::int64_t until = place_of(by.acknowledged);
    const auto covered = [&](const Waiting& one) { return one.to <= until; };
    const auto end = std::find_if_not(waiting_.begin(), waiting_.end(), covered);
    const bool held = std::any_of(waiting_.begin(), end, [](const Waiting& one) { return one.again; });
    for (auto one = waiting_.begin(); one != end; ++one)
      if (!one->again && !one->known && !held) answered(*one, at);
    waiting_.erase(waiting_.begin(), end);
  }

  /// Those that were answered or lost.
  std::vector<RoundTrip> trips() const {
    std::vector<RoundTrip> out;
    for (std::size_t i = 0; i < trips_.size(); i++)
      if (state_[i] != State::unknown) out.push_back(trips_[i]);
    return out;
  }
  std::size_t count() const { return trips_.size(); }
  /// The shortest; empty: none was answered.
  std::optional<Ns> least() const {
    std::optional<Ns> least;
    for (const auto& trip : trips_)
      if (trip.rtt) least = std::min(*trip.rtt, least.value_or(*trip.rtt));
    return least;
  }

 private:
  enum class State : std::uint8_t { unknown, answered, lost };
  struct Waiting {
    std::int64_t from, to;
    Ns at;
    std::size_t trip;
    bool again = false;  ///< was sent again
    bool known = false;  ///< was acknowledged selectively
  };

  /// The first that has something behind this place. They are in the order of their places, and do not overlap.
  std::deque<Waiting>::iterator ending_behind(std::int64_t place) {
    return std::partition_point(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.to <= place; });
  }
  /// Sequence numbers begin again after 2^32: where one is, counted from the connection's first.
  std::int64_t place_of(std::uint32_t sequence) {
    const std::int64_t place = position_ + static_cast<std::int32_t>(sequence - last_);
    last_ = sequence;
    return position_ = place;
  }
  void answered(Waiting& one, Ns at) {
    one.known = true;
    trips_[one.trip].rtt = std::max<Ns>(at - one.at, 0);
    state_[one.trip] = State::answered;
  }

  bool begun_ = false;
  std::uint32_t first_ = 0, last_ = 0;
  std::int64_t position_ = 0, next_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<RoundTrip> trips_;
  std::vector<State> state_;
};

struct Flow {
  std::string names[2];
  Direction ways[2];
  std::size_t packets = 0;
  std::string name() const { return fmt::format("{}-{}", names[0], names[1]); }
};

/// The one that is asked for, or the only one.
Flow& chosen(std::map<std::pair<std::string, std::string>, Flow>& flows, const std::string& path,
             const std::string& wanted) {
  if (flows.empty()) refuse_line(path, 0, "there is no TCP connection in this capture");
  for (auto& [key, flow] : flows)
    if (flow.name() == wanted || fmt::format("{}-{}", flow.names[1], flow.names[0]) == wanted) return flow;
  if (wanted.empty() && flows.size() == 1) return flows.begin()->second;
  std::vector<const Flow*> largest;
  for (const auto& [key, flow] : flows) largest.push_back(&flow);
  std::stable_sort(largest.begin(), largest.end(),
                   [](const Flow* a, const Flow* b) { return a->packets > b->packets; });
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(largest.size(), 5); i++)
    list += fmt::format("{}{} ({} packets)", i == 0 ? "" : ", ", largest[i]->name(), largest[i]->packets);
  refuse_line(path, 0,
              wanted.empty() ? fmt::format("it has {} TCP connections: choose one with --flow: {}{}", flows.size(),
                                           list, flows.size() > 5 ? ", …" : "")
                             : fmt::format("there is no connection {}; there are {}", wanted, list));
}

}  // namespace

Measured read_pcap(std::string_view text, const std::string& path, const MeasuredChoice& choice) {
  std::map<std::pair<std::string, std::string>, Flow> flows;
  std::size_t trips = 0;
  read_capture(text, path, [&](const CapturedPacket& packet) {
    const auto segment = tcp_of(packet);
    if (!segment) return;
    const bool forth = segment->from < segment->to;
    auto key = forth ? std::pair(segment->from, segment->to) : std::pair(segment->to, segment->from);
    const auto [it, fresh] = flows.try_emplace(std::move(key));
    if (flows.size() > kMostFlows) refuse_line(path, 0, "it has more than 10,000 TCP connections: cut one out of it");
    Flow& flow = it->second;
    if (fresh) {
      flow.names[forth ? 0 : 1] = segment->from_name;
      flow.names[forth ? 1 : 0] = segment->to_name;
    }
    flow.packets++;
    Direction &own = flow.ways[forth ? 0 : 1], &others = flow.ways[forth ? 1 : 0];
    const std::size_t before = own.count();
    others.acknowledged(packet.at, *segment);
    own.sent(packet.at, *segment);
    if ((trips += own.count() - before) > kMostSegments) refuse_line(path, 0, "it has more than 4,000,000 segments");
  });
  const Flow& flow = chosen(flows, path, choice.flow);
  // Of the two ways the longer is the one that leads over the network: at the capture's own end answers come at once.
  const auto least = [&](int way) { return flow.ways[way].least().value_or(-1); };
  const int way = least(0) >= least(1) ? 0 : 1;
  Measured measured{.trips = flow.ways[way].trips()};
  if (least(way) < 0) refuse_line(path, 0, "nothing of this connection was acknowledged");
  measured.note = fmt::format("the connection {}: from the capture to {} and back, segment to acknowledgement",
                              flow.name(), flow.names[1 - way]);
  return measured;
}

}  // namespace faultline::sketch
