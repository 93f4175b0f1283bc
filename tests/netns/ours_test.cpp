// Whose loss it is that a target's TCP makes good: a fault's, or somebody else's. Real traffic; what is lost elsewhere
// nftables drops, behind the fault. Measured beside: how many packets either of them dropped.
#include <signal.h>

#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/traffic.h"
#include "tests/netns/telemetry_bed.h"

namespace faultline::test {
namespace {

constexpr std::uint16_t kPort = 7000;

struct Ours : TelemetryTest {
  /// A run whose fault is in force once the journal says so.
  Command degrade(const std::string& keys) {
    return start("telemetry = [\"victim\", \"them\"]\nduration = \"300s\"",
                 "[[faults]]\nname = \"bad\"\nkind = \"degrade\"\non = \"victim\"\nstart = \"0s\"\nfor = "
                 "\"run\"\n" +
                     keys);
  }
  void finish(Command& run) const {
    run.signal(SIGINT);
    ASSERT_TRUE(run.wait(60 * kSecond)) << run.errors();
    for (const auto& event : journal_of(out)) EXPECT_NE(event["event"], "uncounted") << event;
    expect_same_when_reported();
  }
  End near(std::uint16_t port, bool v6) const { return {&net.here, address(v6 ? "fd07::1" : "10.7.0.1", port)}; }
  End far(std::uint16_t port, bool v6) const { return {&net.there, address(v6 ? "fd07::2" : "10.7.0.2", port)}; }
  void transfer_to(const End& from, const End& to) const {
    const auto done = transfer(from, to, {.connections = 4, .bytes = 3'000'000});
    EXPECT_TRUE(done.complete);
    EXPECT_TRUE(done.intact);
  }
  /// From here on one of so many packets of TCP that `ns` receives is lost there; they may be bundles.
  static void lose_one_of(int many, const NetNs& ns, const std::string& which = "") {
    Inside in(ns);
    const auto said = say_all(
        {"nft", fmt::format("table inet t {{ chain i {{ type filter hook input priority 0; meta l4proto tcp {} numgen "
                            "random mod {} < 1 counter drop; }}; }}",
                            which, many)});
    ASSERT_EQ(said.status, 0) << said.errors;
  }
  static int dropped_at(const NetNs& ns) {
    Inside in(ns);
    const std::string said = say_all({"nft", "list", "table", "inet", "t"}).out;
    const auto at = said.find("packets ");
    return at == std::string::npos ? -1 : std::stoi(said.substr(at + 8));
  }
  /// So far, as the journal has it.
  int count_again() const {
    int all = 0;
    for (const auto& event : journal_of(out))
      if (event["event"] == "telemetry") all += event["retransmits"].get<int>();
    return all;
  }
  int dropped_by_fault() const { return summary_of(out)["faults"][0]["packets_dropped"]; }
  struct Again {
    int all, ours;
  };
  Again again(const std::string& target) const {
    const auto run = telemetry(target)["run"];
    return {run["retransmits"], run["retransmits_ours"]};
  }
  /// On a busy machine TCP takes for lost what is late.
  static void expect_nearly_all(const Again& again) {
    EXPECT_GE(again.all, 50);
    EXPECT_GE(again.ours * 10, again.all * 8) << again.ours << " of " << again.all;
    EXPECT_LE(again.ours, again.all);
  }
};

/// A connection from `there` to an echo server.
struct Talk {
  explicit Talk(const TwoNamespaces& net)
      : echo(nullptr, net.here, kPort), client(bound_socket(net.there, SOCK_STREAM, address("10.7.0.2", 0))) {
    check("connect", ::connect(client.get(), server.get(), server.size));
  }
  void say() const { check("send", ::send(client.get(), "four", 4, 0)); }

  const EchoProcess echo;
  const Address server = address("10.7.0.1", kPort);
  const Fd client;
};

struct OfAFault : Ours, testing::WithParamInterface<std::tuple<bool, std::string>> {};

TEST_P(OfAFault, AreNearlyAllWhereNothingElseIsLost) {
  const auto& [v6, delay] = GetParam();
  auto run = degrade("loss = \"4%\"\n" + delay);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  transfer_to(near(0, v6), far(kPort, v6));
  transfer_to(far(0, v6), near(kPort, v6));
  finish(run);
  expect_nearly_all(again("victim"));
  expect_nearly_all(again("them"));
}

INSTANTIATE_TEST_SUITE_P(Ways, OfAFault, testing::Combine(testing::Bool(), testing::Values("", "delay = \"2ms\"\n")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "v6" : "v4") +
                                  (std::get<1>(info.param).empty() ? "" : "held");
                         });

TEST_F(Ours, AreNoneWhereSomebodyElseDrops) {
  lose_one_of(10, net.there);
  lose_one_of(10, net.here);
  auto run = degrade("delay = \"1ms\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  transfer_to(near(0, false), far(kPort, false));
  transfer_to(far(0, true), near(kPort, true));
  finish(run);
  EXPECT_EQ(dropped_by_fault(), 0);
  for (const char* target : {"victim", "them"}) {
    EXPECT_GE(again(target).all, 5);
    EXPECT_EQ(again(target).ours, 0);
  }
}

/// Both lose of the same bytes: each loss of the fault's makes one retransmission ours, and no more.
TEST_F(Ours, AreAsManyAsTheFaultDroppedWhereBothDo) {
  lose_one_of(25, net.there, "tcp dport 7000");
  auto run = degrade("loss = \"4%\"\ndirection = \"egress\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  transfer_to(near(0, false), far(kPort, false));
  finish(run);
  const Again victim = again("victim");
  const int ours = dropped_by_fault(), theirs = dropped_at(net.there);
  ASSERT_GE(ours, 50);
  ASSERT_GE(theirs, 50);
  EXPECT_LE(victim.ours, ours);
  EXPECT_GE(victim.ours * 10, ours * 7) << "of several segments that are sent again at once, one is counted";
  EXPECT_GE((victim.all - victim.ours) * 10, theirs * 5) << victim.all;
}

/// What is sent again is lost again: each time it is the one before that was dropped.
TEST_F(Ours, AreAllThatAreSentIntoACut) {
  const Talk talk(net);
  auto run = start("telemetry = [\"them\"]\nduration = \"60s\"",
                   "[[faults]]\nname = \"cut\"\nkind = \"sever\"\non = \"victim\"\nstart = \"0s\"\nfor = \"run\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  talk.say();
  const Fd opening = bound_socket(net.there, SOCK_STREAM | SOCK_NONBLOCK, address("10.7.0.2", 0));
  ASSERT_EQ(::connect(opening.get(), talk.server.get(), talk.server.size), -1);
  EXPECT_TRUE(eventually([&] { return count_again() >= 5; })) << run.errors();
  finish(run);
  EXPECT_EQ(again("them").ours, again("them").all);
}

/// The bytes arrived; that they had, was lost.
TEST_F(Ours, AreThoseWhoseAcknowledgementWasDropped) {
  const Talk talk(net);
  auto run = start("telemetry = [\"them\"]\nduration = \"60s\"",
                   "[[faults]]\nname = \"mute\"\nkind = \"sever\"\non = \"victim\"\ndirection = \"egress\"\nstart = "
                   "\"0s\"\nfor = \"run\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  talk.say();
  EXPECT_TRUE(eventually([&] { return count_again() >= 3; })) << run.errors();
  finish(run);
  // The first may have gone out before there was an acknowledgement.
  EXPECT_GE(again("them").ours, again("them").all - 1);
}

}  // namespace
}  // namespace faultline::test
