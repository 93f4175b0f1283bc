// Delay, asked and met: never less, measured by the packets themselves; whichever way, family, size and protocol; in
// order, whole, and once each way. A noisy machine may be late, so that upper bounds are generous and hold for medians.
#include <gtest/gtest.h>

#include "tests/harness/asking.h"
#include "tests/harness/engines.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

constexpr Ns kSlack = 250 * kMillisecond;

void expect_delayed(const Arrivals& got, Ns delay) {
  EXPECT_EQ(got.refused, 0u);
  EXPECT_EQ(got.damaged, 0u);
  EXPECT_EQ(got.overtaken(), 0u);
  ASSERT_EQ(got.all.size(), got.asked);
  EXPECT_GE(got.least(), delay - kTooEarly);
  EXPECT_LT(got.quantile(0.5), delay + kSlack);
}

/// Round trips of the icmp probe from `ns`, by the probe's own account.
std::vector<Ns> ping(const NetNs& ns, const std::string& host, std::size_t count = 10, Ns every = 20 * kMillisecond) {
  auto probe = icmp_probe(host);
  probe.every = every;
  std::vector<Ns> times;
  for (const auto& s : ask(probe, ns, static_cast<Ns>(count) * every)) {
    if (s.ok) times.push_back(s.latency);
  }
  std::sort(times.begin(), times.end());
  return times;
}

void expect_pings(const std::vector<Ns>& times, Ns round_trip) {
  ASSERT_EQ(times.size(), 10u);
  EXPECT_GE(times.front(), round_trip - 2 * kTooEarly);
  EXPECT_LT(times[times.size() / 2], round_trip + kSlack);
}

class DelayTest : public EngineTest {};

TEST_P(DelayTest, IsNeverLessThanAsked) {
  for (const Ns delay : {kMillisecond, 10 * kMillisecond, 100 * kMillisecond}) {
    SCOPED_TRACE(delay / kMillisecond);
    Bed bed;
    bed.play({{.delay = delay, .protocol = "udp"}}, GetParam());
    const Stream stream{.count = 200, .gap = kMillisecond};
    for (const bool v6 : {false, true}) {
      expect_delayed(send_stream(bed.near(5000, v6), bed.far(7000, v6), stream), delay);
      expect_delayed(send_stream(bed.far(5000, v6), bed.near(7000, v6), stream), delay);
      const char* lo = v6 ? "::1" : "127.0.0.1";
      expect_delayed(send_stream(bed.at(lo, 5000), bed.at(lo, 7000), stream), delay);
      expect_delayed(send_stream(bed.near(5000, v6), bed.near(7000, v6), stream), delay);  // its own address, over lo
    }
    const auto counts = bed.finish();
    expect_clean(bed, counts);
    EXPECT_EQ(counts[0].delayed, 8 * 200u);
    for (const auto& spread : {counts[0].applied_delay, counts[0].held}) {
      EXPECT_EQ(spread.count, 8 * 200u);
      EXPECT_GE(spread.p50, static_cast<double>(delay) / kMicrosecond * 0.99);
    }
  }
}

TEST_P(DelayTest, OfLargeDatagrams) {
  for (const unsigned mtu : {1500u, 9000u}) {
    SCOPED_TRACE(mtu);
    Bed bed(mtu);
    bed.play({{.delay = 10 * kMillisecond, .protocol = "udp"}}, GetParam());
    for (const bool v6 : {false, true}) {
      SCOPED_TRACE(v6);
      for (const std::size_t size :
           {std::size_t{1400}, std::size_t{mtu - 100}, std::size_t{20000}, std::size_t{60000}}) {
        SCOPED_TRACE(size);
        const Stream stream{.count = 50, .size = size, .gap = 3 * kMillisecond};
        const char* lo = v6 ? "::1" : "127.0.0.1";
        expect_delayed(send_stream(bed.at(lo, 5000), bed.at(lo, 7000), stream), 10 * kMillisecond);
        expect_delayed(send_stream(bed.near(5000, v6), bed.far(7000, v6), stream), 10 * kMillisecond);
        expect_delayed(send_stream(bed.far(5000, v6), bed.near(7000, v6), stream), 10 * kMillisecond);
      }
    }
    expect_clean(bed, bed.finish());
  }
}

TEST_P(DelayTest, OfGsoDatagrams) {
  Bed bed;
  bed.play({{.delay = 10 * kMillisecond, .protocol = "udp"}}, GetParam());
  const Stream stream{.count = 2000, .size = 1400, .gap = 3 * kMillisecond, .together = 40, .gso = true};
  expect_delayed(send_stream(bed.near(5000), bed.far(7000), stream), 10 * kMillisecond);
  expect_delayed(send_stream(bed.far(5000, true), bed.near(7000, true), stream), 10 * kMillisecond);
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_EQ(counts[0].delayed, 4000u);
}

TEST_P(DelayTest, APingTakesItOnceForEachWayThatIsAsked) {
  constexpr Ns kDelay = 80 * kMillisecond;
  const struct {
    bool egress, ingress;
    Ns times;
  } ways[] = {{true, false, 1}, {false, true, 1}, {true, true, 2}};
  for (const auto& way : ways) {
    SCOPED_TRACE(std::to_string(way.egress) + std::to_string(way.ingress));
    Bed bed;
    bed.play({{.delay = kDelay, .egress = way.egress, .ingress = way.ingress}}, GetParam());
    for (const bool v6 : {false, true}) {
      SCOPED_TRACE(v6);
      // From the target, and to it: the probe's socket may lie behind the hold, or before it.
      expect_pings(ping(bed.here, v6 ? "fd07::2" : "10.7.0.2"), way.times * kDelay);
      expect_pings(ping(bed.there, v6 ? "fd07::1" : "10.7.0.1"), way.times * kDelay);
      expect_pings(ping(bed.here, v6 ? "::1" : "127.0.0.1"), 2 * kDelay);  // over lo each packet meets it once
    }
    expect_clean(bed, bed.finish());
  }
}

// To the packet: what is sent from the planned instant on is delayed, in full, or until the fault's end.
TEST_P(DelayTest, BeginsAndEndsWhenPlanned) {
  Bed bed;
  const faults::Window window{300 * kMillisecond, 900 * kMillisecond};
  constexpr Ns kDelay = 50 * kMillisecond;
  bed.play({{.delay = kDelay, .protocol = "udp", .window = window}}, GetParam());
  const auto got = send_stream(bed.near(5000), bed.far(7000), {.count = 6000, .gap = 200 * kMicrosecond});
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  ASSERT_EQ(got.all.size(), got.asked);
  EXPECT_EQ(got.overtaken(), 0u);
  std::size_t within = 0, early = 0;
  for (const auto& a : got.all) {
    const Ns sent = a.sent - bed.epoch();
    if (sent < window.start || sent >= window.end - kMillisecond) continue;
    within++;
    early += a.took < std::min(kDelay, window.end - sent) - kTooEarly;
  }
  ASSERT_GT(within, 500u);
  EXPECT_LE(early, counts[0].passed_by_safety);
  ASSERT_TRUE(counts[0].first_affected.has_value());
  EXPECT_GE(*counts[0].first_affected, window.start);
  EXPECT_LT(*counts[0].last_affected, window.end);
}

// The time that the record gives a packet is part of the time that its receiver measures.
TEST_P(DelayTest, IsRecordedAsTheReceiverSeesIt) {
  for (const Ns delay : {kMillisecond, 30 * kMillisecond}) {
    SCOPED_TRACE(delay / kMillisecond);
    Bed bed;
    bed.play({{.delay = delay, .protocol = "udp"}}, GetParam());
    const auto got = send_stream(bed.near(5000), bed.far(7000), {.count = 1000, .gap = kMillisecond});
    const auto counts = bed.finish();
    expect_clean(bed, counts);
    expect_delayed(got, delay);
    const auto us = [](Ns ns) { return static_cast<double>(ns) / kMicrosecond; };
    const auto& held = counts[0].held;
    const auto& late = counts[0].lateness;
    EXPECT_EQ(counts[0].applied_delay.count, got.all.size());
    EXPECT_NEAR(counts[0].applied_delay.max, us(delay), 0.1) << "what was asked, whatever became of it";
    EXPECT_EQ(held.count, got.all.size());
    EXPECT_EQ(late.count, got.all.size());
    const struct {
      double recorded, late;
      Ns seen;
    } pairs[] = {{held.p50, late.p50, got.quantile(0.5)},
                 {held.p99, late.p99, got.quantile(0.99)},
                 {held.max, late.max, got.quantile(1)}};
    for (const auto& pair : pairs) {
      EXPECT_GE(pair.recorded, us(delay) * 0.99 - 1);
      EXPECT_LE(pair.recorded, us(pair.seen) * 1.01);  // a bucket is 0.8 % wide
      EXPECT_LE(pair.late, us(pair.seen - delay) * 1.01 + 1);
    }
  }
}

TEST_P(DelayTest, OfTwoFaultsAddsUp) {
  Bed bed;
  bed.play({{.delay = 30 * kMillisecond, .protocol = "udp"},
            {.delay = 50 * kMillisecond, .protocol = "udp", .ingress = false}},
           GetParam());
  const Stream stream{.count = 200, .gap = kMillisecond};
  expect_delayed(send_stream(bed.near(5000), bed.far(7000), stream), 80 * kMillisecond);
  const auto in = send_stream(bed.far(5000), bed.near(7000), stream);
  expect_delayed(in, 30 * kMillisecond);
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_EQ(counts[0].delayed, 400u);
  EXPECT_EQ(counts[1].delayed, 200u);
  // Each applied its own delay; what leaves was held for both.
  EXPECT_NEAR(counts[0].applied_delay.p50, 30000, 1);
  EXPECT_NEAR(counts[1].applied_delay.p50, 50000, 1);
  EXPECT_GE(counts[0].held.max, 80000);
  EXPECT_GE(counts[1].held.p50, 80000 * 0.99);
}

// Each packet of a dense flow waits for the slowest before it: that wait is not the fault's own delay.
TEST_P(DelayTest, TellsTheWaitForOrderFromItsOwn) {
  Bed bed;
  bed.play({{.delay = 50 * kMillisecond, .jitter = 50 * kMillisecond, .protocol = "udp"}}, GetParam());
  const auto got = send_stream(bed.near(5000), bed.far(7000), {.count = 2000, .gap = kMillisecond / 2});
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_NEAR(counts[0].applied_delay.p50, 50000, 5000) << "even shares of 0 to 100 ms";
  EXPECT_LE(counts[0].applied_delay.max, 100001);
  EXPECT_GT(counts[0].held.p50, 80000) << "behind the slowest of a hundred others";
}

// Jitter of a flow that keeps its order piles packets up behind the slowest; none may slip through where one episode
// ends and the next begins, nor where the fault does.
TEST_P(DelayTest, KeepsAFlowInOrder) {
  Bed bed;
  bed.keep_order_on_the_wire();
  const faults::Window window{0, 2 * kSecond};
  std::vector<faults::Window> episodes;
  for (Ns at = 100 * kMillisecond; at < window.end; at += 300 * kMillisecond)
    episodes.push_back({at, std::min(at + 150 * kMillisecond, window.end)});
  bed.play({{.delay = 20 * kMillisecond, .jitter = 20 * kMillisecond, .window = window, .episodes = episodes}},
           GetParam());
  const Stream stream{.count = 30000, .size = 200, .gap = kMillisecond, .together = 12};  // past the end
  const auto plain = send_stream(bed.near(5000), bed.far(7000), stream);
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_EQ(plain.overtaken(), 0u);
  EXPECT_EQ(plain.all.size(), stream.count);
  EXPECT_GT(counts[0].delayed, 3000u);
  EXPECT_LT(counts[0].delayed, 25000u);
}

// Packets whose number is drawn go through the splitter, others do not: none may overtake where that changes.
TEST_P(DelayTest, KeepsWhatIsSplitInOrder) {
  Bed bed;
  bed.keep_order_on_the_wire();
  const faults::Window window{0, 2 * kSecond};
  std::vector<faults::Window> episodes;
  for (Ns at = 100 * kMillisecond; at < window.end; at += 40 * kMillisecond)
    episodes.push_back({at, at + 20 * kMillisecond});
  bed.play({{.loss = 0.02, .protocol = "udp", .window = window, .episodes = episodes},
            {.delay = 2 * kMillisecond, .protocol = "udp", .window = {500 * kMillisecond, 900 * kMillisecond}}},
           GetParam());
  const Stream stream{.count = 40000, .size = 1000, .gap = 2 * kMillisecond, .together = 40, .gso = true};
  const auto got = send_stream(bed.near(5000), bed.far(7000), stream);
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_EQ(got.overtaken(), 0u);
  EXPECT_EQ(got.damaged, 0u);
  EXPECT_EQ(got.all.size(), stream.count - counts[0].dropped);
  EXPECT_GT(counts[0].dropped, 50u);
}

TEST_P(DelayTest, KeepsSegmentsInOrder) {
  Bed bed;
  bed.keep_order_on_the_wire();
  const faults::Window window{0, 3 * kSecond};
  std::vector<faults::Window> episodes;
  for (Ns at = 0; at < window.end; at += 100 * kMillisecond) episodes.push_back({at, at + 50 * kMillisecond});
  bed.play({{.delay = 3 * kMillisecond, .jitter = 3 * kMillisecond, .window = window, .episodes = episodes}},
           GetParam());
  const auto before_there = protocol_counter(bed.there, "TcpExt", "TCPOFOQueue"),
             before_here = protocol_counter(bed.here, "TcpExt", "TCPOFOQueue");
  const auto t = transfer(bed.near(0), bed.far(7000), {.bytes = 40'000'000, .both_ways = true});
  EXPECT_TRUE(t.complete);
  EXPECT_TRUE(t.intact);
  const auto counts = bed.finish();
  expect_clean(bed, counts);
  EXPECT_GT(counts[0].delayed, 1000u);
  // Out of order at the receiver's TCP: without loss, only if something overtook.
  EXPECT_EQ(protocol_counter(bed.there, "TcpExt", "TCPOFOQueue") - before_there, 0);
  EXPECT_EQ(protocol_counter(bed.here, "TcpExt", "TCPOFOQueue") - before_here, 0);
}

TEST_P(DelayTest, LeavesFiftyMegabytesIntact) {
  struct Way {
    const char* name;
    unsigned mtu;
    bool lo, v6;
    double loss;
  };
  for (const Way& way : {Way{"veth", 1500, false, false, 0.002}, Way{"jumbo", 9000, false, true, 0.002},
                         Way{"lo", 1500, true, false, 0}}) {
    SCOPED_TRACE(way.name);
    Bed bed(way.mtu);
    bed.play({{.delay = 2 * kMillisecond, .jitter = kMillisecond, .loss = way.loss, .protocol = "tcp"}}, GetParam());
    const char* lo = way.v6 ? "::1" : "127.0.0.1";
    const auto from = way.lo ? bed.at(lo, 0) : bed.near(0, way.v6),
               to = way.lo ? bed.at(lo, 7000) : bed.far(7000, way.v6);
    const auto t = transfer(from, to, {.bytes = 50'000'000, .both_ways = true, .longest = 100 * kSecond});
    EXPECT_TRUE(t.complete) << t.bytes;
    EXPECT_TRUE(t.intact);
    const auto counts = bed.finish();
    expect_clean(bed, counts);
    if (way.loss > 0) {
      EXPECT_TRUE(plausible(counts[0].dropped, counts[0].matched, way.loss, 4)) << counts[0].dropped;
    }
  }
}

FAULTLINE_WITH_BOTH_ENGINES(DelayTest);

}  // namespace
}  // namespace faultline::test
