// What the player decides about one packet, against what the score, the clock and chance say natively: every verdict,
// not a share of them.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/packet/player_bed.h"

namespace faultline::test {
namespace {

struct Player : PlayerBed {
  /// What a fault itself asked of the packets held so far, each in its bucket.
  void expect_share(std::uint32_t fault, const std::vector<Ns>& delays) {
    fl_histogram expected{};
    for (const Ns delay : delays) expected.bucket[fl_bucket(ticks(delay))]++;
    const fl_histogram seen = programs->histogram(fault, FL_APPLIED);
    for (std::uint32_t i = 0; i < FL_HIST_BUCKETS; i++) ASSERT_EQ(seen.bucket[i], expected.bucket[i]) << i;
    std::uint64_t late = 0;
    for (const auto n : programs->histogram(fault, FL_HELD).bucket) late += n;
    EXPECT_EQ(late, 0u) << "what is really held is measured at the return";
  }
};

// ---- chance ----

TEST_P(Player, EveryLossIsTheOneThatChanceSays) {
  const std::uint64_t seed = 0x123456789abcdef;
  load({rule(steady(kHour, 0, 0, 0.1), 0, seed)});
  FlowReplay replay(0);
  std::mt19937_64 random(7);
  std::uint64_t dropped = 0;
  for (int i = 0; i < 10000; i++) {
    Packet p;
    const bool v6 = random() % 3 == 0;
    const auto host = [&](const char* net, std::uint64_t n) { return net + std::to_string(n); };
    p.source = host(v6 ? "fd00::" : "10.0.0.", 1 + random() % 3);
    p.destination = host(v6 ? "fd00:1::" : "10.1.0.", 1 + random() % 2);
    p.source_port = static_cast<std::uint16_t>(40000 + random() % 20);
    p.destination_port = static_cast<std::uint16_t>(random() % 2 == 0 ? 443 : 53);
    p.l4 = std::array{L4::tcp, L4::udp, L4::gre, v6 ? L4::icmp6 : L4::icmp}[random() % 4];
    if (p.l4 == L4::tcp && random() % 50 == 0) {
      p.tcp_flags = 0x02;
      p.sequence = static_cast<std::uint32_t>(random());
    }
    if (!v6 && random() % 20 == 0) p.fragment_offset = static_cast<unsigned>(random() % 3), p.more_fragments = true;
    if (random() % 2 == 0 && p.tcp_flags != 0x02) {
      std::swap(p.source, p.destination);
      std::swap(p.source_port, p.destination_port);
    }
    const auto turn = replay.next(p);
    const bool lost =
        fl_lost(fl_random(seed, FL_STREAM_LOSS + turn.stream, turn.key, turn.number), std::llround(0.1 * 0x1p32));
    dropped += lost;
    ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight) << "packet " << i;
  }
  EXPECT_EQ(programs->tally(0).matched, 10000u);
  EXPECT_EQ(programs->tally(0).dropped, dropped);
  EXPECT_NEAR(static_cast<double>(dropped), 1000, 150);  // five standard deviations
  EXPECT_EQ(books.arrived, books.dropped + books.straight + books.held);
}

TEST_P(Player, LossOf0And1IsExact) {
  const faults::Window second{100 * kSecond, 200 * kSecond};
  faults::Channel channel;
  faults::add_step(channel.loss, second, 1);
  load({rule(channel)});
  for (int i = 0; i < 500; i++) ASSERT_EQ(play(Packet{.source_port = static_cast<std::uint16_t>(i)}), Way::straight);
  EXPECT_EQ(programs->tally(0).matched, 0u) << "between episodes a rule meets nobody";
  programs->set_time(150 * kSecond);
  for (int i = 0; i < 500; i++) ASSERT_EQ(play(Packet{.source_port = static_cast<std::uint16_t>(i)}), Way::dropped);
  EXPECT_EQ(programs->tally(0).dropped, 500u);
  programs->set_time(201 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::straight);
}

TEST_P(Player, LossesOfTwoRulesCompose) {
  const std::uint64_t seeds[] = {11, 12};
  load({rule(steady(kHour, 0, 0, 0.3), 0, seeds[0]), rule(steady(kHour, 0, 0, 0.4), 1, seeds[1])});
  FlowReplay replay(0);
  std::uint64_t by_first = 0, by_second = 0;
  for (int i = 0; i < 2000; i++) {
    const Packet p{.source_port = static_cast<std::uint16_t>(30000 + i % 7)};
    const auto turn = replay.next(p);
    const auto lost = [&](int r, double share) {
      return fl_lost(fl_random(seeds[r], FL_STREAM_LOSS + turn.stream, turn.key, turn.number),
                     std::llround(share * 0x1p32)) != 0;
    };
    const bool first = lost(0, 0.3), second = !first && lost(1, 0.4);
    by_first += first;
    by_second += second;
    ASSERT_EQ(play(p), first || second ? Way::dropped : Way::straight) << i;
  }
  EXPECT_EQ(programs->tally(0).dropped, by_first);
  EXPECT_EQ(programs->tally(1).dropped, by_second);
  EXPECT_EQ(programs->tally(1).matched, 2000 - by_first) << "a lost packet meets no further rule";
  EXPECT_EQ(programs->tally(0).composed, 2000u);
}

TEST_P(Player, AFaultsTwoRulesActOnce) {
  const faults::Window late{100 * kSecond, 200 * kSecond};
  load({rule(steady(late, kSecond), 5, 1, late), rule(steady(kHour, 2 * kSecond), 5),
        rule(steady(kHour, 3 * kSecond), 6)});
  EXPECT_EQ(play(Packet{}), Way::held);
  EXPECT_EQ(stamp.hold, ticks(5 * kSecond)) << "the fault's first rule is not in force yet";
  programs->set_time(150 * kSecond);
  EXPECT_EQ(play(Packet{.source_port = 1}), Way::held);
  EXPECT_EQ(stamp.hold, ticks(4 * kSecond));
  EXPECT_EQ(programs->tally(0).matched, 1u);
  EXPECT_EQ(programs->tally(1).matched, 1u);
  EXPECT_EQ(programs->tally(2).matched, 2u);
}

// ---- delay ----

TEST_P(Player, DelaysAdd) {
  load({rule(steady(kHour, 100 * kMillisecond), 0), rule(steady(kHour, 2 * kSecond + 77), 1),
        rule(steady(kHour, 30 * kSecond), 2)});
  const Ns before = monotonic_now();
  EXPECT_EQ(play(Packet{}), Way::held);
  const Ns after = monotonic_now(), delay = 32 * kSecond + 100 * kMillisecond + 77;
  EXPECT_EQ(stamp.hold, ticks(delay));
  EXPECT_EQ(stamp.flags, 0);
  EXPECT_LE(stamp.due - ticks(before + delay), ticks(after + delay) - ticks(before + delay));
  for (std::uint32_t r = 0; r < 3; r++) EXPECT_EQ(programs->tally(r).delayed, 1u);
  expect_share(0, {100 * kMillisecond});
  expect_share(1, {2 * kSecond + 77});
  expect_share(2, {30 * kSecond});
}

TEST_P(Player, AShareIsForgottenWithAPacketThatAnotherRuleDrops) {
  load({rule(steady(kHour, kSecond), 0), rule(steady(kHour, 0, 0, 1), 1)});
  EXPECT_EQ(play(Packet{}), Way::dropped);
  expect_share(0, {});
  const faults::Window ten{0, 10 * kSecond};
  load({rule(steady(ten, kSecond), 0, 1, ten), rule(steady(kHour, 2 * kSecond), 1)});
  EXPECT_EQ(play(Packet{}), Way::held);
  programs->set_time(11 * kSecond);
  EXPECT_EQ(play(Packet{.source_port = 1}), Way::held) << "by the second rule alone: the first is over";
  expect_share(0, {kSecond});
  expect_share(1, {2 * kSecond, 2 * kSecond});
}

TEST_P(Player, TheWaitForOrderIsNotTheFaultsOwnShare) {
  faults::Channel channel = steady(kHour, 0);
  faults::add_step(channel.delay, {0, 10 * kSecond}, static_cast<double>(20 * kSecond));
  faults::add_step(channel.delay, {10 * kSecond, kHour.end}, static_cast<double>(kMillisecond));
  load({rule(channel)});
  programs->set_time(9 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::held);
  programs->set_time(11 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::held);
  EXPECT_GT(stamp.hold, ticks(10 * kSecond)) << "behind the first";
  expect_share(0, {20 * kSecond, kMillisecond});
}

TEST_P(Player, NothingIsHeldLongerThanAStampCanSay) {
  load({rule(steady(kHour, 100 * kSecond), 0), rule(steady(kHour, 100 * kSecond), 1)});
  EXPECT_EQ(play(Packet{}), Way::held);
  EXPECT_EQ(stamp.hold, ticks(static_cast<Ns>(FL_MAX_HOLD_NS)));
}

TEST_P(Player, ARulesEndCutsTheHold) {
  const faults::Window ten{0, 10 * kSecond};
  load({rule(steady(ten, 5 * kSecond), 0, 1, ten)});
  programs->set_time(4 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::held);
  EXPECT_EQ(stamp.hold, ticks(5 * kSecond));
  EXPECT_EQ(stamp.flags, 0);
  programs->set_time(8 * kSecond);
  EXPECT_EQ(play(Packet{.source_port = 1}), Way::held);
  EXPECT_EQ(stamp.due, due_of(10 * kSecond));
  EXPECT_EQ(stamp.flags, FL_STAMP_CUT);
  EXPECT_EQ(programs->tally(0).released_at_end, 1u);
  EXPECT_EQ(programs->tally(0).delayed, 2u);
}

TEST_P(Player, TheSumEndsWithTheLastOfItsRules) {
  const faults::Window ten{0, 10 * kSecond}, twenty{0, 20 * kSecond};
  load({rule(steady(ten, 5 * kSecond), 0, 1, ten), rule(steady(twenty, 3 * kSecond), 1, 1, twenty)});
  programs->set_time(8 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::held);  // until 10 s by the first, 3 s more by the second
  EXPECT_EQ(stamp.due, due_of(13 * kSecond));
  EXPECT_EQ(stamp.flags, FL_STAMP_CUT);
  load({rule(steady(ten, 4 * kSecond), 0, 1, ten), rule(steady(ten, 4 * kSecond), 1, 1, ten)});
  programs->set_time(5 * kSecond);
  EXPECT_EQ(play(Packet{}), Way::held);  // neither alone passes the end, the sum does
  EXPECT_EQ(stamp.due, due_of(10 * kSecond));
  EXPECT_EQ(stamp.flags, FL_STAMP_CUT);
}

TEST_P(Player, JitterIsWhatChanceSays) {
  faults::Channel channel = steady(kHour, 200 * kMillisecond, 300 * kMillisecond);
  channel.free_order = true;
  const std::uint64_t seed = 99;
  load({rule(channel, 0, seed)});
  FlowReplay replay(0);
  for (int i = 0; i < 2000; i++) {
    const Packet p{.source_port = static_cast<std::uint16_t>(30000 + i % 5)};
    const auto turn = replay.next(p);
    const Ns drawn =
        200 * kMillisecond +
        fl_jitter(fl_random(seed, FL_STREAM_JITTER + turn.stream, turn.key, turn.number), 300 * kMillisecond);
    const Way way = play(p);
    ASSERT_EQ(way, drawn > 0 ? Way::held : Way::straight) << i;
    if (drawn > 0) {
      ASSERT_EQ(stamp.hold, ticks(drawn)) << i;
    }
  }
}

TEST_P(Player, InFlowOrderADueNeverGoesBack) {
  const std::uint64_t seed = 42;
  load({rule(steady(kHour, 300 * kMillisecond, 300 * kMillisecond), 0, seed)});
  FlowReplay replay(0);
  std::array<std::uint32_t, 4> last{};
  std::array<bool, 4> seen{};
  std::uint64_t waited = 0;
  for (std::size_t i = 0; i < 1000; i++) {
    const std::size_t flow = i % 4;
    const Packet p{.source_port = static_cast<std::uint16_t>(30000 + flow)};
    const auto turn = replay.next(p);
    const Ns drawn =
        300 * kMillisecond +
        fl_jitter(fl_random(seed, FL_STREAM_JITTER + turn.stream, turn.key, turn.number), 300 * kMillisecond);
    const Ns before = monotonic_now();
    ASSERT_EQ(play(p), Way::held);
    const Ns after = monotonic_now();
    if (seen[flow]) {
      ASSERT_GE(static_cast<std::int32_t>(stamp.due - last[flow]), 0) << i;
      if (stamp.due == last[flow]) waited++;
    }
    if (!seen[flow] || stamp.due != last[flow]) {  // its own draw
      ASSERT_GE(static_cast<std::int32_t>(stamp.due - ticks(before + drawn)), 0);
      ASSERT_GE(static_cast<std::int32_t>(ticks(after + drawn) - stamp.due), 0);
    }
    seen[flow] = true;
    last[flow] = stamp.due;
  }
  EXPECT_GT(waited, 500u) << "most draws lie before the one that went before";
}

TEST_P(Player, WhatFollowsAHeldPacketDoesNotOvertakeIt) {
  const faults::Window ten{0, 10 * kSecond};
  load({rule(steady(ten, 5 * kSecond), 0, 1, ten)});
  programs->set_time(8 * kSecond);
  ASSERT_EQ(play(Packet{}), Way::held);
  const std::uint32_t due = stamp.due;
  programs->set_time(11 * kSecond);  // the rule is over, the packet is not back yet
  EXPECT_EQ(play(Packet{}), Way::held);
  EXPECT_EQ(stamp.due, due);
  EXPECT_EQ(play(Packet{.source_port = 1}), Way::straight) << "another flow";
  EXPECT_EQ(
      play(Packet{.source = "10.0.0.2", .destination = "10.0.0.1", .source_port = 7000, .destination_port = 5000}),
      Way::straight)
      << "the other direction";
  EXPECT_EQ(programs->flight().line_in, 2u);
}

// ---- segmentation ----

TEST_P(Player, ABigPacketThatMeetsChanceIsSplitFirst) {
  Packet p{.l4 = L4::tcp, .payload = 2500};
  load({rule(steady(kHour, 0, 0, 0.5))});
  EXPECT_EQ(play(build(p), 1000), Way::split);
  EXPECT_EQ(packets, 3u);
  EXPECT_EQ(programs->flight().split_in, 3u);
  p.payload = 500;
  EXPECT_EQ(play(p), Way::split) << "it follows packets that are still in the splitter";
  p.payload = 1000;
  for (int i = 0; i < 4; i++) {
    const Way way = play(build(p), 0, "play_split");
    EXPECT_TRUE(way == Way::dropped || way == Way::straight);
  }
  EXPECT_EQ(programs->flight().split_out, 4u);
  EXPECT_NE(play(p), Way::split) << "the splitter is empty again";
}

TEST_P(Player, ABigPacketThatMeetsNoChanceStaysWhole) {
  const Packet p{.l4 = L4::tcp, .payload = 2500};
  load({rule(steady(kHour, 0, 0, 1))});
  EXPECT_EQ(play(build(p), 1000), Way::dropped);
  EXPECT_EQ(programs->tally(0).dropped, 3u) << "counted as on the wire";
  load({rule(steady(kHour, kSecond))});
  EXPECT_EQ(play(build(p), 1000), Way::held);
  EXPECT_EQ(programs->tally(0).delayed, 3u);
  Packet v6{.source = "fd00::1", .destination = "fd00::2", .payload = 1001};
  EXPECT_EQ(play(build(v6), 500), Way::held);
  EXPECT_EQ(packets, 3u);
}

// ---- the pen's own ----

TEST_P(Player, WhatTheSelectorDidNotSendIsDropped) {
  load({rule(steady(kHour, kSecond))});
  for (const char* program : {"play_arrival", "play_split"}) {
    EXPECT_EQ(programs->play(program, {.frame = build({})}).verdict, kDrop);
  }
  EXPECT_EQ(programs->site_tally().alien, 2u);
  EXPECT_EQ(programs->play("from_line", {.frame = build({})}).verdict, kDrop);
  EXPECT_EQ(programs->flight().line_out, 0u);
}

TEST_P(Player, WhatReturnsFromTheLineIsBooked) {
  load({rule(steady(kHour, kSecond))});
  Frame frame = build({});
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = kSlot, .hold = 5, .due = 7});
  const Skb run = programs->play("from_line", {.frame = frame});
  EXPECT_EQ(run.verdict, kRedirect);
  EXPECT_EQ(run.frame, frame) << "the return needs the stamp";
  EXPECT_EQ(programs->flight().line_out, 1u);
}

TEST_P(Player, BooksBalance) {
  std::vector<Rule> rules;
  for (std::uint32_t i = 0; i < 64; i++) {
    const faults::Window window{(i % 16) * kSecond, (20 + i % 16) * kSecond};
    rules.push_back(rule(steady(window, (i % 3) * 10 * kMillisecond, (i % 5) * kMillisecond, i % 7 == 0 ? 0.05 : 0),
                         i / 2, i + 1, window));
  }
  load(rules);
  std::mt19937 random(3);
  std::array<std::uint64_t, 4> ways{};
  std::uint64_t wire = 0;
  for (int i = 0; i < 3000; i++) {
    programs->set_time(static_cast<Ns>(random() % 40) * kSecond + 500 * kMillisecond);
    const Packet p{.l4 = L4::tcp, .source_port = static_cast<std::uint16_t>(random()), .payload = random() % 2500};
    const Way way = play(build(p), random() % 2 != 0 ? 700 : 0);
    ways[static_cast<std::size_t>(way)]++;
    wire += packets;
    if (way != Way::split) continue;
    for (auto left = packets; left != 0; left--) ways[static_cast<std::size_t>(play(build(p), 0, "play_split"))]++;
  }
  for (const auto n : ways) EXPECT_GT(n, 0u);
  EXPECT_EQ(books.arrived, wire);
  EXPECT_EQ(books.split_in, books.split_out);
  EXPECT_EQ(books.arrived, books.dropped + books.straight + books.held);
  std::uint64_t dropped = 0;
  for (std::uint32_t i = 0; i < 64; i++) dropped += programs->tally(i).dropped;
  EXPECT_EQ(dropped, books.dropped) << "each drop is charged to one rule";
  EXPECT_EQ(programs->flight().line_in, books.held);
}

FAULTLINE_WITH_BOTH_ENGINES(Player);

}  // namespace
}  // namespace faultline::test
