// A path with an MTU that nobody is told: what real sockets get through it, to the byte, and what TCP makes of it.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/harness/engines.h"
#include "tests/harness/plan_bed.h"

namespace faultline::test {
namespace {

class BlackholeSizeTest : public PlanBed, public testing::WithParamInterface<pen::Engine> {
 protected:
  void SetUp() override {
    if (GetParam() == pen::Engine::tcx && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }
  void hole(const std::string& more = "") { play_fault("blackhole-size", "above = \"1400B\"\n" + more, GetParam()); }
};

TEST_P(BlackholeSizeTest, TakesDatagramsByTheByteWithinBundlesToo) {
  of_targets = "protocol = \"udp\"\n";  // multicast listener reports and the like would be counted too
  hole("direction = \"egress\"\n");
  std::uint64_t lost = 0;
  for (const bool v6 : {false, true}) {
    const std::size_t most = v6 ? 1352 : 1372;  // in an IP packet of 1400 bytes
    for (const bool gso : {false, true}) {
      for (const std::size_t size : {most, most + 1}) {
        SCOPED_TRACE(fmt::format("v6 {} gso {} size {}", v6, gso, size));
        const auto got = send_stream(bed.near(5000, v6), bed.far(7000, v6),
                                     {.count = 100, .size = size, .together = 10, .gso = gso});
        EXPECT_EQ(got.refused, 0u) << "the sender is not told";
        EXPECT_EQ(got.lost().size(), size == most ? 0u : 100u);
        if (size != most) lost += 100;
      }
    }
  }
  const auto counts = finish();
  EXPECT_EQ(counts[0].dropped, lost);
  EXPECT_EQ(counts[0].matched, lost) << "what is short does not meet it";
  EXPECT_EQ(counts[0].undelivered.total(), 0u);
}

TEST_P(BlackholeSizeTest, ATransferStallsWhileSmallRequestsPass) {
  of_targets = "protocol = \"tcp\"\n";
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6);
    hole();
    for (const bool arrives : {false, true}) {
      const End& near = bed.near(0, v6);
      const End from = arrives ? bed.far(0, v6) : near, to = arrives ? bed.near(8000, v6) : bed.far(8000, v6);
      EXPECT_TRUE(transfer(from, to, {.connections = 5, .bytes = 1000, .both_ways = true}).complete);
      const auto stalled = transfer(from, to, {.bytes = 1 << 20, .longest = 2 * kSecond});
      EXPECT_FALSE(stalled.complete);
      EXPECT_EQ(stalled.bytes, 0u) << "its first packet is a full one";
      EXPECT_TRUE(stalled.intact);
    }
    const auto counts = finish();
    EXPECT_GT(counts[0].dropped, 10u);
    EXPECT_EQ(counts[0].undelivered.total(), 0u);
    EXPECT_EQ(counts[0].answered, 0u);
    EXPECT_TRUE(transfer(bed.near(0, v6), bed.far(8000, v6), {.bytes = 1 << 20}).complete) << "afterwards";
  }
}

TEST_P(BlackholeSizeTest, WhatProbesForThePathsMtuGetsThrough) {
  of_targets = "protocol = \"tcp\"\n";
  for (const NetNs* ns : {&bed.here, &bed.there}) {  // a shorter way to try than to wait for two timeouts
    Inside in(*ns);
    std::ofstream("/proc/sys/net/ipv4/tcp_mtu_probing") << 2;
    std::ofstream("/proc/sys/net/ipv4/tcp_base_mss") << 1024;
  }
  hole();
  const auto through = transfer(bed.near(0), bed.far(8000), {.bytes = 8 << 20});
  EXPECT_TRUE(through.complete) << "bundles of shorter packets pass";
  EXPECT_TRUE(through.intact);
  finish();
}

INSTANTIATE_TEST_SUITE_P(Engines, BlackholeSizeTest, testing::Values(pen::Engine::tcx, pen::Engine::clsact),
                         [](const auto& info) { return info.param == pen::Engine::tcx ? "tcx" : "clsact"; });

}  // namespace
}  // namespace faultline::test
