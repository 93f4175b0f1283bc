// Connections that rules follow one by one, segment by segment: which are forgotten, from when on, and until when.
#include "tests/harness/answers.h"
#include "tests/packet/connection_bed.h"

namespace faultline::test {
namespace {

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
  programs->set_time(170 * kSecond);  // a machine may not be up for much longer
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
    EXPECT_FALSE(passes(segment(kRst, v6))) << "the other end is not told, by whomever";
  }
  EXPECT_EQ(programs->tally(0).answered, 6u);
  EXPECT_EQ(programs->tally(0).flows_dead, 2u);
}

/// What still comes of a connection that was closed is no silence, however late.
TEST_P(Connection, OneThatWasClosedIsNotTakenForASilentOne) {
  forget_after(60 * kSecond);
  const Packet ack = segment(kAck), reset = segment(kRst), end = segment(kFin | kAck, false, 40001),
               late = segment(kAck, false, 40001);
  programs->set_time(kSecond);
  EXPECT_TRUE(passes(segment(kSyn)));
  EXPECT_TRUE(comes_back(reset));
  EXPECT_TRUE(passes(segment(kSyn, false, 40001)));
  EXPECT_TRUE(passes(end));
  EXPECT_TRUE(comes_back(end));
  EXPECT_TRUE(passes(late));
  programs->set_time(200 * kSecond);
  EXPECT_TRUE(passes(ack)) << "behind an RST, or where nobody believed it";
  EXPECT_TRUE(passes(late));
  EXPECT_TRUE(comes_back(end)) << "a FIN sent again";
  EXPECT_EQ(programs->tally(0).flows_dead, 0u);
  EXPECT_TRUE(passes(segment(kSyn))) << "the same ports again";
  programs->set_time(300 * kSecond);
  EXPECT_FALSE(passes(ack)) << "and followed again";
}

/// Of a rule of one direction the FIN of the end that it sees is all.
TEST_P(Connection, AClosedOneMakesRoomForWhoSeesOneEnd) {
  forget_after(60 * kSecond);
  programs->set_time(kSecond);
  for (std::uint16_t port = 1000; port < 1040; port++) {
    EXPECT_TRUE(passes(segment(kSyn, false, port)));
    EXPECT_TRUE(passes(segment(kFin | kAck, false, port)));
    EXPECT_TRUE(passes(segment(kAck, false, port)));
  }
  EXPECT_EQ(followed(), 0u);
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
