// The rarer effects of a channel as real traffic meets them: what the receiver's kernel and its application see.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/harness/engines.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

class ChannelsTest : public EngineTest {
 protected:
  static Rule with(std::function<void(faults::Channel&)> more, const char* protocol = "udp", bool ingress = false) {
    Rule rule;
    rule.protocol = protocol;  // multicast listener reports and the like would be counted too
    rule.ingress = ingress;
    rule.more = std::move(more);
    return rule;
  }
  static void step(faults::Track& track, double value) { faults::add_step(track, kAlways, value); }
  /// `judge` gets the counts of the rule.
  void play(const Rule& rule, const std::function<void(Bed&)>& traffic,
            const std::function<void(Bed&, const faults::Account&)>& judge) {
    Bed bed;
    bed.play({rule}, GetParam());
    traffic(bed);
    const auto counts = bed.finish();
    EXPECT_TRUE(bed.failures.empty());
    EXPECT_EQ(counts[0].undelivered.total(), 0u);
    judge(bed, counts[0]);
  }
  /// The same with a stream from `here` to `there`.
  void play(const Rule& rule, const Stream& stream,
            const std::function<void(const Arrivals&, const faults::Account&)>& judge) {
    Arrivals got;
    play(
        rule, [&](Bed& bed) { got = send_stream(bed.near(5000), bed.far(7000), stream); },
        [&](Bed&, const faults::Account& c) { judge(got, c); });
  }
};

TEST_P(ChannelsTest, DuplicatesArrive) {
  play(with([](faults::Channel& c) { step(c.duplicate, 0.1); }),
       Stream{.count = 20'000, .gap = kMillisecond, .together = 10, .extra = 20'000},
       [](const Arrivals& got, const faults::Account& c) {
         EXPECT_EQ(got.lost().size(), 0u);
         EXPECT_EQ(got.all.size(), got.asked + c.duplicated);
         EXPECT_TRUE(plausible(c.duplicated, got.asked, 0.1)) << c.duplicated;
       });
}

TEST_P(ChannelsTest, DamageWithABrokenChecksumIsDroppedByTheReceiver) {
  Arrivals got;
  std::uint64_t errors = 0;
  play(
      with([](faults::Channel& c) { step(c.corrupt, 0.05); }),
      [&](Bed& bed) {
        const auto before = protocol_counter(bed.there, "Udp", "InCsumErrors");
        got = send_stream(bed.near(5000), bed.far(7000),
                          {.count = 20'000, .size = 300, .gap = kMillisecond, .together = 10});
        errors = protocol_counter(bed.there, "Udp", "InCsumErrors") - before;
      },
      [&](Bed&, const faults::Account& c) {
        EXPECT_EQ(got.damaged, 0u);
        EXPECT_EQ(errors, c.corrupted);
        EXPECT_EQ(got.lost().size(), c.corrupted);
        EXPECT_TRUE(plausible(c.corrupted, got.asked, 0.05)) << c.corrupted;
      });
}

TEST_P(ChannelsTest, DamageWithAValidChecksumReachesTheApplication) {
  for (const bool v6 : {false, true}) {
    Arrivals got;
    play(
        with([](faults::Channel& c) {
          step(c.corrupt, 0.05);
          c.valid_checksum = true;
        }),
        [&](Bed& bed) {
          got = send_stream(bed.near(5000, v6), bed.far(7000, v6),
                            {.count = 10'000, .size = 300, .gap = kMillisecond, .together = 10});
        },
        [&](Bed& bed, const faults::Account& c) {
          EXPECT_EQ(protocol_counter(bed.there, "Udp", "InCsumErrors"), 0u);
          // A bit of the number or of the time shows as another packet or another delay, not as damage: 16 of 300
          // bytes.
          EXPECT_TRUE(plausible(c.corrupted, got.asked, 0.05)) << c.corrupted;
          EXPECT_LE(got.damaged, c.corrupted);
          EXPECT_GE(static_cast<double>(got.damaged), 0.85 * static_cast<double>(c.corrupted));
          EXPECT_EQ(got.all.size(), got.asked) << "none is dropped";
        });
  }
}

// TCP must repair what its checksum shows, and deliver what it hides.
TEST_P(ChannelsTest, TcpSurvivesBrokenChecksums) {
  Transferred t;
  play(
      with([](faults::Channel& c) { step(c.corrupt, 0.005); }, "tcp", true),
      [&](Bed& bed) { t = transfer(bed.near(0), bed.far(7000), {.bytes = 10'000'000, .both_ways = true}); },
      [&](Bed& bed, const faults::Account& c) {
        EXPECT_TRUE(t.complete);
        EXPECT_TRUE(t.intact);
        EXPECT_GT(c.corrupted, 10u);
        EXPECT_EQ(
            protocol_counter(bed.there, "Tcp", "InCsumErrors") + protocol_counter(bed.here, "Tcp", "InCsumErrors"),
            c.corrupted);
      });
}

TEST_P(ChannelsTest, ReorderedPacketsOvertakeAndNoneIsLost) {
  Rule rule = with([](faults::Channel& c) { step(c.reorder, 0.1); });
  rule.delay = 50 * kMillisecond;
  play(rule, Stream{.count = 10'000, .gap = kMillisecond, .together = 5},
       [](const Arrivals& got, const faults::Account& c) {
         EXPECT_EQ(got.lost().size(), 0u);
         EXPECT_TRUE(plausible(c.reordered, got.asked, 0.1)) << c.reordered;
         std::size_t early = 0;
         for (const auto& a : got.all) early += a.took < 25 * kMillisecond;
         EXPECT_NEAR(static_cast<double>(early), static_cast<double>(c.reordered),
                     0.02 * static_cast<double>(c.reordered));
         EXPECT_GT(got.overtaken(), 1000u);
       });
}

TEST_P(ChannelsTest, FreeOrderLetsJitterOvertake) {
  Rule rule = with([](faults::Channel& c) { c.free_order = true; });
  rule.delay = rule.jitter = 20 * kMillisecond;
  play(rule, Stream{.count = 5000, .gap = kMillisecond}, [](const Arrivals& got, const faults::Account&) {
    EXPECT_EQ(got.lost().size(), 0u);
    EXPECT_GT(got.overtaken(), 2000u);
    EXPECT_NEAR(static_cast<double>(got.quantile(0.5)), 20e6, 4e6) << "not piled up behind the slowest";
  });
}

TEST_P(ChannelsTest, ARateIsKeptWithinTwoPercent) {
  play(with([](faults::Channel& c) {
         step(c.rate, 8e6);
         c.queue_time = 100 * kMillisecond;
       }),
       Stream{.count = 6000, .size = 1000, .gap = kMillisecond, .together = 2},
       [](const Arrivals& got, const faults::Account& c) {
         EXPECT_EQ(got.lost().size(), c.queue_dropped) << "what the queue had no room for, and nothing else";
         EXPECT_GT(c.queue_dropped, 1000u) << "16 Mbit/s were sent";
         const auto& first = got.all.front();
         const auto& last = got.all.back();
         const double seconds = static_cast<double>(last.sent + last.took - first.sent - first.took) / kSecond;
         const double bits = static_cast<double>(got.all.size() - 1) * (1000 + 8 + 20 + 14) * 8;
         EXPECT_NEAR(bits / seconds, 8e6, 0.02 * 8e6);
         EXPECT_NEAR(static_cast<double>(got.quantile(0.9)), 101e6, 15e6) << "the queue's length is its latency";
       });
}

TEST_P(ChannelsTest, ATcpStreamFillsItsRate) {
  Transferred t;
  play(
      with(
          [](faults::Channel& c) {
            step(c.rate, 50e6);
            c.queue_time = 50 * kMillisecond;
          },
          "tcp"),
      [&](Bed& bed) { t = transfer(bed.near(0), bed.far(7000), {.bytes = 20'000'000}); },
      [&](Bed&, const faults::Account&) {
        EXPECT_TRUE(t.complete);
        EXPECT_TRUE(t.intact);
        const double rate =
            20e6 * 8 / (static_cast<double>(t.took) / kSecond) * (1514.0 / 1448);  // frames of 1,448 bytes of data
        EXPECT_LT(rate, 50e6 * 1.03);
        EXPECT_GT(rate, 50e6 * 0.7) << "slow start and repairs cost a part";
      });
}

// 200 ms for the server's turn: the handshake once, a request and its answer once, however long the answer is.
TEST_P(ChannelsTest, ATurnCostsItsDelayOnce) {
  const auto took = [&](bool turns, std::size_t bytes) {
    Transferred t;
    Rule rule = with([turns](faults::Channel& c) { c.turns = turns, c.turns_in = false; }, "tcp", true);
    if (!turns) rule.ingress = false;
    rule.delay = 200 * kMillisecond;
    play(
        rule, [&](Bed& bed) { t = transfer(bed.far(0), bed.near(7000), {.bytes = bytes}); },
        [&](Bed&, const faults::Account&) { EXPECT_TRUE(t.complete); });
    return t.took;
  };
  const Ns by_packet = took(false, 3'000'000), by_turn = took(true, 3'000'000);
  EXPECT_LT(by_turn, 700 * kMillisecond) << "SYN, ACK once; the rest is acknowledgements, which are nobody's turn";
  EXPECT_GT(by_turn, 200 * kMillisecond);
  EXPECT_GT(by_packet, by_turn + 300 * kMillisecond) << "each window waits for its acknowledgement";
}

FAULTLINE_WITH_BOTH_ENGINES(ChannelsTest);

}  // namespace
}  // namespace faultline::test
