// What is counted of a target's TCP connections, as the journal and the summary have it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/fields.h"

namespace faultline::record {

/// Values, and how often each occurred.
using Histogram = std::vector<std::pair<Ns, std::uint64_t>>;

struct ConnectionCounts {
  std::uint64_t opened = 0, accepted = 0, closed = 0;
  std::map<std::string, std::uint64_t> failed = {};
  std::uint64_t retransmits = 0, timeouts = 0, resets_sent = 0, resets_received = 0, bytes_sent = 0, bytes_received = 0;
  std::uint64_t packets_sent = 0, packets_received = 0, unanswered = 0;
  std::uint64_t retransmits_ours = 0;

  std::uint64_t all_failed() const;
  void add(const ConnectionCounts& other);

  static constexpr const char* shape = "connections";
  static constexpr auto fields = std::tuple{
      field("opened", &ConnectionCounts::opened, "connections that the target opened"),
      field("accepted", &ConnectionCounts::accepted, "connections that others opened to it"),
      field("closed", &ConnectionCounts::closed, "connections of either kind that ended, whatever way"),
      field(
          "failed", &ConnectionCounts::failed,
          "{error: count} of its attempts to open one; `refused`, `timeout`, `reset`, `unreachable` or `other` as the "
          "kernel says, `abandoned` where the program gave up first"),
      field("retransmits", &ConnectionCounts::retransmits,
            "segments that it sent again, those that open a connection among them"),
      field("retransmits_ours", &ConnectionCounts::retransmits_ours,
            "of these: since a fault of this run dropped the segment, or an acknowledgement of it"),
      field("timeouts", &ConnectionCounts::timeouts, "of retransmits: sent because the retransmission timer ran out"),
      field("resets_sent", &ConnectionCounts::resets_sent, "TCP resets that it sent"),
      field("resets_received", &ConnectionCounts::resets_received, "TCP resets that it took for valid"),
      field("bytes_sent", &ConnectionCounts::bytes_sent, "payload that its peers have acknowledged"),
      field("bytes_received", &ConnectionCounts::bytes_received, "payload that has arrived, in order"),
      field("packets_sent", &ConnectionCounts::packets_sent,
            "as they are on the wire, of its open connections, with those that carry nothing"),
      field("packets_received", &ConnectionCounts::packets_received, "likewise"),
      field("unanswered", &ConnectionCounts::unanswered,
            "turns that a connection ended in before an answer had begun; 0 where turns are not asked for")};
};

/// What became of connections in a span of time.
struct ConnectionSpan : ConnectionCounts {
  Histogram rtt = {};
  std::optional<Histogram> turns = {};

  static constexpr const char* shape = "connections in a time";
  static constexpr auto fields = std::tuple{
      Among<ConnectionCounts>{"of its connections meanwhile"},
      field("rtt", &ConnectionSpan::rtt,
            "[[ns, count], …] smoothed round-trip times, of each connection on which something arrived; to 6 %"),
      seldom(
          "turns", &ConnectionSpan::turns,
          "[[ns, count], …] from the last byte of what was asked to the first of its answer, to 6 %; there where any "
          "was answered and turns are asked for")};
};

/// Of these, those with one peer.
struct PeerSpan : ConnectionSpan {
  std::string peer;

  static constexpr const char* shape = "peer's telemetry";
  static constexpr auto fields = std::tuple{
      field("peer", &PeerSpan::peer, "a target that a hypothesis or guard names, else an address, or `others`"),
      Among<ConnectionSpan>{"of its connections with that"}};
};

}  // namespace faultline::record
