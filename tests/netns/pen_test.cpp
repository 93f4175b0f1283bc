// The whole way of a packet, with either kind of attachment: taken at a device, through the pen, back to the device.
// Two anonymous namespaces joined by a veth; rules straight from channels, without a plan.
#include "injector/pen/pen.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <functional>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"
#include "injector/pen/janitor.h"
#include "injector/pen/tc.h"
#include "injector/site/devices.h"
#include "tests/harness/engines.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp.h"

namespace faultline::pen {
namespace {

using test::address;
using test::send_udp;
using test::Sent;

constexpr faults::Window kAlways{0, 600 * kSecond};
/// A noisy machine may be this much late.
constexpr Ns kSlack = 100 * kMillisecond;

struct Setting {
  Ns delay = 0, jitter = 0;
  double loss = 0;
  site::Match match;
  faults::Window window = kAlways;
};

struct PenTest : test::EngineTest, test::TwoNamespaces {
  void SetUp() override {
    test::EngineTest::SetUp();
    if (IsSkipped()) return;
    Inside in(there);
    add_address("eth0", *IpPrefix::parse("10.7.0.3/24"));
    add_address("eth0", *IpPrefix::parse("fd07::3/64"));
  }

  site::Site make_site(const std::vector<Setting>& settings) {
    site::Site site{"here", here.duplicate(), {}, {}};
    {
      Inside in(here);
      site.devices = site::l3_devices();
    }
    for (std::uint32_t i = 0; i < settings.size(); i++) site.rules.push_back({i, "here", settings[i].match});
    return site;
  }

  static faults::Score make_score(const std::vector<Setting>& settings) {
    std::vector<faults::RuleSource> rules;
    for (std::uint32_t i = 0; i < settings.size(); i++) {
      const Setting& s = settings[i];
      faults::RuleSource rule{{}, s.window, 1000 + i, 0, i};
      if (s.delay != 0) faults::add_step(rule.channel.delay, s.window, static_cast<double>(s.delay));
      if (s.jitter != 0) faults::add_step(rule.channel.jitter, s.window, static_cast<double>(s.jitter));
      if (s.loss != 0) faults::add_step(rule.channel.loss, s.window, s.loss);
      rules.push_back(rule);
    }
    return faults::flatten(rules, 1);
  }

  /// A pen in force from now on.
  void play(const std::vector<Setting>& settings) {
    rule_count = settings.size();
    PenOptions options;
    options.engine = GetParam();
    options.alias = "faultline test";
    std::vector<site::Site> sites;
    sites.push_back(make_site(settings));
    pen = std::make_unique<Pen>(std::move(sites), make_score(settings), options, [](const std::string&) {});
    pen->arm(monotonic_now());
  }

  /// Ends it; nothing may be missing, and nothing left.
  std::vector<faults::Account> finish() {
    pen->stop();
    pen->drain();
    const auto counts = pen->accounts(rule_count);
    for (const auto& c : counts) {
      EXPECT_EQ(c.undelivered.total(), 0u)
          << "full " << c.undelivered.full << " overdue " << c.undelivered.overdue << " refused "
          << c.undelivered.refused << " queue " << c.undelivered.tap_queue << " transit " << c.undelivered.in_transit
          << " unreturned " << c.undelivered.unaccounted;
      EXPECT_EQ(c.passed_by_safety, 0u);
      EXPECT_EQ(c.undelivered.untaken, 0u);
    }
    const auto failures = pen->close();
    for (const auto& failure : failures) ADD_FAILURE() << failure;
    pen.reset();
    expect_bare();
    return counts;
  }

  void expect_bare() {
    Inside in(here);
    for (const auto& device : list_devices()) {
      EXPECT_TRUE(device.name == "lo" || device.name == "eth0") << device.name;
      EXPECT_EQ(tc::ingress_qdisc(device.index), "") << device.name;
    }
  }

  static void expect_delayed(const Sent& sent, std::size_t count, Ns delay) {
    EXPECT_EQ(sent.refused, 0u);
    ASSERT_EQ(sent.took.size(), count);
    EXPECT_GE(sent.least(), delay);
    EXPECT_LT(sent.median(), delay + kSlack);
  }
  static void expect_applied(const faults::Account& c, std::size_t count, Ns delay) {
    EXPECT_EQ(c.matched, count);
    EXPECT_EQ(c.delayed, count);
    EXPECT_EQ(c.dropped, 0u);
    for (const auto& spread : {c.applied_delay, c.held}) {
      EXPECT_EQ(spread.count, count);
      EXPECT_GE(spread.p50,
                static_cast<double>(delay) / kMicrosecond * 0.97);  // the histogram's buckets are 3 % wide
      EXPECT_LT(spread.p50, static_cast<double>(delay + kSlack) / kMicrosecond);
    }
  }

  std::unique_ptr<Pen> pen;
  std::size_t rule_count = 0;
};

site::Match udp() {
  site::Match match;
  match.protocol = "udp";
  return match;
}

TEST_P(PenTest, DelaysWhatLeaves) {
  site::Match match = udp();
  match.ingress = false;
  play({{.delay = 20 * kMillisecond, .match = match}});
  const auto out = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 100);
  expect_delayed(out, 100, 20 * kMillisecond);
  const auto out6 = send_udp(here, address("fd07::1", 5000), there, address("fd07::2", 7000), 100);
  expect_delayed(out6, 100, 20 * kMillisecond);
  expect_applied(finish()[0], 200, 20 * kMillisecond);
}

TEST_P(PenTest, DelaysWhatArrivesAndNothingElse) {
  site::Match match = udp();
  match.egress = false;
  play({{.delay = 300 * kMillisecond, .match = match}});
  const auto out = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 50);
  ASSERT_EQ(out.took.size(), 50u);
  EXPECT_LT(out.median(), 150 * kMillisecond);
  const auto in = send_udp(there, address("10.7.0.2", 5000), here, address("10.7.0.1", 7000), 50);
  expect_delayed(in, 50, 300 * kMillisecond);
  const auto in6 = send_udp(there, address("fd07::2", 5000), here, address("fd07::1", 7000), 50);
  expect_delayed(in6, 50, 300 * kMillisecond);
  expect_applied(finish()[0], 100, 300 * kMillisecond);
}

TEST_P(PenTest, ASureLossIsSilent) {
  play({{.loss = 1, .match = udp()}});
  const auto out = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 100);
  const auto in = send_udp(there, address("10.7.0.2", 5000), here, address("10.7.0.1", 7000), 100);
  for (const auto& sent : {out, in}) {
    EXPECT_EQ(sent.refused, 0u) << "the sender must not be told";
    EXPECT_EQ(sent.took.size(), 0u);
  }
  const auto c = finish()[0];
  EXPECT_EQ(c.matched, 200u);
  EXPECT_EQ(c.dropped, 200u);
}

TEST_P(PenTest, LosesTheShareThatWasAskedAndNoMore) {
  site::Match match = udp();
  match.ingress = false;
  play({{.loss = 0.3, .match = match}});
  const auto out =
      send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 2000, 100 * kMicrosecond);
  const auto c = finish()[0];
  EXPECT_EQ(c.matched, 2000u);
  EXPECT_EQ(out.took.size(), 2000 - c.dropped) << "what was not dropped arrives";
  EXPECT_NEAR(static_cast<double>(c.dropped), 600, 103);  // five standard deviations
}

TEST_P(PenTest, LoopbackOfBothFamilies) {
  play({{.delay = 20 * kMillisecond, .match = udp()}});
  for (const char* lo : {"127.0.0.1", "::1"}) {
    SCOPED_TRACE(lo);
    expect_delayed(send_udp(here, address(lo, 5000), here, address(lo, 7000), 50), 50, 20 * kMillisecond);
  }
  // 10.7.0.1 to itself goes over lo, too.
  expect_delayed(send_udp(here, address("10.7.0.1", 5000), here, address("10.7.0.1", 7000), 50), 50, 20 * kMillisecond);
  expect_applied(finish()[0], 150, 20 * kMillisecond);
}

TEST_P(PenTest, PeersSelect) {
  site::Match match = udp();
  match.any_peer = false;
  match.peers = {*IpPrefix::parse("10.7.0.2/32"), *IpPrefix::parse("fd07::2/127")};  // ::2 and ::3
  play({{.loss = 1, .match = match}});
  const auto arrived = [&](const char* from, const char* to) {
    return send_udp(here, address(from, 5000), there, address(to, 7000), 20, kMillisecond, 64, 300 * kMillisecond)
        .took.size();
  };
  EXPECT_EQ(arrived("10.7.0.1", "10.7.0.2"), 0u);
  EXPECT_EQ(arrived("10.7.0.1", "10.7.0.3"), 20u);
  EXPECT_EQ(arrived("fd07::1", "fd07::2"), 0u);
  EXPECT_EQ(arrived("fd07::1", "fd07::3"), 0u);
  EXPECT_EQ(finish()[0].dropped, 60u);
}

TEST_P(PenTest, PortsSelect) {
  site::Match peer = udp();
  peer.peer_ports = {{7000, 7005}};
  site::Match own = udp();
  own.own_ports = {{6000, 6000}};
  play({{.loss = 1, .match = peer}, {.loss = 1, .match = own}});
  const auto arrived = [&](std::uint16_t own_port, std::uint16_t peer_port) {
    return send_udp(here, address("10.7.0.1", own_port), there, address("10.7.0.2", peer_port), 20, kMillisecond, 64,
                    300 * kMillisecond)
        .took.size();
  };
  EXPECT_EQ(arrived(5000, 7003), 0u);
  EXPECT_EQ(arrived(5000, 7006), 20u);
  EXPECT_EQ(arrived(7003, 5000), 20u) << "7003 is not the peer's port here";
  EXPECT_EQ(arrived(6000, 5000), 0u);
  const auto in = send_udp(there, address("10.7.0.2", 7001), here, address("10.7.0.1", 5000), 20, kMillisecond, 64,
                           300 * kMillisecond);
  EXPECT_EQ(in.took.size(), 0u) << "the peer's port, whichever way it goes";
  const auto counts = finish();
  EXPECT_EQ(counts[0].dropped, 40u);
  EXPECT_EQ(counts[1].dropped, 20u);
}

TEST_P(PenTest, IcmpAndFragments) {
  site::Match match;
  match.protocol = "icmp";
  play({{.delay = 20 * kMillisecond, .match = match}, {.delay = 30 * kMillisecond, .match = udp()}});
  {
    Inside in(here);
    EXPECT_EQ(std::system("ping -n -q -c 5 -i 0.05 -W 5 10.7.0.2 >/dev/null"), 0);
    EXPECT_EQ(std::system("ping -n -q -c 5 -i 0.05 -W 5 -s 4000 fd07::2 >/dev/null"), 0);
  }
  const auto out =
      send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 20, 2 * kMillisecond, 4000);
  expect_delayed(out, 20, 30 * kMillisecond);
  const auto counts = finish();
  EXPECT_GE(counts[0].applied_delay.p50, 20000 * 0.97);
  EXPECT_GE(counts[0].delayed, 5 * 2 + 5 * 2 * 3u) << "each fragment is a packet";
  expect_applied(counts[1], 20 * 3, 30 * kMillisecond);
}

TEST_P(PenTest, TcpWithEverything) {
  site::Match match;
  match.protocol = "tcp";
  play({{.delay = 5 * kMillisecond, .jitter = 3 * kMillisecond, .loss = 0.01, .match = match}});
  const auto at = address("10.7.0.2", 7000);
  const Fd listener = test::bound_socket(there, SOCK_STREAM, at);
  check("listen", listen(listener.get(), 1));
  constexpr std::size_t kBytes = 2 << 20;
  std::size_t right = 0, got = 0;
  std::thread server([&] {
    const Fd accepted(accept(listener.get(), nullptr, nullptr));
    std::vector<std::uint8_t> buffer(65536);
    for (;;) {
      const ssize_t n = recv(accepted.get(), buffer.data(), buffer.size(), 0);
      if (n <= 0) return;
      for (ssize_t i = 0; i < n; i++, got++)
        right += buffer[static_cast<std::size_t>(i)] == static_cast<std::uint8_t>(got * 7 / 3);
    }
  });
  {
    const Fd client = test::bound_socket(here, SOCK_STREAM, address("10.7.0.1", 0));
    check("connect", connect(client.get(), at.get(), at.size));
    std::vector<std::uint8_t> data(kBytes);
    for (std::size_t i = 0; i < kBytes; i++) data[i] = static_cast<std::uint8_t>(i * 7 / 3);
    for (std::size_t sent = 0; sent < kBytes;)
      sent += static_cast<std::size_t>(check("send", send(client.get(), data.data() + sent, kBytes - sent, 0)));
  }
  server.join();
  EXPECT_EQ(got, kBytes);
  EXPECT_EQ(right, kBytes);
  const auto c = finish()[0];
  EXPECT_GT(c.dropped, 0u);
  EXPECT_GT(c.matched, kBytes / 1500);
}

TEST_P(PenTest, EndsWhenTheScoreSays) {
  play({{.loss = 1, .match = udp(), .window = {0, kSecond}}});
  const Ns begun = monotonic_now();
  const auto out = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 200, 10 * kMillisecond);
  ASSERT_GT(monotonic_now() - begun, 1500 * kMillisecond);
  const auto c = finish()[0];
  EXPECT_GT(c.dropped, 0u);
  EXPECT_EQ(c.dropped + out.took.size(), 200u);
  EXPECT_GT(out.took.size(), 20u);
}

TEST_P(PenTest, OtherFiltersOnTheDeviceStillRun) {
  int index = 0;
  {
    Inside in(here);
    index = static_cast<int>(if_nametoindex("eth0"));
    ASSERT_EQ(std::system("tc qdisc add dev eth0 clsact && tc chain add dev eth0 ingress chain 1"), 0);
  }
  play({{.loss = 1, .match = udp()}});
  EXPECT_EQ(send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 20).took.size(), 0u);
  pen->close();
  pen.reset();
  Inside in(here);
  EXPECT_EQ(tc::ingress_qdisc(index), "clsact");
  EXPECT_TRUE(tc::list_filters(index, Hook::egress).empty());
}

// A kill in the middle of a fault: traffic is untouched again at once, and nothing is left.
TEST_P(PenTest, AKillEndsEverything) {
  int ready[2];
  check("pipe", pipe(ready));
  const pid_t child = fork();
  if (child == 0) {
    ::close(ready[0]);
    try {
      const auto janitor = Janitor::start();
      PenOptions options;
      options.engine = GetParam();
      options.janitor = janitor.get();
      const std::vector<Setting> settings{{.delay = 400 * kMillisecond, .match = udp()}};
      std::vector<site::Site> sites;
      sites.push_back(make_site(settings));
      Pen own(std::move(sites), make_score(settings), options, [](const std::string&) {});
      own.arm(monotonic_now());
      check("tell", write(ready[1], "x", 1));
      for (;;) pause();
    } catch (const std::exception& e) {
      fprintf(stderr, "child: %s\n", e.what());
    }
    _exit(1);
  }
  ::close(ready[1]);
  char x = 0;
  EXPECT_EQ(read(ready[0], &x, 1), 1);
  ::close(ready[0]);
  const auto during = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 20);
  EXPECT_GE(during.least(), 400 * kMillisecond);
  ::kill(child, SIGKILL);
  const Ns killed = monotonic_now();
  waitpid(child, nullptr, 0);
  // What was sent before the kernel has closed the last descriptor may be lost. Generous: an emulated machine is slow.
  const auto soon = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 100);
  EXPECT_GE(soon.took.size(), 50u);
  const auto after = send_udp(here, address("10.7.0.1", 5000), there, address("10.7.0.2", 7000), 50);
  EXPECT_EQ(after.took.size(), 50u);
  EXPECT_LT(after.median(), 300 * kMillisecond);
  const auto bare = [&] {
    Inside in(here);
    const auto devices = list_devices();
    return devices.size() == 2 && std::all_of(devices.begin(), devices.end(),
                                              [](const Device& d) { return tc::ingress_qdisc(d.index).empty(); });
  };
  while (!bare() && monotonic_now() - killed < 10 * kSecond) usleep(2000);
  expect_bare();
}

FAULTLINE_WITH_BOTH_ENGINES(PenTest);

}  // namespace
}  // namespace faultline::pen
