// One selector with a rule that follows connections, and the segments of some. The suite's tests are in files by which
// rule it is.
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {

struct Connection : EngineTest {
  void forget_after(Ns idle, fl_reply reply = FL_REPLY_NONE, faults::Window window = kHour) {
    faults::Channel channel = steady(window, 0, 0, 1);
    channel.answer.filter = FL_FILTER_SILENT;
    channel.answer.silent = idle;
    channel.answer.reply = reply;
    programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = channel, .window = window}});
  }
  void cut_after(std::uint64_t bytes, fl_reply reply = FL_REPLY_SILENT) {
    faults::Channel channel = steady(kHour, 0, 0, 1);
    channel.answer.filter = FL_FILTER_SENT;
    channel.answer.sent = bytes;
    channel.answer.reply = reply;
    programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = channel}});
  }
  Skb run(const Packet& packet, const char* program = "select_out", std::uint32_t gso_size = 0) {
    return programs->select(program, {.frame = build(packet), .gso_size = gso_size});
  }
  bool passes(const Packet& packet, const char* program = "select_out") {
    return run(packet, program).verdict == kNext;
  }
  /// The same connection's packet from its other end, which arrives.
  bool comes_back(Packet packet) {
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    return passes(packet, "select_in");
  }

  /// How many connections there is an entry of.
  std::size_t followed() const {
    std::size_t count = 0;
    fl_connection_key last, next;
    for (const fl_connection_key* at = nullptr;
         bpf_map_get_next_key(programs->selector().map("connections"), at, &next) == 0; at = &last, count++)
      last = next;
    return count;
  }

  std::unique_ptr<Programs> programs;
};

inline Packet segment(std::uint8_t flags, bool v6 = false, std::uint16_t port = 40000) {
  Packet p{.l4 = L4::tcp, .source_port = port, .destination_port = 80, .tcp_flags = flags, .payload = 10};
  if (v6) p.source = "fd00::1", p.destination = "fd00::2";
  return p;
}

/// From 40000 to 80, of which the first byte has that number.
inline Packet data(std::uint32_t sequence, std::size_t bytes, bool v6 = false) {
  Packet p = segment(kAck, v6);
  p.sequence = sequence;
  p.payload = bytes;
  return p;
}

}  // namespace faultline::test
