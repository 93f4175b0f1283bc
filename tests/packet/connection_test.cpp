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
  fl_connection_key left;
  EXPECT_NE(bpf_map_get_next_key(programs->selector().map("connections"), nullptr, &left), 0) << "none is left";
}

TEST_P(Connection, OtherProtocolsPass) {
  forget_after(kSecond);
  programs->set_time(10 * kSecond);
  EXPECT_TRUE(passes(Packet{}));
  EXPECT_TRUE(passes(Packet{.l4 = L4::icmp}));
  EXPECT_TRUE(passes(Packet{.l4 = L4::tcp, .fragment_offset = 5})) << "it has no ports";
  EXPECT_EQ(programs->tally(0).matched, 0u);
}

/// From 40000 to 80, of which the first byte has that number.
Packet data(std::uint32_t sequence, std::size_t bytes, bool v6 = false) {
  Packet p = segment(kAck, v6);
  p.sequence = sequence;
  p.payload = bytes;
  return p;
}

TEST_P(Connection, IsCutByTheByte) {
  cut_after(1000);
  for (const bool v6 : {false, true}) {
    Packet opens = segment(kSyn, v6);
    opens.sequence = 0xfffffe00;  // they wrap
    opens.payload = 0;
    EXPECT_TRUE(passes(opens));
    const std::uint32_t first = opens.sequence + 1;
    EXPECT_TRUE(passes(data(first, 600, v6)));
    EXPECT_TRUE(passes(data(first, 600, v6))) << "sent again, it counts once";
    EXPECT_TRUE(passes(data(first + 600, 400, v6)));
    EXPECT_TRUE(passes(data(first + 1000, 0, v6))) << "an acknowledgement carries nothing";
    EXPECT_TRUE(comes_back(data(77, 1000, v6))) << "each direction by itself, from the first that is seen of it";
    EXPECT_FALSE(passes(data(first + 1000, 1, v6)));
    EXPECT_FALSE(passes(data(first, 600, v6))) << "cut is cut";
    EXPECT_FALSE(comes_back(data(1077, 0, v6)));
    EXPECT_TRUE(passes(opens)) << "a new one by the same ports";
    EXPECT_TRUE(passes(data(first, 1000, v6)));
    EXPECT_FALSE(passes(data(first + 500, 501, v6))) << "a packet is cut as a whole";
  }
  const auto tally = programs->tally(0);
  EXPECT_EQ(tally.flows_met, 4u);
  EXPECT_EQ(tally.flows_dead, 4u);
  EXPECT_EQ(tally.dropped, 8u);
  EXPECT_EQ(tally.answered, 0u);
  EXPECT_EQ(tally.matched, 16u + 8u);
}

TEST_P(Connection, OlderThanTheFaultCountsFromWhatIsSeenFirst) {
  cut_after(1000);
  EXPECT_TRUE(passes(data(5'000'000, 600)));
  EXPECT_TRUE(passes(data(4'999'000, 600))) << "of before, sent again";
  EXPECT_TRUE(passes(data(5'000'600, 400)));
  EXPECT_FALSE(passes(data(5'001'000, 400)));
}

TEST_P(Connection, OfABundleEachWirePacketIsCutByItself) {
  cut_after(1000);
  EXPECT_TRUE(passes(data(1, 0)));
  EXPECT_EQ(run(data(1, 900), "select_out", 300).verdict, kNext) << "all of it is within";
  Skb out = run(data(901, 900), "select_out", 100);
  EXPECT_EQ(out.verdict, kRedirect);
  EXPECT_EQ(stamp_of(out.frame).magic, FL_STAMP_MAGIC) << "to be split";
  programs->set_slot(1, 1);
  const auto plays = [&](const Packet& packet, std::uint32_t gso_size, const char* program) {
    Frame frame = build(packet);
    set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
    const fl_ledger before = programs->ledger(1);
    programs->play(program, {.frame = frame, .gso_size = gso_size});
    const fl_ledger after = programs->ledger(1);
    return after.split_in != before.split_in ? 's' : after.dropped != before.dropped ? 'd' : 'p';
  };
  EXPECT_EQ(plays(data(901, 900), 100, "play_arrival"), 's');
  EXPECT_EQ(plays(data(901, 100), 0, "play_split"), 'p');
  EXPECT_EQ(plays(data(1001, 100), 0, "play_split"), 'd');
  EXPECT_EQ(programs->tally(0).flows_dead, 0u) << "what is on its way is to arrive first";
  EXPECT_FALSE(passes(data(1001, 100)));
  EXPECT_EQ(programs->tally(0).flows_dead, 1u);
  EXPECT_EQ(run(data(1101, 900), "select_out", 100).verdict, kRedirect);
  EXPECT_EQ(programs->tally(0).dropped, 1u + 1u + 9u) << "counted in wire packets";
}

TEST_P(Connection, WhatIsCutIsResetAtBothEnds) {
  cut_after(1000, FL_REPLY_RESET);
  EXPECT_TRUE(passes(data(1, 1000)));
  const Skb out = run(data(1001, 10), "select_in");
  EXPECT_EQ(out.verdict, kRedirect);
  const Parsed rst = parse(out.frame);
  EXPECT_EQ(rst.mistake, "");
  EXPECT_EQ(rst.source, "10.0.0.2");
  EXPECT_EQ(rst.carried.at(13), kRst);
  EXPECT_EQ(be32(rst.carried, 4), 77u);
  EXPECT_EQ(programs->tally(0).answered, 1u);
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
