// Connections that are cut after so many bytes, segment by segment: where, for whom, and what the account says of it.
#include <functional>

#include "tests/harness/answers.h"
#include "tests/harness/capture.h"
#include "tests/packet/connection_bed.h"

namespace faultline::test {
namespace {

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
  using Played = Programs::Played;
  EXPECT_EQ(programs->becomes("play_arrival", data(901, 900), 100), Played::split);
  EXPECT_EQ(programs->becomes("play_split", data(901, 100)), Played::on);
  EXPECT_EQ(programs->becomes("play_split", data(1001, 100)), Played::dropped);
  EXPECT_EQ(programs->tally(0).flows_dead, 1u);
  EXPECT_TRUE(comes_back(data(77, 0))) << "what is on its way is to arrive first";
  EXPECT_FALSE(passes(data(1001, 100)));
  EXPECT_FALSE(comes_back(data(77, 0)));
  EXPECT_EQ(programs->tally(0).flows_dead, 1u) << "once";
  EXPECT_EQ(run(data(1101, 900), "select_out", 100).verdict, kRedirect);
  EXPECT_EQ(programs->tally(0).dropped, 1u + 1u + 1u + 9u) << "counted in wire packets";
}

/// A bundle's tail sent again is no sign that its head went past the rule: see below.
TEST_P(Connection, WhatIsBeyondWaitsForWhatWasCutOffItsBundle) {
  cut_after(1000, FL_REPLY_RESET);
  EXPECT_TRUE(passes(data(1, 900)));
  EXPECT_EQ(run(data(901, 900), "select_out", 100).verdict, kRedirect) << "to be split";
  programs->set_slot(1, 1);
  for (std::uint32_t first = 901; first < 1801; first += 100) {
    Frame frame = build(data(first, 100));
    set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 1, .hold = 0, .due = 0});
    programs->play("play_split", {.frame = frame});
  }
  for (int i = 0; i < 3; i++) EXPECT_EQ(run(data(1801, 300), "select_in").verdict, kDrop);
  EXPECT_EQ(programs->tally(0).answered, 0u) << "1001 will come again";
  EXPECT_EQ(run(data(1001, 300), "select_in").verdict, kRedirect);
  EXPECT_EQ(programs->tally(0).answered, 1u);
}

TEST_P(Connection, WhatIsCutIsResetAtBothEnds) {
  Capture capture;
  cut_after(1000, FL_REPLY_RESET);
  for (const bool v6 : {false, true}) {
    const Packet last = data(1001, 10, v6);
    EXPECT_TRUE(passes(data(1, 1000, v6)));
    const Skb out = run(last);
    EXPECT_EQ(out.verdict, kRedirect);
    const auto copies = capture.take();
    ASSERT_EQ(copies.size(), 1u);
    const Parsed back = parse(out.frame), onward = parse(copies[0]);
    for (const Parsed* rst : {&back, &onward}) {
      EXPECT_EQ(rst->mistake, "");
      ASSERT_EQ(rst->carried.size(), 20u);
      EXPECT_TRUE(rst->carried[13] & kRst);
    }
    EXPECT_EQ(back.source, last.destination);
    EXPECT_EQ(back.destination, last.source);
    EXPECT_EQ(be32(back.carried, 4), 77u);
    EXPECT_EQ(onward.source, last.source);
    EXPECT_EQ(onward.destination, last.destination);
    EXPECT_EQ(be32(onward.carried, 4), 1001u) << "what its receiver waits for";
  }
  EXPECT_EQ(programs->tally(0).answered, 2u);
}

TEST_P(Connection, WhatStillComesOfOneThatWasClosedIsNotFollowedAnew) {
  cut_after(1000);
  const Packet late = data(5000, 2000);
  EXPECT_TRUE(passes(segment(kSyn)));
  EXPECT_TRUE(comes_back(segment(kRst)));
  EXPECT_TRUE(passes(late));
  EXPECT_TRUE(comes_back(late));
  const auto tally = programs->tally(0);
  EXPECT_EQ(tally.flows_met, 1u);
  EXPECT_EQ(tally.flows_dead, 0u);
  EXPECT_EQ(tally.matched, 4u);
  EXPECT_EQ(followed(), 0u);
}

TEST_P(Connection, AFinBehindTheLimitDoesNotEndWhatIsStillToBeSent) {
  cut_after(1000);
  Packet fin = data(1501, 0);
  fin.tcp_flags = kFin | kAck;
  EXPECT_TRUE(passes(data(1, 900)));
  EXPECT_FALSE(passes(data(1201, 300))) << "ahead of 901";
  EXPECT_FALSE(passes(fin));
  EXPECT_TRUE(comes_back(data(77, 0)));
  EXPECT_FALSE(passes(data(901, 300)));
  EXPECT_FALSE(comes_back(data(77, 0)));
  EXPECT_EQ(programs->tally(0).flows_met, 1u);
  EXPECT_EQ(programs->tally(0).flows_dead, 1u);
  Packet exact = segment(kSyn, false, 40001);
  EXPECT_TRUE(passes(exact));
  exact.tcp_flags = kFin | kAck;
  exact.sequence += 1 + 1000;
  exact.payload = 0;
  EXPECT_TRUE(passes(exact)) << "1000 bytes are not too many";
}

/// The packet that holds the first byte too many went past the rule, and arrived. What comes behind it is cut as it
/// would have been, when TCP sends it again, and the account says so.
struct Past {
  const char* how;
  std::function<void(Programs&)> before, after;
};
TEST_P(Connection, IsCutBehindWhatWentPastTheRule) {
  const auto slots = [](std::uint32_t used) {
    return [used](Programs& programs) { programs.selector().update("slot_next", 0, &used); };
  };
  const auto nothing = [](Programs&) {};
  const Past kinds[] = {{"left out of the pen", nothing, nothing},  // to a link-local address, on lo
                        {"without a slot", slots(FL_MAX_SLOTS - 1), slots(0)},
                        {"while faults are lifted", [](Programs& programs) { programs.control().lease = 0; },
                         [](Programs& programs) { programs.control().lease = static_cast<__u64>(60 * kSecond); }}};
  cut_after(1000, FL_REPLY_RESET);
  std::uint16_t port = 40000;
  for (const Past& past : kinds) {
    SCOPED_TRACE(past.how);
    port++;
    const bool left_out = &past == &kinds[0];
    const char* program = left_out ? "select_lo" : "select_out";
    const auto of = [&](std::uint32_t sequence, std::size_t bytes) {
      Packet p = data(sequence, bytes, true);
      p.source_port = port;
      if (left_out) p.destination = "fe80::2";
      return p;
    };
    const auto told = [&] {
      const fl_tally tally = programs->tally(0);
      return tally.left_out + programs->site_tally().no_slot + tally.passed_by_safety;
    };
    const auto before = programs->tally(0);
    const auto told_before = told();
    const auto answered = [&] { return programs->tally(0).answered - before.answered; };
    EXPECT_TRUE(passes(of(1, 900), program));
    past.before(*programs);
    EXPECT_EQ(run(of(901, 900), program, 100).verdict, kNext);
    past.after(*programs);
    EXPECT_EQ(told() - told_before, 9u);
    EXPECT_FALSE(passes(of(2101, 300), program));
    EXPECT_FALSE(passes(of(1801, 300), program));
    EXPECT_EQ(answered(), 0u) << "those may have overtaken what crosses";
    EXPECT_FALSE(passes(of(2101, 300), program));
    EXPECT_EQ(answered(), 0u) << "a probe of the tail, not what its receiver waits for";
    EXPECT_FALSE(passes(of(1801, 300), program));
    EXPECT_EQ(answered(), 1u);
    EXPECT_FALSE(passes(of(901, 300), program)) << "cut is cut";
    EXPECT_EQ(programs->tally(0).flows_dead - before.flows_dead, 1u);
    EXPECT_EQ(programs->tally(0).dropped - before.dropped, 5u);
  }
}

}  // namespace
}  // namespace faultline::test
