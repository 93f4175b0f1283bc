// Faults on a device without an Ethernet header: delay and loss of real traffic over tun devices, both ways, IPv4 and
// IPv6, single packets and bundles. (What a cut looks like there: sever_test.cpp. WireGuard and IP tunnels: vm/stacks.)
#include <gtest/gtest.h>

#include "tests/harness/engines.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

class BareTest : public EngineTest {
 protected:
  static constexpr Ns kDelay = 20 * kMillisecond;

  static void expect_delayed(const Arrivals& got) {
    EXPECT_EQ(got.refused, 0u);
    EXPECT_EQ(got.damaged, 0u);
    EXPECT_EQ(got.overtaken(), 0u);
    ASSERT_EQ(got.all.size(), got.asked);
    EXPECT_GE(got.least(), kDelay - kTooEarly);
  }
};

TEST_P(BareTest, DelaysEachWayOnce) {
  Bed bed(1500, Wire::bare);
  bed.play({{.delay = kDelay, .protocol = "udp"}}, GetParam());
  for (const bool v6 : {false, true}) {
    for (const std::size_t size : {64u, 20000u}) {  // whole, and in fragments
      const Stream stream{.count = 100, .size = size, .gap = 2 * kMillisecond};
      expect_delayed(send_stream(bed.near(5000, v6), bed.far(7000, v6), stream));
      expect_delayed(send_stream(bed.far(5000, v6), bed.near(7000, v6), stream));
    }
  }
  const auto c = bed.finish()[0];
  expect_clean(bed, {c});
  EXPECT_EQ(c.delayed, c.matched);
  EXPECT_GE(c.matched, 4 * 100u + 4 * 100u * 14);
}

TEST_P(BareTest, DelaysBundlesWholeAndIntact) {
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6);
    Bed bed(1500, Wire::bare);
    bed.play({{.delay = 5 * kMillisecond, .protocol = "tcp"}}, GetParam());
    const std::uint64_t before = packets_received(bed.there, bed.device);
    const auto t =
        transfer(bed.near(0, v6), bed.far(7000, v6), {.connections = 2, .bytes = 8 << 20, .both_ways = true});
    const std::uint64_t bundles = packets_received(bed.there, bed.device) - before;
    const auto c = bed.finish()[0];
    expect_clean(bed, {c});
    EXPECT_TRUE(t.complete);
    EXPECT_TRUE(t.intact);
    EXPECT_GT(c.matched, 20000u);
    EXPECT_LT(bundles, c.matched / 4) << "they are not split";
  }
}

TEST_P(BareTest, LosesWirePacketsSilently) {
  for (const bool egress : {true, false}) {
    SCOPED_TRACE(egress);
    Bed bed(1500, Wire::bare);
    bed.play({{.loss = 0.1, .egress = egress, .ingress = !egress}}, GetParam());
    const Stream stream{.count = 2000, .gap = 200 * kMicrosecond};
    const auto got = egress ? send_stream(bed.near(5000), bed.far(7000), stream)
                            : send_stream(bed.far(5000, true), bed.near(7000, true), stream);
    const auto t = egress ? transfer(bed.near(0), bed.far(7001), {.bytes = 2 << 20})
                          : transfer(bed.far(0, true), bed.near(7001, true), {.bytes = 2 << 20});
    const auto c = bed.finish()[0];
    expect_clean(bed, {c});
    EXPECT_EQ(got.refused, 0u);
    EXPECT_TRUE(plausible(got.lost().size(), stream.count, 0.1, 4)) << got.lost().size();
    EXPECT_TRUE(t.complete);
    EXPECT_TRUE(t.intact);
    EXPECT_TRUE(plausible(c.dropped, c.matched, 0.1, 4)) << c.dropped << " of " << c.matched;
  }
}

TEST_P(BareTest, BesideAnEthernetDevice) {
  Bed bed(1500, Wire::bare);
  add_veth({"eth1", &bed.here}, {"eth1", &bed.there});
  for (const auto& [ns, last] : {std::pair{&bed.here, "1"}, std::pair{&bed.there, "2"}}) {
    Inside in(*ns);
    set_up("eth1");
    add_address("eth1", *IpPrefix::parse(std::string("10.8.0.") + last + "/24"));
  }
  bed.play({{.delay = kDelay, .protocol = "udp"}}, GetParam());
  const Stream stream{.count = 100, .gap = 2 * kMillisecond};
  expect_delayed(send_stream(bed.near(5000), bed.far(7000), stream));
  expect_delayed(send_stream({&bed.here, address("10.8.0.1", 5000)}, {&bed.there, address("10.8.0.2", 7000)}, stream));
  expect_delayed(send_stream({&bed.there, address("10.8.0.2", 5000)}, {&bed.here, address("10.8.0.1", 7000)}, stream));
  expect_delayed(send_stream(bed.far(5000), bed.near(7000), stream));
  const auto c = bed.finish()[0];
  expect_clean(bed, {c});
  EXPECT_EQ(c.delayed, 400u);
}

TEST_P(BareTest, APacketThatTakesNoHeaderPassesAndIsCharged) {
  Bed bed(30000, Wire::bare);
  bed.play({{.delay = kDelay, .protocol = "udp"}}, GetParam());
  const auto got = send_stream(bed.near(5000), bed.far(7000), {.count = 10, .size = 20000, .gap = 2 * kMillisecond});
  EXPECT_EQ(got.all.size(), 10u);
  EXPECT_EQ(got.damaged, 0u);
  expect_delayed(send_stream(bed.near(5000), bed.far(7000), {.count = 10, .size = 15000, .gap = 2 * kMillisecond}));
  const auto c = bed.finish()[0];
  EXPECT_EQ(c.undelivered.untaken, 10u) << "the kernel gives no header to more than 16 kB, unless it is a bundle";
  EXPECT_EQ(c.delayed, 10u);
}

FAULTLINE_WITH_BOTH_ENGINES(BareTest);

}  // namespace
}  // namespace faultline::test
