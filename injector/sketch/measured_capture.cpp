// A capture of one TCP connection as round trips: each segment that was sent is one, from where it was captured to the
// other end and back. It is answered by the first acknowledgement that covers it, and lost if it was sent again. What
// cannot be told apart is left out: a segment that was sent again has no time of its own (the acknowledgement may be of
// either), and neither have those that waited for it at the receiver, unless the receiver said so selectively.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

#include "injector/sketch/capture.h"
#include "injector/sketch/measured.h"
#include "injector/sketch/sent_segments.h"

namespace faultline::sketch {
namespace {

constexpr std::size_t kMostSegments = 4'000'000, kMostFlows = 10'000;

/// How long after a packet one that is the same is a copy of it. Who sends again gives a new number, so with one this
/// may be as long as a queue between two interfaces; but less than the timeout after which a sender tries again.
constexpr Ns kWithoutNumber = kMillisecond, kWithNumber = 100 * kMillisecond;

struct Flow {
  std::string names[2];
  SentSegments ways[2];
  std::size_t packets = 0, twins = 0;
  std::string name() const { return fmt::format("{}-{}", names[0], names[1]); }
};

/// What was captured on several interfaces that it passed stands in a file once for each. A packet that is the same in
/// all that TCP and IP tell it by was not sent again, but seen again: at another interface, or as a copy that the
/// network made.
class Twins {
 public:
  /// Whether this packet of a flow was there a moment ago.
  bool has(Ns at, const Flow& flow, bool forth, const TcpSegment& segment) {
    Packet packet{&flow,
                  forth,
                  segment.sequence,
                  segment.acknowledged,
                  segment.payload,
                  segment.number,
                  segment.timestamps,
                  segment.flags,
                  segment.selective};
    const auto [one, fresh] = seen_.try_emplace(std::move(packet), at);
    if (!fresh) {
      const Ns since = at > one->second ? at - one->second : one->second - at;
      if (since <= (segment.number != 0 ? kWithNumber : kWithoutNumber)) return true;
      one->second = at;
      return false;
    }
    order_.push_back(one);
    if (order_.size() > kMost) {
      seen_.erase(order_.front());
      order_.pop_front();
    }
    return false;
  }

 private:
  static constexpr std::size_t kMost = 65536;
  using Packet = std::tuple<const Flow*, bool, std::uint32_t, std::uint32_t, std::uint32_t, std::uint16_t,
                            std::uint64_t, std::uint8_t, std::vector<std::pair<std::uint32_t, std::uint32_t>>>;
  std::map<Packet, Ns> seen_;
  std::deque<std::map<Packet, Ns>::iterator> order_;
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

/// Copies that Twins cannot tell, of a device that splits segments on their way out or of one with a queue, look like
/// segments that were sent again, but sooner than their sender can know of a loss.
void refuse_copies(const Flow& flow, const std::string& path) {
  constexpr std::size_t kFew = 10;
  const Ns round_trip = std::max(flow.ways[0].least().value_or(-1), flow.ways[1].least().value_or(-1));
  for (const auto& way : flow.ways) {
    const std::size_t sooner = way.sent_again_within(round_trip / 2), soon = way.sent_again_within(kWithoutNumber),
                      before_timeout = way.sent_again_within(kWithNumber);
    const bool too_soon = sooner >= kFew && sooner > way.count() / 20;
    const bool too_many = before_timeout >= kFew && before_timeout > way.count() / 2;
    if (!too_soon && !too_many && (round_trip >= 0 || soon == 0)) continue;
    refuse_line(path, 0,
                fmt::format("packets of the connection {} seem to stand in it more than once: {} of {} segments come "
                            "again at once; capture on one interface, not on \"any\" (tcpdump -i eth0)",
                            flow.name(), before_timeout, way.count()));
  }
}

}  // namespace

Measured read_pcap(std::string_view text, const std::string& path, const MeasuredChoice& choice) {
  std::map<std::pair<std::string, std::string>, Flow> flows;
  Twins twins;
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
      flow.names[0] = name_of_end(it->first.first);
      flow.names[1] = name_of_end(it->first.second);
    }
    flow.packets++;
    if (twins.has(packet.at, flow, forth, *segment)) {
      flow.twins++;
      return;
    }
    SentSegments &own = flow.ways[forth ? 0 : 1], &others = flow.ways[forth ? 1 : 0];
    const std::size_t before = own.count();
    others.acknowledged(packet.at, *segment);
    own.sent(packet.at, *segment);
    if ((trips += own.count() - before) > kMostSegments) refuse_line(path, 0, "it has more than 4,000,000 segments");
  });
  const Flow& flow = chosen(flows, path, choice.flow);
  refuse_copies(flow, path);
  // Of the two ways the longer is the one that leads over the network: at the capture's own end answers come at once.
  const auto least = [&](int way) { return flow.ways[way].least().value_or(-1); };
  const int way = least(0) >= least(1) ? 0 : 1;
  Measured measured{.trips = flow.ways[way].trips()};
  if (least(way) < 0) refuse_line(path, 0, "nothing of this connection was acknowledged");
  measured.note = fmt::format("the connection {}: from the capture to {} and back, segment to acknowledgement",
                              flow.name(), flow.names[1 - way]);
  if (flow.twins > 0)
    measured.note +=
        fmt::format("; of {} packets {} were seen again, and the first time counts", flow.packets, flow.twins);
  return measured;
}

}  // namespace faultline::sketch
