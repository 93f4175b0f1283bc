#include <gtest/gtest.h>

#include "tests/harness/asking.h"
#include "tests/harness/toy_server.h"

namespace faultline::test {
namespace {

using Kind = Manners::Kind;

class ProbeTcp : public testing::Test {
 protected:
  Verdicts four(
      Manners manners, const std::function<void(probe::Probe&)>& with = [](probe::Probe&) {}) {
    ToyServer server(ns_, "127.0.0.1", std::move(manners));
    auto probe = tcp_probe("127.0.0.1:" + std::to_string(server.port()));
    with(probe);
    return verdicts(ask(probe, ns_, 4 * probe.every));
  }
  const NetNs ns_ = loopback_ns();
};

void exchange(probe::Probe& p) {
  p.params.set("send", "PING\r\n");
  p.params.set("expect.reply", "+PONG");
  p.timeout = 500 * kMillisecond;
}

TEST_F(ProbeTcp, AConnectionIsEnoughWhenNoMoreIsAsked) {
  EXPECT_EQ(four({.kind = Kind::silent}), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four({.kind = Kind::silent}, [](auto& p) { p.params.set("send", "bye"); }), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeTcp, TheReplyMustBeginAsExpected) {
  const auto patient = [](probe::Probe& p) {
    exchange(p);
    p.timeout = 10 * kSecond;
  };
  EXPECT_EQ(four({.reply = "+PONG\r\n"}, patient), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four({.reply = "-LOADING"}, patient), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four({.reply = "+PO"}, patient), (Verdicts{{"reply", 4}}));
  EXPECT_EQ(four({.reply = "220 ready", .greets = true}, [](auto& p) { p.params.set("expect.reply", "220"); }),
            (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeTcp, ClosedResetAndTimeout) {
  EXPECT_EQ(four({.kind = Kind::close}, exchange), (Verdicts{{"closed", 4}}));
  EXPECT_EQ(four({.kind = Kind::reset}, exchange), (Verdicts{{"reset", 4}}));
  EXPECT_EQ(four({.kind = Kind::silent}, exchange), (Verdicts{{"timeout", 4}}));
}

TEST_F(ProbeTcp, RefusedAndUnreachable) {
  std::uint16_t port = 0;
  { port = ToyServer(ns_, "127.0.0.1", {}).port(); }
  EXPECT_EQ(verdicts(ask(tcp_probe("127.0.0.1:" + std::to_string(port)), ns_, 200 * kMillisecond)),
            (Verdicts{{"refused", 4}}));
  EXPECT_EQ(verdicts(ask(tcp_probe("192.0.2.1:80"), ns_, 200 * kMillisecond)), (Verdicts{{"unreachable", 4}}));
}

TEST_F(ProbeTcp, V6AndLabNames) {
  ToyServer server(ns_, "::1", {});
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(verdicts(ask(tcp_probe("[::1]:" + port), ns_, 200 * kMillisecond)), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(verdicts(ask(tcp_probe("db:" + port), ns_, 200 * kMillisecond, {{"db", "::1"}})), (Verdicts{{"ok", 4}}));
}

class ProbeIcmp : public testing::Test {
 protected:
  ProbeIcmp() {
    add_veth({.name = "fp0", .ns = &here_}, {.name = "fp1", .ns = &there_});
    address(here_, "fp0", "10.9.0.1/24", "fd09::1/64");
    address(there_, "fp1", "10.9.0.2/24", "fd09::2/64");
  }
  static void address(const NetNs& ns, const char* device, const char* four, const char* six) {
    const Inside inside(ns);
    set_up(device);
    add_address(device, *IpPrefix::parse(four));
    add_address(device, *IpPrefix::parse(six));
  }
  Verdicts four(const std::string& host, Ns timeout = 10 * kSecond) {
    auto probe = icmp_probe(host);
    probe.timeout = timeout;
    return verdicts(ask(probe, here_, 4 * probe.every));
  }
  const NetNs here_ = loopback_ns(), there_ = loopback_ns();
};

TEST_F(ProbeIcmp, LoopbackInBothFamilies) {
  EXPECT_EQ(four("127.0.0.1"), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four("::1"), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeIcmp, AVethInBothFamilies) {
  EXPECT_EQ(four("10.9.0.2"), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four("fd09::2"), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeIcmp, AHostThatDoesNotAnswerIsATimeout) {
  {
    const Inside inside(there_);
    ASSERT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
  }
  EXPECT_EQ(four("10.9.0.2", 300 * kMillisecond), (Verdicts{{"timeout", 4}}));
}

TEST_F(ProbeIcmp, NoRouteAndNoNeighbourAreUnreachable) {
  EXPECT_EQ(four("192.0.2.1"), (Verdicts{{"unreachable", 4}}));
  EXPECT_EQ(four("2001:db8::1"), (Verdicts{{"unreachable", 4}}));
  EXPECT_EQ(four("10.9.0.77"), (Verdicts{{"unreachable", 4}}));  // the kernel's own ICMP error, after its ARP gave up
  EXPECT_EQ(four("fd09::77"), (Verdicts{{"unreachable", 4}}));
}

TEST_F(ProbeIcmp, ProbesSideBySideKeepTheirRepliesApart) {
  // On a busy machine hundreds are sent before the neighbour's first answer is looked at, and its queue holds few of
  // them.
  ASSERT_EQ(four("10.9.0.2"), (Verdicts{{"ok", 4}})) << "so it is known by then";
  Samples a, b;
  auto probe = icmp_probe("10.9.0.2");
  probe.every = 2 * kMillisecond;
  probe::Prober one(probe, 0, {&here_, "", {}}, nullptr, a.sink()), two(probe, 1, {&here_, "", {}}, nullptr, b.sink());
  const Ns epoch = monotonic_now();
  one.start(epoch, 400 * kMillisecond);
  two.start(epoch, 400 * kMillisecond);
  sleep_until(epoch + 400 * kMillisecond);
  one.finish();
  two.finish();
  for (const auto* s : {&a, &b}) {
    EXPECT_EQ(verdicts(s->all()), (Verdicts{{"ok", 200}}));
    EXPECT_TRUE(complete(s->all(), probe.every, 200));
  }
}

}  // namespace
}  // namespace faultline::test
