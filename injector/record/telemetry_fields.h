// What is counted of a target's TCP connections, as the journal and the summary have it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "injector/record/fields.h"

namespace faultline::record {

struct ConnectionCounts {
  std::uint64_t opened = 0, accepted = 0, closed = 0;
  std::map<std::string, std::uint64_t> failed = {};
  std::uint64_t retransmits = 0, timeouts = 0, resets_sent = 0, resets_received = 0, bytes_sent = 0, bytes_received = 0;

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
      field("timeouts", &ConnectionCounts::timeouts, "of these: sent because the retransmission timer ran out"),
      field("resets_sent", &ConnectionCounts::resets_sent, "TCP resets that it sent"),
      field("resets_received", &ConnectionCounts::resets_received, "TCP resets that it took for valid"),
      field("bytes_sent", &ConnectionCounts::bytes_sent, "payload that its peers have acknowledged"),
      field("bytes_received", &ConnectionCounts::bytes_received, "payload that has arrived, in order")};
};

}  // namespace faultline::record
