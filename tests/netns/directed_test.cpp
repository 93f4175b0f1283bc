// From a plan to packets: which of them a fault's `on`, `peer` and `direction` mean, told by how late each is. Target
// resolution, composition and the pen, with nothing in between left out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/harness/plan_bed.h"

namespace faultline::test {
namespace {

class DirectedTest : public PlanBed {
 protected:
  static constexpr Ns kDelay = 200 * kMillisecond;
  static constexpr Ns kSlack = 190 * kMillisecond;  // below kDelay: once is not twice, and never is not once

  void SetUp() override {
    of_targets = "protocol = \"udp\"\n";
    for (const char* more : {"10.7.0.3/24", "fd07::3/64"}) {
      Inside in(bed.there);
      add_address("eth0", *IpPrefix::parse(more));
    }
  }

  /// A fault that delays by kDelay, always; `whom` is its further lines.
  static std::string slow(const std::string& whom) {
    return "[[faults]]\nkind = \"degrade\"\nstart = \"0s\"\nfor = \"60s\"\ndelay = \"200ms\"\n" + whom;
  }

  /// How often `from` to `to` is delayed.
  void expect_times(int times, const End& from, const End& to, Ns delay = kDelay) {
    const Arrivals got = send_stream(from, to, {.count = 40, .gap = 2 * kMillisecond});
    ASSERT_EQ(got.all.size(), got.asked);
    EXPECT_EQ(got.overtaken(), 0u);
    EXPECT_GE(got.least(), times * delay - 100 * kMicrosecond);
    EXPECT_LT(got.quantile(0.5), times * delay + kSlack);
  }
  End other(std::uint16_t port, bool v6 = false) const {
    return {&bed.there, address(v6 ? "fd07::3" : "10.7.0.3", port)};
  }
};

TEST_F(DirectedTest, TwoEndsOfOneFaultDelayEachWayOnce) {
  for (const char* direction : {"both", "egress", "ingress"}) {
    SCOPED_TRACE(direction);
    play(slow(fmt::format("on = [\"a\", \"b\"]\ndirection = \"{}\"\n", direction)));
    for (const bool v6 : {false, true}) {
      expect_times(1, bed.near(5000, v6), bed.far(7000, v6));
      expect_times(1, bed.far(5000, v6), bed.near(7000, v6));
      expect_times(1, other(5000, v6), bed.near(7000, v6));
      expect_times(1, bed.near(5000, v6), bed.near(7000, v6));
    }
    EXPECT_EQ(finish()[0].delayed, 8 * 40u);
  }
}

TEST_F(DirectedTest, TwoFaultsAtTwoEndsAddUp) {
  play(slow("on = \"a\"\n") + slow("name = \"second\"\non = \"b\"\ndirection = \"ingress\"\n"));
  expect_times(2, bed.near(5000), bed.far(7000));
  expect_times(1, bed.far(5000), bed.near(7000));
  const auto counts = finish();
  EXPECT_EQ(counts[0].delayed, 80u);
  EXPECT_EQ(counts[1].delayed, 40u);
}

TEST_F(DirectedTest, APeerByAddressAndPort) {
  play(R"([targets.bank]
address = ["10.7.0.2/32", "fd07::2/128"]
protocol = "udp"
port = [7000, "7100-7200"]
)" + slow("on = \"a\"\npeer = \"bank\"\n"));
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6);
    expect_times(1, bed.near(5000, v6), bed.far(7000, v6));
    expect_times(1, bed.near(5000, v6), bed.far(7150, v6));
    expect_times(1, bed.far(7200, v6), bed.near(5000, v6));
    expect_times(0, bed.near(5000, v6), bed.far(7001, v6));
    expect_times(0, bed.near(7000, v6), bed.far(5000, v6));
    expect_times(0, bed.near(5000, v6), other(7000, v6));
    expect_times(0, other(7000, v6), bed.near(5000, v6));
    expect_times(0, bed.near(5000, v6), bed.near(7000, v6));
  }
  EXPECT_EQ(finish()[0].delayed, 6 * 40u);
}

TEST_F(DirectedTest, APeerByNetwork) {
  play(R"([targets.bank]
address = "10.7.0.2/31"
)" + slow("on = \"a\"\npeer = \"bank\"\ndirection = \"egress\"\n"));
  expect_times(1, bed.near(5000), bed.far(7000));
  expect_times(1, bed.near(5000), other(7000));
  expect_times(0, bed.far(5000), bed.near(7000));
  expect_times(0, bed.near(5000), bed.near(7000));
  expect_times(0, bed.near(5000, true), bed.far(7000, true));
  finish();
}

/// A third host behind `a`, which forwards for it.
class ForwardedTest : public DirectedTest {
 protected:
  void SetUp() override {
    DirectedTest::SetUp();
    add_veth({"eth1", &bed.here}, {"eth0", &beyond});
    const auto v4 = *IpPrefix::parse("0.0.0.0/0"), v6 = *IpPrefix::parse("::/0");
    {
      Inside in(bed.here);
      for (const char* forwarding : {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"})
        std::ofstream(forwarding) << 1;
      set_up("eth1");
      for (const char* own : {"10.8.0.1/24", "fd08::1/64"}) add_address("eth1", *IpPrefix::parse(own));
    }
    {
      Inside in(beyond);
      set_up("eth0");
      for (const char* own : {"10.8.0.2/24", "fd08::2/64"}) add_address("eth0", *IpPrefix::parse(own));
      add_route(v4, IpPrefix::parse("10.8.0.1/32"), "eth0");
      add_route(v6, IpPrefix::parse("fd08::1/128"), "eth0");
    }
    {
      Inside in(bed.there);
      add_route(v4, IpPrefix::parse("10.7.0.1/32"), "eth0");
      add_route(v6, IpPrefix::parse("fd07::1/128"), "eth0");
    }
    // A router asks for its neighbours by its link-local address, which takes a moment to be its own (RFC 4862, 5.4).
    for (int i = 0; i < 10; i++)
      if (!send_stream(behind(5000, true), bed.far(7000, true), {.count = 2}).all.empty()) return;
    FAIL() << "IPv6 is not forwarded";
  }

  End behind(std::uint16_t port, bool v6 = false) const {
    return {&beyond, address(v6 ? "fd08::2" : "10.8.0.2", port)};
  }
  NetNs beyond = NetNs::create();
};

TEST_F(ForwardedTest, ARouterDelaysWhatItForwardsOnce) {
  for (const char* direction : {"both", "egress", "ingress"}) {
    SCOPED_TRACE(direction);
    play(slow(fmt::format("on = \"a\"\ndirection = \"{}\"\n", direction)));
    for (const bool v6 : {false, true}) {
      expect_times(1, behind(5000, v6), bed.far(7000, v6));
      expect_times(1, bed.far(5000, v6), behind(7000, v6));
    }
    EXPECT_EQ(finish()[0].delayed, 4 * 40u);
  }
}

// Where the packet is from is the peer's on the way in, where it goes on the way out.
TEST_F(ForwardedTest, ARouterDelaysBothWaysOfOnePeer) {
  play(R"([targets.bank]
address = "10.7.0.2"
protocol = "udp"
)" + slow("on = \"a\"\npeer = \"bank\"\n"));
  expect_times(1, behind(5000), bed.far(7000));
  expect_times(1, bed.far(5000), behind(7000));
  expect_times(0, behind(5000), other(7000));
  EXPECT_EQ(finish()[0].delayed, 2 * 40u);
}

}  // namespace
}  // namespace faultline::test
