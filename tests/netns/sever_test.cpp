// What applications see of a cut: the error, at which end, and how soon; and what they do not see.
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "tests/harness/tcp_ends.h"

namespace faultline::test {
namespace {

/// From now on what the device sends has its checksum, and who receives it looks at it.
void finish_checksums_in_software(const char* device) {
  ethtool_value off{ETHTOOL_STXCSUM, 0};
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&off);
  const Fd any(static_cast<int>(check("socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))));
  check("switch checksum offload off", ioctl(any.get(), SIOCETHTOOL, &request));
}

class SeverTest : public TcpEnds {
 protected:
  using TcpEnds::TcpEnds;
  void refused_at_once();
  void reset_at_both_ends();
  void cut(const std::string& mode, const std::string& more = "") {
    play_on_all("sever", fmt::format("mode = \"{}\"\n{}", mode, more));
  }
};

void SeverTest::refused_at_once() {
  // Somebody listens everywhere: without the fault nothing would be refused.
  std::vector<Fd> listeners;
  for (const Way& way : kWays) {
    listeners.push_back(listen_at(way.server, 8000));
    listeners.push_back(bound_socket(ns_of(way.server), SOCK_DGRAM, address(way.server, 9000)));
  }
  cut("refuse");
  for (const Way& way : kWays) EXPECT_EQ(connect_to(way, 8000, kSoon), ECONNREFUSED) << way.name;
  for (const Way& way : kWays) {
    const Fd socket = bound_socket(ns_of(way.client), SOCK_DGRAM, address(way.client, 0));
    const Address to = address(way.server, 9000);
    check("connect", ::connect(socket.get(), to.get(), to.size));
    say(socket);
    EXPECT_EQ(hear(socket, kSoon), -ECONNREFUSED) << way.name;
  }
  EXPECT_GE(finish()[0].answered, 12u);
  for (const Way& way : kWays) EXPECT_EQ(connect_to(way, 8000, kSoon), 0) << way.name << ", afterwards";
}

TEST_F(SeverTest, RefusedAtOnce) { refused_at_once(); }

void SeverTest::reset_at_both_ends() {
  std::vector<Connection> all;
  for (const Way& way : kWays)
    for (std::uint16_t port = 8000; port < 8003; port++) all.push_back(open(way, port));
  std::vector<Fd> listeners;
  for (const Way& way : kWays) listeners.push_back(listen_at(way.server, 8003));
  cut("reset");
  for (std::size_t i = 0; i < all.size(); i++) {
    const auto& [client, server] = all[i];
    if (i % 3 == 0) say(client);
    if (i % 3 == 1) say(server);
    if (i % 3 == 2) say(client, 1 << 20);  // bundles
    EXPECT_EQ(hear(client, kSoon), -ECONNRESET) << kWays[i / 3].name << ' ' << i % 3;
    EXPECT_EQ(hear(server, kSoon), -ECONNRESET) << kWays[i / 3].name << ' ' << i % 3;
  }
  for (const Way& way : kWays) EXPECT_EQ(connect_to(way, 8003, kSoon), ECONNREFUSED) << way.name;
  const auto counts = finish();
  EXPECT_GE(counts[0].answered, all.size());
  EXPECT_GE(counts[0].dropped, counts[0].answered);
}

TEST_F(SeverTest, ResetAtBothEnds) { reset_at_both_ends(); }

class SeverOnABareDevice : public SeverTest {
 protected:
  SeverOnABareDevice() : SeverTest(Wire::bare) {}
};

TEST_F(SeverOnABareDevice, RefusedAtOnce) { refused_at_once(); }
TEST_F(SeverOnABareDevice, ResetAtBothEnds) { reset_at_both_ends(); }

TEST_F(SeverTest, WhereChecksumsAreFinishedAndChecked) {
  for (const NetNs* ns : {&bed.here, &bed.there}) {
    Inside in(*ns);
    finish_checksums_in_software("eth0");
  }
  std::vector<Connection> all;
  for (int i = 0; i < 4; i++) all.push_back(open(kWays[i], 8000));
  cut("reset");
  for (int i = 0; i < 4; i++) {
    say(i % 2 == 0 ? all[i].client : all[i].server);  // the other end has only what was sent on to it
    EXPECT_EQ(hear(all[i].client, kSoon), -ECONNRESET) << kWays[i].name;
    EXPECT_EQ(hear(all[i].server, kSoon), -ECONNRESET) << kWays[i].name;
  }
}

TEST_F(SeverTest, RefusingResetsWhatIsEstablished) {
  const Connection c = open(kWays[0], 8000);
  cut("refuse");
  say(c.server);
  EXPECT_EQ(hear(c.client, kSoon), -ECONNRESET);
  EXPECT_EQ(hear(c.server, kSoon), -ECONNRESET);
}

TEST_F(SeverTest, HalfOpenLeavesThePeerWaiting) {
  struct Torn {
    const char* name;
    Fd ours, peers;
  };
  for (const bool peer_speaks : {false, true}) {
    SCOPED_TRACE(peer_speaks);
    std::vector<Torn> all;
    for (const Way& way : {kWays[0], kWays[1], kWays[2], kWays[3]}) {
      Connection c = open(way, 8000);
      const bool here_is_client = &ns_of(way.client) == &bed.here;
      all.push_back(
          {way.name, std::move(here_is_client ? c.client : c.server), std::move(here_is_client ? c.server : c.client)});
    }
    cut("half-open");
    for (const Torn& one : all) say(peer_speaks ? one.peers : one.ours);
    for (const Torn& one : all) EXPECT_EQ(hear(one.ours, kSoon), -ECONNRESET) << one.name;
    for (const bool once_more : {false, true}) {
      SCOPED_TRACE(once_more);
      usleep(kQuiet / kMicrosecond);
      for (const Torn& one : all) {
        EXPECT_EQ(hear(one.peers, 0), 0) << one.name << " still waits";
        EXPECT_EQ(error_of(one.peers), 0) << one.name;
        if (!once_more) say(one.peers);
      }
    }
    for (const Way& way : {kWays[0], kWays[1], kWays[2], kWays[3]}) {
      const Connection again = open(way, 8001);
      say(again.client);
      EXPECT_EQ(hear(again.server, kSoon), 10) << way.name;
    }
    finish();
  }
}

// Both ends are the target's there: its peer is who has the address that the fault names.
TEST_F(SeverTest, HalfOpenOnLoopbackLeavesThePeerWaiting) {
  {
    Inside in(bed.here);
    add_address("lo", *IpPrefix::parse("fd07::9/128"));
  }
  for (const Way& way : {Way{"lo", "127.0.0.1", "127.0.0.9"}, Way{"lo6", "::1", "fd07::9"}})
    for (const bool peer_speaks : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, {}", way.name, peer_speaks ? "the peer speaks" : "we speak"));
      const Connection c = open(way, 8000);
      cut("half-open", fmt::format("peer = \"{}\"\n[targets.other]\naddress = \"{}\"\n", "other", way.server));
      say(peer_speaks ? c.server : c.client);
      EXPECT_EQ(hear(c.client, kSoon), -ECONNRESET);
      usleep(kQuiet / kMicrosecond);
      EXPECT_EQ(hear(c.server, 0), 0) << "it still waits";
      EXPECT_EQ(error_of(c.server), 0);
      finish();
    }
}

TEST_F(SeverTest, NothingNew) {
  std::vector<Connection> before;
  std::vector<Fd> listeners;
  for (const Way& way : kWays) before.push_back(open(way, 8000)), listeners.push_back(listen_at(way.server, 8001));
  cut("new-only");
  for (std::size_t i = 0; i < before.size(); i++) {
    EXPECT_EQ(connect_to(kWays[i], 8001, kQuiet), ETIMEDOUT) << kWays[i].name;
    say(before[i].client);
    EXPECT_EQ(hear(before[i].server, kSoon), 10) << kWays[i].name;
    say(before[i].server);
    EXPECT_EQ(hear(before[i].client, kSoon), 10) << kWays[i].name;
  }
  EXPECT_EQ(finish()[0].answered, 0u);
}

TEST_F(SeverTest, OnlyWhatIsOld) {
  for (const char* direction : {"both", "egress", "ingress"}) {
    std::vector<Connection> before;
    for (const Way& way : kWays) before.push_back(open(way, 8000));
    cut("established-only", fmt::format("direction = \"{}\"\n", direction));
    std::vector<Connection> after;
    for (const Way& way : kWays) after.push_back(open(way, 8001));
    for (std::size_t i = 0; i < after.size(); i++) {
      SCOPED_TRACE(fmt::format("{} {}", kWays[i].name, direction));
      say(after[i].client);
      EXPECT_EQ(hear(after[i].server, kSoon), 10);
      say(after[i].server);
      EXPECT_EQ(hear(after[i].client, kSoon), 10);
      say(before[i].client);
    }
    // Cut one way, the data or its acknowledgements are lost: the sender's queue does not empty.
    const Ns end = monotonic_now() + kQuiet;
    while (monotonic_now() < end) poll(nullptr, 0, 50);
    for (std::size_t i = 0; i < before.size(); i++) {
      tcp_info info{};
      socklen_t size = sizeof info;
      getsockopt(before[i].client.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
      EXPECT_GT(info.tcpi_unacked, 0u) << kWays[i].name << ' ' << direction;
      EXPECT_EQ(error_of(before[i].client), 0);
    }
    finish();
  }
}

TEST_F(SeverTest, BothEndsAsTargetsAndADelayBeside) {
  const Connection c = open(kWays[0], 8000);
  play(
      "[[faults]]\nkind = \"sever\"\nmode = \"reset\"\non = [\"a\", \"b\"]\nstart = \"0s\"\nfor = \"600s\"\n"
      "[[faults]]\nkind = \"degrade\"\ndelay = \"3s\"\non = \"a\"\nstart = \"0s\"\nfor = \"600s\"\n");
  say(c.client);
  EXPECT_EQ(hear(c.client, 2 * kSecond), -ECONNRESET);
  EXPECT_EQ(hear(c.server, 2 * kSecond), -ECONNRESET) << "an answer is not held";
  const auto counts = finish();
  EXPECT_GE(counts[0].answered, 1u);
  EXPECT_GE(counts[0].composed, 1u);
}

// A cut fibre does not cut lo: who is cut off still reaches itself, as a Redis its own client.
TEST_F(SeverTest, AMachineCutOffStillReachesItself) {
  const std::string ways[] = {"kind = \"sever\"", "kind = \"flap\"\ndown = \"300s\"\nup = \"1s\"",
                              "kind = \"sever\"\npeer = \"itself\""};
  for (const auto& way : ways) {
    SCOPED_TRACE(way);
    const bool named = way.find("peer") != std::string::npos;
    const Fd own = listen_at(kWays[4].server, 8000), own6 = listen_at(kWays[5].server, 8000),
             other = listen_at(kWays[0].server, 8000);
    play(
        fmt::format("[targets.itself]\naddress = [\"127.0.0.1\", \"::1\"]\n[[faults]]\n{}\non = \"a\"\nstart = "
                    "\"0s\"\nfor = \"600s\"\n",
                    way));
    EXPECT_EQ(connect_to(kWays[4], 8000, kSoon), named ? ETIMEDOUT : 0);
    EXPECT_EQ(connect_to(kWays[5], 8000, kSoon), named ? ETIMEDOUT : 0);
    EXPECT_EQ(connect_to(kWays[0], 8000, kSoon), named ? 0 : ETIMEDOUT);
    finish();
  }
}

TEST_F(SeverTest, AlsoByClsact) {
  const Connection c = open(kWays[0], 8000), on_lo = open(kWays[4], 8000);
  const Fd listener = listen_at(kWays[2].server, 8001);
  play("[[faults]]\nkind = \"sever\"\nmode = \"reset\"\non = \"a\"\nloopback = true\nstart = \"0s\"\nfor = \"600s\"\n",
       pen::Engine::clsact);
  for (const auto* each : {&c, &on_lo}) {
    say(each->client);
    EXPECT_EQ(hear(each->client, kSoon), -ECONNRESET);
    EXPECT_EQ(hear(each->server, kSoon), -ECONNRESET);
  }
  EXPECT_EQ(connect_to(kWays[2], 8001, kSoon), ECONNREFUSED);
  EXPECT_GE(finish()[0].answered, 3u);
}

}  // namespace
}  // namespace faultline::test
