// The rarer effects of a channel, packet by packet, against what chance and the clock say natively: distributions and
// correlation of jitter, bursts, shares of connections and clients, damage, reordering, rate, and turns.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "faults/distribution.h"
#include "tests/packet/player_bed.h"

namespace faultline::test {
namespace {

using faults::JitterShape;

struct Channels : PlayerBed {
  static void step(faults::Track& track, double value) { faults::add_step(track, kHour, value); }
  static bool drawn(std::uint64_t seed, std::uint32_t stream, const FlowReplay::Turn& turn, double chance) {
    return fl_lost(fl_random(seed, stream + turn.stream, turn.key, turn.number), std::llround(chance * 0x1p32)) != 0;
  }
  /// The hold of `count` packets of some flows, in ns; 0 of one that went straight back.
  std::vector<double> holds(int count) {
    std::vector<double> out;
    for (int i = 0; i < count; i++) {
      const Way way = play(Packet{.source_port = static_cast<std::uint16_t>(30000 + i % 16)});
      out.push_back(way == Way::held ? static_cast<double>(static_cast<std::uint64_t>(stamp.hold) << FL_TICK_SHIFT)
                                     : 0.0);
    }
    return out;
  }
};

/// The greatest distance between the sample's distribution and that of max(0, delay + jitter * quantile): Kolmogorov
/// and Smirnov.
double distance(std::vector<double> sample, const std::function<double(double)>& quantile, double delay,
                double jitter) {
  std::sort(sample.begin(), sample.end());
  if (sample.empty() || sample.back() == 0) return 1;  // nothing was held at all
  double worst = 0;
  const auto n = static_cast<double>(sample.size());
  for (std::size_t i = 0; i < sample.size(); i += 7) {
    if (sample[i] == 0) continue;
    double low = 0, high = 1;
    for (int step = 0; step < 40; step++) {
      const double middle = (low + high) / 2;
      (delay + jitter * quantile(middle) < sample[i] ? low : high) = middle;
    }
    worst = std::max(worst, std::abs(low - static_cast<double>(i) / n));
  }
  return worst;
}

TEST_P(Channels, ABlackHoleTakesOfABundleWhatIsLonger) {
  faults::Channel hole = steady(kHour, 0, 0, 1);
  hole.above = 1400;
  load({rule(hole), rule(steady(kHour, kSecond), 1)});
  Packet bundle{.l4 = L4::tcp, .payload = 2 * 1360};
  EXPECT_EQ(play(build(bundle), 1360), Way::held) << "none of them is too long: it stays whole";
  bundle.payload = 2 * 1400 + 100;
  EXPECT_EQ(play(build(bundle), 1400), Way::split);
  for (const auto& [payload, way] : {std::pair{1400, Way::dropped}, {1400, Way::dropped}, {100, Way::held}}) {
    bundle.payload = static_cast<std::size_t>(payload);
    EXPECT_EQ(play(build(bundle), 0, "play_split"), way) << payload;
  }
  EXPECT_EQ(programs->tally(0).dropped, 2u);
  EXPECT_EQ(programs->tally(0).matched, 2u);
  EXPECT_EQ(programs->tally(1).delayed, 2u + 1u);
}

TEST_P(Channels, JitterHasTheDistributionAsked) {
  for (const JitterShape shape :
       {JitterShape::uniform, JitterShape::normal, JitterShape::pareto, JitterShape::pareto_normal}) {
    SCOPED_TRACE(static_cast<int>(shape));
    faults::Channel channel =
        steady(kHour, 50 * kMillisecond, 30 * kMillisecond);  // the normal one is clamped at 0 now and then
    channel.shape = shape;
    channel.free_order = true;
    load({rule(channel, 0, 5)});
    EXPECT_LE(distance(
                  holds(100'000), [&](double p) { return faults::quantile(shape, p); }, 50e6, 30e6),
              0.01);
  }
}

TEST_P(Channels, JitterHasTheDistributionOfATable) {
  std::vector<double> values;  // a link that was measured: log-normal, some thousand values
  for (int i = 0; i < 5000; i++) values.push_back(std::exp(faults::normal_quantile((i + 0.5) / 5000)) - 1.5);
  faults::Channel channel = steady(kHour, 50 * kMillisecond, 20 * kMillisecond);
  channel.shape = JitterShape::table;
  channel.free_order = true;
  channel.table = std::make_shared<const std::vector<double>>(values);
  load({rule(channel, 0, 5)});
  EXPECT_LE(distance(
                holds(100'000), [&](double p) { return values[static_cast<std::size_t>(p * 4999.999)]; }, 50e6, 20e6),
            0.01);

  channel.table = std::make_shared<const std::vector<double>>(std::vector{-1.0, 3.0});  // two ways of different length
  load({rule(channel, 0, 5)});
  int shorter = 0, longer = 0;
  for (const double hold : holds(10'000)) {
    shorter += std::abs(hold - 30e6) < 100;
    longer += std::abs(hold - 110e6) < 100;
  }
  EXPECT_NEAR(shorter, 5000, 130) << "99 %";
  EXPECT_GE(shorter + longer, 9990) << "nothing between the two";
}

TEST_P(Channels, CorrelatedJitterKeepsItsDistribution) {
  for (const JitterShape shape : {JitterShape::uniform, JitterShape::normal}) {
    faults::Channel channel = steady(kHour, 200 * kMillisecond, 40 * kMillisecond);
    channel.shape = shape;
    channel.free_order = true;
    channel.correlation = 0.5;
    load({rule(channel, 0, 6)});
    const std::vector<double> sample = holds(50'000);
    double products = 0, squares = 0;
    for (std::size_t i = 1; i < sample.size(); i++) {
      products += (sample[i] - 200e6) * (sample[i - 1] - 200e6);
      squares += (sample[i] - 200e6) * (sample[i] - 200e6);
    }
    // Of Gaussians r; of their shares (6 / pi) asin(r / 2).
    const double expected = shape == JitterShape::normal ? 0.5 : 6 / M_PI * std::asin(0.25);
    EXPECT_NEAR(products / squares, expected, 0.02);
    EXPECT_LE(distance(
                  sample, [&](double p) { return faults::quantile(shape, p); }, 200e6, 40e6),
              0.015)
        << "fewer independent draws than packets";
  }
}

TEST_P(Channels, BurstsAreTheChainThatChanceSteps) {
  constexpr std::uint64_t kSeed = 31;
  const faults::Bursts bursts{0.02, 0.25, 0.01, 0.9};
  faults::Channel channel;
  step(channel.loss, 1);
  channel.bursts = bursts;
  load({rule(channel, 0, kSeed)});
  FlowReplay replay(0);
  bool bad = false;
  int lost_in_all = 0, in_bad = 0;
  const auto fixed = [](double p) { return std::llround(p * 0x1p32); };
  for (std::uint32_t i = 0; i < 20'000; i++) {
    const Packet p{.source_port = static_cast<std::uint16_t>(30000 + i % 5)};
    const auto turn = replay.next(p);
    if (fl_lost(fl_random(kSeed, FL_STREAM_CHAIN, 0, i), fixed(bad ? bursts.leave : bursts.enter))) bad = !bad;
    in_bad += bad;
    const bool lost = drawn(kSeed, FL_STREAM_CHAIN_LOSS, turn, bad ? bursts.bad : bursts.good);
    lost_in_all += lost;
    ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight) << i;
  }
  EXPECT_NEAR(in_bad / 20'000.0, 0.02 / 0.27, 0.01);
  EXPECT_NEAR(lost_in_all / 20'000.0, 0.9 * 0.0741 + 0.01 * 0.9259, 0.01);
}

TEST_P(Channels, AShareOfTheConnectionsIsDeadAndStaysSo) {
  constexpr std::uint64_t kSeed = 8;
  faults::Channel channel;
  step(channel.flows, 0.2);
  load({rule(channel, 0, kSeed)});
  FlowReplay replay(0);
  int dead = 0;
  for (int i = 0; i < 2000; i++) {
    Packet p{.l4 = L4::tcp,
             .source_port = static_cast<std::uint16_t>(20000 + i),
             .destination_port = 443,
             .tcp_flags = 0x02};
    p.sequence = static_cast<std::uint32_t>(i * 7919);
    const auto turn = replay.next(p);
    const bool lost = fl_lost(fl_random(kSeed, FL_STREAM_FLOWS, turn.key, 0), std::llround(0.2 * 0x1p32)) != 0;
    dead += lost;
    ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight) << i;
    p.tcp_flags = 0x10;
    ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight) << "the next packet of it";
    std::swap(p.source, p.destination);
    std::swap(p.source_port, p.destination_port);
    ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight) << "and the answer";
  }
  EXPECT_NEAR(dead, 400, 46) << "99 % interval of 2,000 draws";
}

TEST_P(Channels, AShareOfTheClientsIsCutOffWhateverTheyOpen) {
  constexpr std::uint64_t kSeed = 9;
  faults::Channel channel;
  step(channel.clients, 0.4);
  load({rule(channel, 0, kSeed)});
  FlowReplay replay(0);
  int cut = 0;
  for (int i = 0; i < 200; i++) {
    std::optional<bool> first;
    for (int connection = 0; connection < 5; connection++) {
      Packet p{.source = "10.1.0." + std::to_string(1 + i), .l4 = L4::tcp, .tcp_flags = 0x02};
      p.source_port = static_cast<std::uint16_t>(20000 + connection * 211 + i);
      p.sequence = static_cast<std::uint32_t>(1 + connection + i * 10);
      const auto turn = replay.next(p);
      const bool lost = fl_lost(fl_random(kSeed, FL_STREAM_CLIENTS, turn.client, 0), std::llround(0.4 * 0x1p32)) != 0;
      if (first) {
        EXPECT_EQ(lost, *first);
      }
      first = lost;
      ASSERT_EQ(play(p), lost ? Way::dropped : Way::straight);
    }
    cut += *first;
  }
  EXPECT_NEAR(cut, 80, 18) << "99 % interval of 200 draws";
}

TEST_P(Channels, DamageAndWhoMeetsIt) {
  for (const bool valid : {false, true}) {
    constexpr std::uint64_t kSeed = 10;
    faults::Channel channel;
    step(channel.corrupt, 0.1);
    channel.valid_checksum = valid;
    load({rule(channel, 0, kSeed)});
    FlowReplay replay(0);
    std::uint64_t hit = 0;
    for (int i = 0; i < 2000; i++) {
      const Packet p{.source_port = static_cast<std::uint16_t>(30000 + i % 3)};
      const bool damaged = drawn(kSeed, FL_STREAM_CORRUPT, replay.next(p), 0.1);
      hit += damaged;
      programs->flight().line_out = programs->flight().line_in;  // as if the line had given back what it got
      const Way way = play(p);
      if (damaged) {
        ASSERT_EQ(way, Way::held) << "the line does it";
        ASSERT_EQ(stamp.flags, FL_STAMP_FLIP | (valid ? FL_STAMP_VALID : 0));
      } else if (way == Way::held) {
        ASSERT_EQ(stamp.flags, 0) << "it waits for a damaged one";
      }
    }
    EXPECT_EQ(programs->tally(0).corrupted, hit);
    EXPECT_EQ(programs->tally(0).dropped, 0u);
    EXPECT_GT(hit, 150u);
  }
}

TEST_P(Channels, AReorderedPacketSkipsItsDelay) {
  constexpr std::uint64_t kSeed = 12;
  faults::Channel channel = steady(kHour, kSecond);
  step(channel.reorder, 0.25);
  load({rule(channel, 0, kSeed)});
  FlowReplay replay(0);
  std::uint64_t ahead = 0;
  for (int i = 0; i < 2000; i++) {
    const Packet p{.source_port = static_cast<std::uint16_t>(30000 + i % 3)};
    const bool skips = drawn(kSeed, FL_STREAM_REORDER, replay.next(p), 0.25);
    ahead += skips;
    ASSERT_EQ(play(p), skips ? Way::straight : Way::held) << i;
  }
  EXPECT_EQ(programs->tally(0).reordered, ahead);
  EXPECT_EQ(programs->tally(0).delayed, 2000 - ahead);
}

// ---- rate ----

TEST_P(Channels, ARateSendsOnePacketAfterTheOther) {
  faults::Channel channel;
  step(channel.rate, 1e4);  // so slow that nothing is sent while a busy machine plays the next
  channel.queue_time = 10 * kSecond;
  load({rule(channel)});
  const Frame frame = build(Packet{.payload = 958});  // 14 + 20 + 8 + 958 = 1000 bytes: 800 ms
  ASSERT_EQ(frame.size(), 1000u);
  std::uint32_t last = 0;
  int sent = 0, dropped = 0;
  for (int i = 0; i < 40; i++) {
    const Way way = play(frame);
    if (way == Way::dropped) {
      dropped++;
      continue;
    }
    ASSERT_EQ(way, Way::held);
    if (sent++ > 0) {
      ASSERT_NEAR(stamp.due - last, ticks(800 * kMillisecond), 1) << i;
    }
    last = stamp.due;
  }
  EXPECT_GE(sent, 13) << "what is being sent, and 10 s of queue";
  EXPECT_LE(sent, 16);
  EXPECT_EQ(programs->tally(0).queue_dropped, static_cast<std::uint64_t>(dropped));
  EXPECT_EQ(programs->tally(0).paced, static_cast<std::uint64_t>(sent))
      << "the first by the 800 ms that it takes itself";
  EXPECT_EQ(programs->tally(0).dropped, 0u) << "a full queue is no loss by chance";
  EXPECT_EQ(books.dropped, static_cast<std::uint64_t>(dropped));
}

TEST_P(Channels, ARateThatIsNotReachedPacesNothing) {
  faults::Channel channel;
  step(channel.rate, 1e9);
  channel.queue_time = 100 * kMillisecond;
  load({rule(channel)});
  for (int i = 0; i < 5; i++) {
    ASSERT_EQ(play(Packet{.payload = 100}), Way::held);
    usleep(1000);  // it is sent within a microsecond or two
  }
  EXPECT_EQ(programs->tally(0).delayed, 5u);
  EXPECT_EQ(programs->tally(0).paced, 0u);
}

TEST_P(Channels, AQueueMayBeBoundedInBytes) {
  faults::Channel channel;
  step(channel.rate, 1e3);
  channel.queue_bytes = 5000;
  load({rule(channel)});
  const Frame frame = build(Packet{.payload = 958});
  int sent = 0;
  for (int i = 0; i < 20; i++) sent += play(frame) == Way::held;
  EXPECT_EQ(sent, 6) << "five of 1,000 bytes wait for the one that is being sent";
}

TEST_P(Channels, TheLowestRateOwnsThePacket) {
  faults::Channel fast, slow;
  step(fast.rate, 1e5);
  step(slow.rate, 1e4);
  fast.queue_time = slow.queue_time = 10 * kSecond;
  load({rule(fast, 0), rule(slow, 1)});
  const Frame frame = build(Packet{.payload = 958});
  ASSERT_EQ(play(frame), Way::held);
  const std::uint32_t first = stamp.due;
  ASSERT_EQ(play(frame), Way::held);
  EXPECT_NEAR(stamp.due - first, ticks(800 * kMillisecond), 1);
  EXPECT_EQ(programs->tally(0).matched, 2u);
  EXPECT_EQ(programs->tally(0).delayed, 0u);
  EXPECT_EQ(programs->tally(1).delayed, 2u);
  EXPECT_EQ(programs->tally(0).paced, 0u);
  EXPECT_EQ(programs->tally(1).paced, 2u);
}

TEST_P(Channels, EachFaultThatDuplicatesAddsACopy) {
  faults::Channel always, never;
  step(always.duplicate, 1);
  step(never.loss, 1e-9);
  load({rule(always, 0), rule(never, 1), rule(always, 2)});
  Frame frame = build(Packet{});
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = kSlot, .hold = 0, .due = 0});
  programs->play("play_arrival", {.frame = frame});
  EXPECT_EQ(programs->ledger(kSlot).held, 3u) << "itself, and a copy by each of the two";
  EXPECT_EQ(programs->tally(0).duplicated, 1u);
  EXPECT_EQ(programs->tally(1).duplicated, 0u);
  EXPECT_EQ(programs->tally(2).duplicated, 1u);
}

TEST_P(Channels, RateAndDelayOfOneRuleCountAPacketOnce) {
  faults::Channel channel = steady(kHour, kSecond);
  step(channel.rate, 1e6);
  channel.queue_time = kSecond;
  load({rule(channel)});
  std::uint64_t most = 0, shares = 0;
  for (int i = 0; i < 5; i++) {
    ASSERT_EQ(play(Packet{}), Way::held);
    most = std::max<std::uint64_t>(most, stamp.hold);
  }
  EXPECT_EQ(programs->tally(0).delayed, 5u);
  const fl_histogram own = programs->histogram(0, FL_APPLIED);
  for (std::uint32_t i = fl_bucket(ticks(kSecond)); i <= fl_bucket(most); i++) shares += own.bucket[i];
  EXPECT_EQ(shares, 5u) << "delay and the wait for the rate are one share of the fault's";
}

TEST_P(Channels, WhatTheQueueDropsWasNotDelayed) {
  faults::Channel channel = steady(kHour, kSecond);
  step(channel.rate, 1e3);
  channel.queue_bytes = 2000;
  load({rule(channel)});
  const Frame frame = build(Packet{.payload = 958});
  std::uint64_t held = 0;
  for (int i = 0; i < 10; i++) held += play(frame) == Way::held;
  ASSERT_EQ(held, 3u) << "two of 1,000 bytes wait for the one that is being sent";
  EXPECT_EQ(programs->tally(0).delayed, held);
  EXPECT_EQ(programs->tally(0).queue_dropped, 10 - held);
}

TEST_P(Channels, ALargePacketMeetsItsRateInPieces) {
  faults::Channel channel;
  step(channel.rate, 1e6);
  channel.queue_time = kSecond;
  load({rule(channel)});
  EXPECT_EQ(play(build(Packet{.l4 = L4::tcp, .payload = 2500}), 1000), Way::split);
}

// ---- turns ----

TEST_P(Channels, OnlyATurnIsDelayed) {
  faults::Channel channel = steady(kHour, 200 * kMillisecond);
  channel.turns = true;
  load({rule(channel)});
  const auto segment = [&](bool from_client, std::uint8_t flags, std::size_t payload) {
    Packet p{.source = "10.0.0.1",
             .destination = "10.0.0.2",
             .l4 = L4::tcp,
             .source_port = 40000,
             .destination_port = 80,
             .tcp_flags = flags,
             .payload = payload};
    if (!from_client) {
      std::swap(p.source, p.destination);
      std::swap(p.source_port, p.destination_port);
    }
    return play(p);
  };
  const auto fresh = [&] { return stamp.hold == ticks(200 * kMillisecond); };
  EXPECT_EQ(segment(true, 0x02, 0), Way::held) << "SYN";
  EXPECT_TRUE(fresh());
  EXPECT_EQ(segment(false, 0x12, 0), Way::held) << "SYN, ACK";
  EXPECT_TRUE(fresh());
  EXPECT_EQ(segment(true, 0x10, 100), Way::held) << "the request";
  EXPECT_TRUE(fresh());
  EXPECT_EQ(segment(true, 0x10, 1400), Way::held) << "goes on: right behind, no later";
  EXPECT_FALSE(fresh());
  EXPECT_EQ(segment(false, 0x10, 0), Way::held)
      << "an acknowledgement waits for the SYN, ACK before it, and for no more";
  EXPECT_FALSE(fresh());
  EXPECT_EQ(segment(false, 0x10, 500), Way::held) << "the answer";
  EXPECT_TRUE(fresh());
  EXPECT_EQ(programs->tally(0).delayed, 4u);
}

TEST_P(Channels, TurnsOfOneWayAlone) {
  faults::Channel channel = steady(kHour, 200 * kMillisecond);
  channel.turns = true;
  channel.turns_out = false;  // the slot of these frames is one of egress
  load({rule(channel)});
  EXPECT_EQ(play(Packet{}), Way::straight);
  EXPECT_EQ(programs->tally(0).matched, 0u);
}

FAULTLINE_WITH_BOTH_ENGINES(Channels);

}  // namespace
}  // namespace faultline::test
