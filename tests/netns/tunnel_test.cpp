// A tunnel between two hosts, over the wire that joins them: its packets pass two devices of each host, and meet a
// fault once. Here with vxlan, which most kernels have built in; WireGuard and IP tunnels: vm/stacks.
#include <gtest/gtest.h>

#include "tests/harness/command.h"
#include "tests/harness/plan_bed.h"

namespace faultline::test {
namespace {

class TunnelTest : public PlanBed {
 protected:
  static constexpr Ns kDelay = 50 * kMillisecond;

  void SetUp() override {
    for (const auto& [ns, own, other] : {std::tuple{&bed.here, 1, 2}, {&bed.there, 2, 1}}) {
      Inside in(*ns);
      Command vxlan({"sh", "-c",
                     fmt::format("ip link add tunnel type vxlan id 7 remote 10.7.0.{} dstport 4790 dev eth0 && "
                                 "ip addr add 10.8.0.{}/24 dev tunnel && ip link set tunnel up",
                                 other, own)});
      if (vxlan.wait(20 * kSecond) != 0) GTEST_SKIP() << "no vxlan: " << vxlan.errors();
    }
  }
  /// Delays everything that `here` sends, to `peer` if that is not empty.
  void delay(const std::string& peer = "") {
    const std::string narrowed = peer.empty() ? "" : "peer = \"other\"\n",
                      other = peer.empty() ? "" : fmt::format("[targets.other]\naddress = \"{}\"\n", peer);
    play(
        fmt::format("{}[[faults]]\nkind = \"degrade\"\non = \"a\"\n{}direction = \"egress\"\ndelay = \"50ms\"\nstart = "
                    "\"0s\"\nfor = \"600s\"\n",
                    other, narrowed));
  }
  /// The least time of ten datagrams from `here`.
  Ns takes(const std::string& net) {
    const auto sent = send_udp(bed.here, address(net + ".1", 5000), bed.there, address(net + ".2", 7000), 10);
    EXPECT_EQ(sent.took.size(), 10u);
    return sent.least();
  }
};

TEST_F(TunnelTest, WhatGoesThroughItMeetsAFaultOnEverythingInside) {
  delay();
  for (const char* net : {"10.7.0", "10.8.0"}) {
    const Ns took = takes(net);
    EXPECT_GE(took, kDelay) << net;
    EXPECT_LT(took, 2 * kDelay) << net << ": once";
  }
  EXPECT_GE(finish()[0].matched, 20u);
}

TEST_F(TunnelTest, APeerIsMetWhereItsAddressStands) {
  for (const char* peer : {"10.7.0.2", "10.8.0.2"}) {
    delay(peer);
    const Ns took = takes("10.8.0");
    EXPECT_GE(took, kDelay) << peer;
    EXPECT_LT(took, 2 * kDelay) << peer;
    EXPECT_EQ(takes("10.7.0") >= kDelay, std::string(peer) == "10.7.0.2");
    finish();
  }
}

}  // namespace
}  // namespace faultline::test
