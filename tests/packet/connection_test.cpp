// Connections that rules follow one by one, segment by segment: which are forgotten, from when on, and until when.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/harness/answers.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;

struct Connection : EngineTest {
  void forget_after(Ns idle, fl_reply reply = FL_REPLY_NONE, faults::Window window = kHour) {
    faults::Channel channel = steady(window, 0, 0, 1);
    channel.answer.filter = FL_FILTER_SILENT;
    channel.answer.silent = idle;
    channel.answer.reply = reply;
    programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = channel, .window = window}});
  }
  Skb run(const Packet& packet, const char* program = "select_out") {
    return programs->select(program, {.frame = build(packet)});
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

  std::unique_ptr<Programs> programs;
};

Packet segment(std::uint8_t flags, bool v6 = false, std::uint16_t port = 40000) {
  Packet p{.l4 = L4::tcp, .source_port = port, .destination_port = 80, .tcp_flags = flags, .payload = 10};
  if (v6) p.source = "fd00::1", p.destination = "fd00::2";
  return p;
}

TEST_P(Connection, IsForgottenWhenItWasSilent) {
  forget_after(60 * kSecond);
  for (const bool v6 : {false, true}) {
    programs->set_time(kSecond);
    const Packet p = segment(kAck, v6), other = segment(kAck, v6, 40001);
    EXPECT_TRUE(passes(p));
    EXPECT_TRUE(comes_back(other));
    programs->set_time(60 * kSecond);
    EXPECT_TRUE(comes_back(p)) << "what comes back counts for both ways";
    programs->set_time(80 * kSecond);
    EXPECT_TRUE(passes(p));
    EXPECT_FALSE(passes(other)) << "each by itself";
    EXPECT_FALSE(comes_back(other));
    programs->set_time(141 * kSecond);
    EXPECT_FALSE(comes_back(p));
    programs->set_time(150 * kSecond);
    EXPECT_FALSE(passes(p)) << "what is sent again brings it not back";
  }
  const auto tally = programs->tally(0);
  EXPECT_EQ(tally.flows_met, 4u);
  EXPECT_EQ(tally.flows_dead, 4u);
  EXPECT_EQ(tally.dropped, 8u);
  EXPECT_EQ(tally.matched, 8u + 8u);
  EXPECT_EQ(tally.answered, 0u);
}

TEST_P(Connection, OfWhichNothingWasSeenCountsFromTheFaultsStart) {
  forget_after(60 * kSecond, FL_REPLY_NONE, {100 * kSecond, 3600 * kSecond});
  programs->set_time(159 * kSecond);
  EXPECT_TRUE(passes(segment(kAck)));
  programs->set_time(161 * kSecond);
  EXPECT_TRUE(passes(segment(kAck)));
  EXPECT_FALSE(passes(segment(kAck, false, 40001)));
  programs->set_time(1000 * kSecond);
  EXPECT_TRUE(passes(segment(kSyn, false, 40002)));
  EXPECT_TRUE(passes(segment(kAck, false, 40002))) << "a new one from its SYN";
}

TEST_P(Connection, MayBeOpenedAnewByTheSamePorts) {
  forget_after(60 * kSecond);
  for (const std::uint8_t opening : {+kSyn, kSyn | kAck}) {  // a rule of one direction sees no other
    programs->set_time(kSecond);
    EXPECT_TRUE(passes(segment(kAck, false, opening)));
    programs->set_time(100 * kSecond);
    EXPECT_FALSE(passes(segment(kAck, false, opening)));
    EXPECT_TRUE(passes(segment(opening, false, opening)));
    EXPECT_TRUE(passes(segment(kAck, false, opening)));
  }
  EXPECT_EQ(programs->tally(0).flows_met, 4u);
  EXPECT_EQ(programs->tally(0).flows_dead, 2u);
}

TEST_P(Connection, AResetGoesToTheSenderAlone) {
  forget_after(kSecond, FL_REPLY_SENDER);
  programs->set_time(10 * kSecond);
  for (const bool v6 : {false, true}) {
    for (const char* program : {"select_out", "select_in", "select_lo"}) {
      const Skb out = run(segment(kAck, v6), program);
      EXPECT_EQ(out.verdict, kRedirect);
      const Parsed rst = parse(out.frame);
      EXPECT_EQ(rst.mistake, "");
      EXPECT_EQ(rst.source, segment(kAck, v6).destination) << "back to its sender";
      ASSERT_EQ(rst.carried.size(), 20u);
      EXPECT_EQ(rst.carried[13], kRst);
      EXPECT_EQ(be32(rst.carried, 4), 77u) << "what it waits for";
    }
    EXPECT_TRUE(passes(segment(kRst, v6))) << "it says itself what we would say";
  }
  EXPECT_EQ(programs->tally(0).answered, 6u);
  EXPECT_EQ(programs->tally(0).flows_dead, 2u);
}

TEST_P(Connection, OtherProtocolsPass) {
  forget_after(kSecond);
  programs->set_time(10 * kSecond);
  EXPECT_TRUE(passes(Packet{}));
  EXPECT_TRUE(passes(Packet{.l4 = L4::icmp}));
  EXPECT_TRUE(passes(Packet{.l4 = L4::tcp, .fragment_offset = 5})) << "it has no ports";
  EXPECT_EQ(programs->tally(0).matched, 0u);
}

/// Makes the table as full as it can be, but for `room`.
void fill(const Programs& programs, std::uint32_t room) {
  fl_connection_key key{};
  const fl_connection value{};
  for (std::uint32_t i = 0; i < FL_MAX_FOLLOWED - room; i++) {
    key.address[1] = i + 1;
    ASSERT_EQ(bpf_map_update_elem(programs.selector().map("connections"), &key, &value, BPF_NOEXIST), 0);
  }
}

TEST_P(Connection, WhatThereIsNoRoomForPassesAndIsCounted) {
  forget_after(60 * kSecond);
  fill(*programs, 0);
  programs->set_time(100 * kSecond);
  EXPECT_TRUE(passes(segment(kAck)));
  EXPECT_TRUE(passes(segment(kSyn, true)));
  const auto tally = programs->tally(0);
  EXPECT_EQ(tally.untracked, 2u);
  EXPECT_EQ(tally.flows_met, 0u);
  EXPECT_EQ(tally.dropped, 0u);
}

TEST_P(Connection, AClosedConnectionMakesRoom) {
  forget_after(60 * kSecond);
  fill(*programs, 256);  // CPUs may have a few each that are free
  programs->set_time(kSecond);
  for (std::uint16_t i = 0; i < 2000; i++) {
    const Packet opens = segment(kSyn, false, static_cast<std::uint16_t>(10000 + i));
    Packet p = opens;
    EXPECT_TRUE(passes(opens));
    if (i % 2 == 0) {
      p.tcp_flags = kRst;
      EXPECT_TRUE(comes_back(p));
      continue;
    }
    p.tcp_flags = kFin | kAck;
    EXPECT_TRUE(passes(p));
    EXPECT_TRUE(comes_back(p));
    p.tcp_flags = kAck;
    EXPECT_TRUE(passes(p));
  }
  EXPECT_EQ(programs->tally(0).flows_met, 2000u);
  EXPECT_EQ(programs->tally(0).untracked, 0u);
}

FAULTLINE_WITH_BOTH_ENGINES(Connection);

}  // namespace
}  // namespace faultline::test
