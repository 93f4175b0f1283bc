// What must not be held, since it could not come back as it was: copies that the kernel makes, packets on lo that no
// route leads back, connections that are translated on their way over lo, packets whose far end comes with their route.
// All of it passes; what a rule was about and left out is counted.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <future>

#include "injector/base/netlink_request.h"
#include "tests/harness/command.h"
#include "tests/harness/engines.h"
#include "tests/harness/played_plan.h"
#include "tests/harness/traffic_bed.h"

namespace faultline::test {
namespace {

class LeftOutTest : public EngineTest {
 protected:
  static constexpr Ns kDelay = 30 * kMillisecond;
  static constexpr int kMany = 5;

  void delay(const std::string& protocol = "udp") { bed.play({{.delay = kDelay, .protocol = protocol}}, GetParam()); }
  void shell(const NetNs& ns, const std::string& line) const {
    Inside in(ns);
    Command command({"sh", "-ec", line});
    ASSERT_EQ(command.wait(20 * kSecond), 0) << line << "\n" << command.errors();
  }
  int device() const {
    Inside in(bed.here);
    return static_cast<int>(if_nametoindex("eth0"));
  }
  /// Numbers sent and received by sockets of `here`; the times they took.
  Sent send(const Fd& from, const Fd& to, const Address& target, std::size_t size = 64) const {
    Sent result;
    std::vector<char> packet(size), buffer(70000);
    for (int i = 0; i < kMany; i++) {
      const Ns now = monotonic_now();
      std::memcpy(packet.data(), &now, sizeof now);
      result.refused += sendto(from.get(), packet.data(), size, 0, target.get(), target.size) == -1;
      pollfd readable{to.get(), POLLIN, 0};
      while (poll(&readable, 1, result.took.size() < static_cast<std::size_t>(i + 1) ? 700 : 0) > 0) {
        Ns then = 0;
        if (recv(to.get(), buffer.data(), buffer.size(), 0) < static_cast<ssize_t>(sizeof then)) break;
        std::memcpy(&then, buffer.data(), sizeof then);
        result.took.push_back(monotonic_now() - then);
      }
    }
    return result;
  }
  template <class T>
  void set(const Fd& socket, int level, int option, const T& value) const {
    ASSERT_EQ(setsockopt(socket.get(), level, option, &value, sizeof value), 0) << level << " " << option;
  }

  Bed bed;
};

TEST_P(LeftOutTest, CopiesThatTheKernelMakesNeverCount) {
  delay();
  std::size_t sent = 0;
  {  // its own multicasts and broadcasts come back to a sender as copies, without an Ethernet header
    const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("0.0.0.0", 7000)),
             from = bound_socket(bed.here, SOCK_DGRAM, address("10.7.0.1", 5000));
    ip_mreqn group{};
    inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr);
    group.imr_ifindex = device();
    set(to, IPPROTO_IP, IP_ADD_MEMBERSHIP, group);
    set(from, IPPROTO_IP, IP_MULTICAST_IF, group);
    set(from, SOL_SOCKET, SO_BROADCAST, 1);
    for (const char* target : {"239.1.2.3", "10.7.0.255", "255.255.255.255"}) {
      if (std::string(target) == "10.7.0.255") shell(bed.here, "ip addr change 10.7.0.1/24 brd + dev eth0");
      if (std::string(target) == "255.255.255.255") shell(bed.here, "ip route add default dev eth0");
      const Sent got = send(from, to, address(target, 7000));
      EXPECT_EQ(got.took.size(), static_cast<std::size_t>(kMany)) << target;
      EXPECT_LT(got.least(), kDelay) << target << ": a copy never left";
      sent += kMany;
    }
  }
  {
    const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("::", 7001)),
             from = bound_socket(bed.here, SOCK_DGRAM, address("fd07::1", 5001));
    ipv6_mreq group{};
    inet_pton(AF_INET6, "ff02::1234", &group.ipv6mr_multiaddr);
    group.ipv6mr_interface = static_cast<unsigned>(device());
    set(to, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, group);
    set(from, IPPROTO_IPV6, IPV6_MULTICAST_IF, device());
    const Sent got = send(from, to, address("ff02::1234", 7001));
    EXPECT_EQ(got.took.size(), static_cast<std::size_t>(kMany));
    sent += kMany;
  }
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.matched, sent) << "those that left";
  EXPECT_EQ(a.delayed, sent);
  EXPECT_EQ(a.left_out, 0u);
  EXPECT_EQ(a.undelivered.total(), 0u);
}

TEST_P(LeftOutTest, WhatNoRouteLeadsBackOverLoPasses) {
  shell(bed.here, "ip addr add 10.66.0.1/24 brd + dev lo");
  delay();
  std::uint64_t sent = 0;
  {
    const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("0.0.0.0", 7000)),
             from = bound_socket(bed.here, SOCK_DGRAM, address("127.0.0.1", 5000));
    set(from, SOL_SOCKET, SO_BROADCAST, 1);
    for (const char* target : {"127.255.255.255", "10.66.0.255"}) {
      const Sent got = send(from, to, address(target, 7000));
      EXPECT_EQ(got.took.size(), static_cast<std::size_t>(kMany)) << target;
      EXPECT_LT(got.least(), kDelay) << target;
      sent += kMany;
    }
  }
  {  // a link-local address
    Address own;
    Inside in(bed.here);
    for (const auto& d : list_devices())
      for (const auto& a : d.addresses)
        if (d.name == "eth0" && a.v6 && a.bytes[0] == 0xfe) own = address(a.address_text(), 7003);
    ASSERT_NE(own.size, 0u);
    reinterpret_cast<sockaddr_in6&>(own.storage).sin6_scope_id = if_nametoindex("eth0");
    Address source = own;
    reinterpret_cast<sockaddr_in6&>(source.storage).sin6_port = htons(5003);
    for (int i = 0; i < 100; i++) {  // until it is known to be nobody else's
      try {
        bound_socket(bed.here, SOCK_DGRAM, source);
        break;
      } catch (const std::system_error&) {
        poll(nullptr, 0, 50);
      }
    }
    EXPECT_EQ(
        send(bound_socket(bed.here, SOCK_DGRAM, source), bound_socket(bed.here, SOCK_DGRAM, own), own).took.size(),
        static_cast<std::size_t>(kMany));
    sent += kMany;
  }
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out, sent);
  EXPECT_EQ(a.left_out_local, sent);
  EXPECT_EQ(a.matched, 0u);
  EXPECT_EQ(a.undelivered.total(), 0u);
}

TEST_P(LeftOutTest, OnesOwnAddressesOverLoAreDelayed) {
  delay();
  for (const char* own : {"127.0.0.1", "10.7.0.1", "::1", "fd07::1"}) {
    const auto sent = send_udp(bed.here, address(own, 5000), bed.here, address(own, 7000), kMany);
    EXPECT_EQ(sent.took.size(), static_cast<std::size_t>(kMany)) << own;
    EXPECT_GE(sent.least(), kDelay) << own;
  }
  {  // sockets that are bound to the address's device would not hear what comes back by lo: it passes
    const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("10.7.0.1", 7002)),
             from = bound_socket(bed.here, SOCK_DGRAM, address("10.7.0.1", 5002));
    for (const Fd* one : {&to, &from}) ASSERT_EQ(setsockopt(one->get(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
    EXPECT_EQ(send(from, to, address("10.7.0.1", 7002)).took.size(), static_cast<std::size_t>(kMany));
  }
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out, static_cast<std::uint64_t>(kMany));
  EXPECT_EQ(a.left_out_local, a.left_out);
  EXPECT_EQ(a.delayed, 4u * kMany);
  EXPECT_EQ(a.undelivered.total(), 0u);
}

TEST_P(LeftOutTest, AFrameThatIsTooLongForThePenPasses) {
  shell(bed.here, "ip link set lo mtu 70000");
  delay();
  const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("::1", 7000)),
           from = bound_socket(bed.here, SOCK_DGRAM, address("::1", 5000));
  set(from, SOL_SOCKET, SO_SNDBUF, 1 << 20);
  const Sent longest = send(from, to, address("::1", 7000), 65527),
             shorter = send(from, to, address("::1", 7000), 65000);
  EXPECT_EQ(longest.took.size(), static_cast<std::size_t>(kMany));
  EXPECT_LT(longest.least(), kDelay);
  EXPECT_EQ(shorter.took.size(), static_cast<std::size_t>(kMany));
  EXPECT_GE(shorter.least(), kDelay);
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out_large, static_cast<std::uint64_t>(kMany));
  EXPECT_EQ(a.left_out, a.left_out_large);
  EXPECT_EQ(a.undelivered.total(), 0u);
}

TEST_P(LeftOutTest, APacketWithATunnelsFarEndPasses) {
  shell(bed.here,
        "ip route add 10.9.0.9/32 encap ip id 7 dst 10.7.0.2 dev eth0 && ip neigh add 10.9.0.9 lladdr "
        "$(nsenter --net=" +
            TwoNamespaces::path(bed.there) +
            " cat /sys/class/net/eth0/address 2>/dev/null || echo 02:00:00:00:00:01) dev eth0");
  {
    Inside in(bed.there);
    add_address("lo", *IpPrefix::parse("10.9.0.9/32"));
  }
  delay();
  const auto sent = send_udp(bed.here, address("10.7.0.1", 5000), bed.there, address("10.9.0.9", 7000), kMany,
                             2 * kMillisecond, 64, 200 * kMillisecond);
  EXPECT_EQ(sent.refused, 0u);
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out_tunnel, static_cast<std::uint64_t>(kMany));
  EXPECT_EQ(a.matched, 0u);
}

/// An external tunnel is no place for faults, but what carries it is.
TEST_P(LeftOutTest, AnExternalTunnelIsMetUnderneath) {
  for (const auto& [ns, own, other] : {std::tuple{&bed.here, 1, 2}, {&bed.there, 2, 1}})
    shell(*ns,
          fmt::format("ip link add vx type vxlan external dstport 4789 && ip link set vx address 02:00:00:00:09:0{0} "
                      "&& ip addr add 10.9.0.{0}/24 dev vx && ip link set vx up && ip route add 10.9.0.{1}/32 encap "
                      "ip id 7 dst 10.7.0.{1} dev vx && ip neigh add 10.9.0.{1} lladdr 02:00:00:00:09:0{1} dev vx",
                      own, other));
  delay();
  const auto sent = send_udp(bed.here, address("10.9.0.1", 5000), bed.there, address("10.9.0.2", 7000), kMany);
  EXPECT_EQ(sent.took.size(), static_cast<std::size_t>(kMany));
  EXPECT_GE(sent.least(), kDelay);
  EXPECT_LT(sent.least(), 2 * kDelay);
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out, 0u);
  EXPECT_EQ(a.matched, static_cast<std::uint64_t>(kMany));
}

/// A plan that names it is told why not.
TEST_P(LeftOutTest, AnExternalTunnelThatAPlanNamesIsRefused) {
  shell(bed.here,
        "ip link add vx type vxlan external dstport 4789 && ip addr add 10.9.0.1/24 dev vx && ip link set vx up");
  try {
    PlayedPlan(fmt::format("[targets.a]\nnetns = \"{}\"\ninterface = \"vx\"\n[[faults]]\nkind = \"degrade\"\non = "
                           "\"a\"\ndelay = \"50ms\"\nstart = \"0s\"\nfor = \"600s\"\n",
                           TwoNamespaces::path(bed.here)),
               "/plans/external.toml", GetParam());
    FAIL() << "refused";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::cannot_run);
    EXPECT_NE(std::string(failure.what()).find("far end comes with each packet"), std::string::npos) << failure.what();
  }
}

/// A return counts where the packet is seen again, not where it was asked for: a device that is down takes nothing in.
TEST_P(LeftOutTest, WhatFailsOnItsLastStepIsUndelivered) {
  bed.play({{.delay = 300 * kMillisecond, .protocol = "udp"}}, GetParam());
  std::future<Sent> sent = std::async(std::launch::async, [&] {
    return send_udp(bed.there, address("10.7.0.2", 5000), bed.here, address("10.7.0.1", 7000), kMany, kMillisecond, 64,
                    500 * kMillisecond);
  });
  poll(nullptr, 0, 100);
  shell(bed.here, "ip link set eth0 down");
  EXPECT_EQ(sent.get().took.size(), 0u);
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.undelivered.unaccounted, static_cast<std::uint64_t>(kMany));
}

TEST_P(LeftOutTest, WhatHasATimeOfItsOwnPasses) {
  const Fd from = bound_socket(bed.here, SOCK_DGRAM, address("10.7.0.1", 5000)),
           to = bound_socket(bed.there, SOCK_DGRAM, address("10.7.0.2", 7000));
  const struct {
    clockid_t clock;
    std::uint32_t flags;
  } timed{CLOCK_TAI, 0};
  set(from, SOL_SOCKET, SO_TXTIME, timed);
  delay();
  const Address target = address("10.7.0.2", 7000);
  char byte = 'x', more[CMSG_SPACE(sizeof(std::uint64_t))] = {};
  iovec piece{&byte, 1};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(target.get());
  message.msg_namelen = target.size;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = more;
  message.msg_controllen = sizeof more;
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_TXTIME;
  c->cmsg_len = CMSG_LEN(sizeof(std::uint64_t));
  timespec now{};
  clock_gettime(CLOCK_TAI, &now);
  const std::uint64_t when = static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
  std::memcpy(CMSG_DATA(c), &when, sizeof when);
  for (int i = 0; i < kMany; i++) ASSERT_EQ(sendmsg(from.get(), &message, 0), 1);
  pollfd readable{to.get(), POLLIN, 0};
  EXPECT_EQ(poll(&readable, 1, 2000), 1);
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.left_out + a.delayed, static_cast<std::uint64_t>(kMany));
  if (a.left_out == 0) GTEST_SKIP() << "a kernel before 6.11 does not tell";
  EXPECT_EQ(a.left_out_timed, static_cast<std::uint64_t>(kMany));
}

/// What is restored, as those see it who look at it later.
TEST_P(LeftOutTest, WhatIsHeldArrivesWithWhatItCarried) {
  shell(bed.here,
        "nft 'table inet t { chain i { type filter hook input priority 0; udp dport 7000 meta mark 7 meta "
        "priority 5 counter accept; udp dport 7000 drop; }; }'");
  delay();
  for (const bool over_lo : {true, false}) {
    SCOPED_TRACE(over_lo);
    const NetNs& source = over_lo ? bed.here : bed.there;
    const Fd to = bound_socket(bed.here, SOCK_DGRAM, address("0.0.0.0", over_lo ? 7000 : 7001)),
             from = bound_socket(source, SOCK_DGRAM, address(over_lo ? "10.7.0.1" : "10.7.0.2", 5000));
    set(from, SOL_SOCKET, SO_MARK, 7);
    set(from, SOL_SOCKET, SO_PRIORITY, 5);
    set(to, IPPROTO_IP, IP_PKTINFO, 1);
    set(to, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const Address target = address("10.7.0.1", over_lo ? 7000 : 7001);
    timespec sent{};
    clock_gettime(CLOCK_REALTIME, &sent);
    ASSERT_EQ(sendto(from.get(), "x", 1, 0, target.get(), target.size), 1);
    pollfd readable{to.get(), POLLIN, 0};
    ASSERT_EQ(poll(&readable, 1, 2000), 1) << "by mark and priority";
    char byte = 0, more[256];
    iovec piece{&byte, 1};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = more;
    message.msg_controllen = sizeof more;
    ASSERT_EQ(recvmsg(to.get(), &message, 0), 1);
    int seen = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        in_pktinfo info{};
        std::memcpy(&info, CMSG_DATA(c), sizeof info);
        Inside in(bed.here);
        EXPECT_EQ(info.ipi_ifindex, static_cast<int>(if_nametoindex(over_lo ? "lo" : "eth0")));
        seen++;
      }
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec came{};
        std::memcpy(&came, CMSG_DATA(c), sizeof came);
        EXPECT_GE((came.tv_sec - sent.tv_sec) * kSecond + came.tv_nsec - sent.tv_nsec, kDelay - kMillisecond)
            << "it arrives when the hold is over";
        seen++;
      }
    }
    EXPECT_EQ(seen, 2);
  }
  const auto a = bed.finish()[0];
  EXPECT_EQ(a.delayed, 2u);
  EXPECT_EQ(a.undelivered.total(), 0u);
}

// ---- connection tracking on lo ----

class Tracked : public LeftOutTest {
 protected:
  /// A connection over lo to `to`, which the rules lead to a server at `at`; it echoes bytes before and during a delay.
  void expect_alive(const std::string& rules, const char* to, const char* at, bool left_out) {
    shell(bed.here, "ip route replace default dev eth0; ip -6 route replace default dev eth0; nft '" + rules + "'");
    const Fd listener = bound_socket(bed.here, SOCK_STREAM, address(at, 15001));
    ASSERT_EQ(listen(listener.get(), 8), 0);
    const Address target = address(to, std::string(to) == at ? 15001 : 80);
    const auto connect_to = [&] {
      Inside in(bed.here);
      Fd fd(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const timeval longest{3, 0};
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
      EXPECT_EQ(connect(fd.get(), target.get(), target.size), 0) << std::generic_category().message(errno);
      return fd;
    };
    const auto echo = [](const Fd& client, const Fd& server) {
      char byte = 'x';
      return ::send(client.get(), &byte, 1, MSG_NOSIGNAL) == 1 && recv(server.get(), &byte, 1, 0) == 1 &&
             ::send(server.get(), &byte, 1, MSG_NOSIGNAL) == 1 && recv(client.get(), &byte, 1, 0) == 1;
    };
    const Fd before = connect_to(), before_there(accept(listener.get(), nullptr, nullptr));
    EXPECT_TRUE(echo(before, before_there)) << "without a fault";
    delay("tcp");
    const Fd during = connect_to();
    pollfd ready{listener.get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 3000), 1);
    const Fd during_there(accept(listener.get(), nullptr, nullptr));
    for (int i = 0; i < kMany; i++) {
      EXPECT_TRUE(echo(before, before_there)) << i;
      EXPECT_TRUE(echo(during, during_there)) << i;
    }
    const auto a = bed.finish()[0];
    EXPECT_EQ(a.undelivered.total(), 0u);
    EXPECT_EQ(a.left_out, a.left_out_nat);
    if (left_out) {
      EXPECT_GE(a.left_out_nat, 4u * kMany);
      EXPECT_EQ(a.matched, 0u);
    } else {
      EXPECT_EQ(a.left_out, 0u);
      EXPECT_GE(a.delayed, 4u * kMany);
    }
  }
};

TEST_P(Tracked, ARedirectedConnectionGoesOn) {
  expect_alive(
      "table ip t { chain o { type nat hook output priority -100; ip daddr 10.96.0.10 tcp dport 80 redirect to "
      ":15001; }; }",
      "10.96.0.10", "127.0.0.1", true);
}

TEST_P(Tracked, ARedirectedConnectionGoesOnByIpv6) {
  expect_alive(
      "table ip6 t { chain o { type nat hook output priority -100; ip6 daddr fd96::10 tcp dport 80 redirect to "
      ":15001; }; }",
      "fd96::10", "::1", true);
}

TEST_P(Tracked, ATranslatedConnectionToOnesOwnAddressGoesOn) {
  expect_alive(
      "table ip t { chain o { type nat hook output priority -100; ip daddr 10.96.0.10 tcp dport 80 dnat to "
      "10.7.0.1:15001; }; }",
      "10.96.0.10", "10.7.0.1", true);
}

TEST_P(Tracked, WhatIsNotToBeTrackedStaysSo) {
  expect_alive(
      "table inet t { chain o { type filter hook output priority -300; oif lo tcp dport 15001 notrack; oif lo "
      "tcp sport 15001 notrack; }; chain i { type filter hook input priority 0; iif lo meta l4proto tcp ct "
      "state != untracked drop; }; }",
      "127.0.0.1", "127.0.0.1", true);
}

TEST_P(Tracked, WhatIsTrackedInAZoneStaysThere) {
  expect_alive(
      "table inet t { chain o { type filter hook output priority -300; oif lo ct zone set 7; }; chain i { type "
      "filter hook input priority 0; iif lo meta l4proto tcp ct zone != 7 drop; }; }",
      "127.0.0.1", "127.0.0.1", true);
}

TEST_P(Tracked, AnOrdinaryConnectionIsDelayed) {
  expect_alive("table inet t { chain i { type filter hook input priority 0; ct state invalid drop; }; }", "127.0.0.1",
               "127.0.0.1", false);
}

// ---- more in front of TCP than usual, and bundles longer than 64 kB ----

class Bundles : public LeftOutTest {
 protected:
  void allow_large(std::uint16_t gso_attribute, std::uint16_t gro_attribute) {
    for (const NetNs* ns : {&bed.here, &bed.there}) {
      Inside in(*ns);
      NetlinkRequest request(RTM_NEWLINK, 0);
      request.header<ifinfomsg>().ifi_index = static_cast<int>(if_nametoindex("eth0"));
      request.put_u32(gso_attribute, 180000);
      request.put_u32(gro_attribute, 180000);
      try {
        netlink_ack("allow large bundles", request);
      } catch (const std::system_error& e) {
        GTEST_SKIP() << e.what();
      }
    }
  }
  void expect_whole(bool v6, double loss) {
    bed.play({{.delay = 5 * kMillisecond, .loss = loss, .protocol = "tcp"}}, GetParam());
    const auto t = transfer(bed.near(0, v6), bed.far(7000, v6), {.bytes = 8 << 20});
    const auto a = bed.finish()[0];
    EXPECT_TRUE(t.complete);
    EXPECT_TRUE(t.intact);
    EXPECT_EQ(a.undelivered.total(), 0u);
    EXPECT_EQ(a.left_out, 0u);
    EXPECT_GT(a.matched, (8u << 20) / 1448) << "wire packets";
  }
  enum { kGsoMax = 41, kGroMax = 58, kGsoMax4 = 63, kGroMax4 = 64 };  // IFLA_*, of which older headers lack some
};

TEST_P(Bundles, Above64KBByIpv6) {
  allow_large(kGsoMax, kGroMax);
  if (IsSkipped()) return;
  expect_whole(true, 0);
  expect_whole(true, 0.01);
}

TEST_P(Bundles, Above64KBByIpv4) {
  allow_large(kGsoMax4, kGroMax4);
  if (IsSkipped()) return;
  expect_whole(false, 0);
  expect_whole(false, 0.01);
}

FAULTLINE_WITH_BOTH_ENGINES(LeftOutTest);
FAULTLINE_WITH_BOTH_ENGINES(Tracked);
FAULTLINE_WITH_BOTH_ENGINES(Bundles);

}  // namespace
}  // namespace faultline::test
