// A device that leaves its network namespace during a fault takes nothing of ours along, whatever it is and wherever it
// goes: in the new namespace its traffic is untouched at once, and soon nothing is attached to it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <optional>

#include "injector/base/clock.h"
#include "injector/pen/chain.h"
#include "injector/pen/tc.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct MovedDeviceTest : testing::TestWithParam<const char*> {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == std::string("tcx") && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }

  static std::string shell(const NetNs& ns, const std::string& script) {
    Inside in(ns);
    Command command({"sh", "-c", script + " 2>&1"});
    command.wait(30 * kSecond);
    return command.out();
  }
  /// What is attached to a device of the namespace, ours or not.
  static std::size_t attached(const NetNs& ns, const char* device) {
    Inside in(ns);
    const int index = static_cast<int>(if_nametoindex(device));
    std::size_t n = 0;
    for (const auto hook : {pen::Hook::ingress, pen::Hook::egress}) {
      if (const auto chain = pen::tcx_chain(index, hook)) n += chain->entries.size();
      n += pen::tc::list_filters(index, hook).size();
    }
    return n + !pen::tc::ingress_qdisc(index).empty();
  }

  /// Plays a run of 8 s with a fault that loses everything on `net.here`, moves `device` into `to` in the middle of it,
  /// and expects that nothing is lost there.
  void play(const std::string& device, const NetNs& to, const std::string& more = "") {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "6s";
    plan.length = "5s";
    plan.effect = "kind = \"sever\"";
    Command run = Command::run(folder.write("plan.toml", plan.text()), out, {"--engine", GetParam()});
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    ASSERT_GT(attached(net.here, device.c_str()), 0u);
    const std::string moved =
        shell(net.here, fmt::format("ip link set {} netns /proc/{}/fd/{}", device, getpid(), to.fd()));
    ASSERT_EQ(moved, "");
    const std::string pings =
        shell(to, fmt::format("ip addr add 10.7.0.1/24 dev {0}; ip link set {0} up; {1} ping -c3 -i.2 -W1 -q 10.7.0.2",
                              device, more));
    EXPECT_NE(pings.find("3 received"), std::string::npos) << pings;
    EXPECT_TRUE(eventually([&] { return attached(to, device.c_str()) == 0; })) << "nothing is left on it";
    EXPECT_TRUE(await_event(out, "fault_end"));
    run.wait(30 * kSecond);
    const auto summary = summary_of(out);
    EXPECT_NE(summary["warnings"].dump().find("was moved out"), std::string::npos) << summary["warnings"];
    EXPECT_EQ(summary["warnings"].dump().find("could not be taken away"), std::string::npos) << summary["warnings"];
    EXPECT_EQ(summary["cleanup"]["ok"], true) << summary["cleanup"];
  }

  /// A run of 12 s with a fault from 0.5 s to 10.5 s, which loses everything.
  Command start(const std::string& target) {
    return Command::run(
        folder.write(
            "plan.toml",
            fmt::format("duration = \"12s\"\n[targets.victim]\nnetns = \"{}\"\n{}\n[[faults]]\nname = \"cut\"\n"
                        "kind = \"sever\"\non = \"victim\"\nstart = \"500ms\"\nfor = \"10s\"\n",
                        net.path(), target)),
        out, {"--engine", GetParam()});
  }
  /// Until the fault is in force, and has met something.
  void await_fault(Command& run) {
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    EXPECT_TRUE(is_cut());
  }
  /// The only escape of the run, as the summary tells it. It spoils the fault if a packet went by.
  nlohmann::json told_escape(Command& run) {
    const std::optional<int> status = run.wait(30 * kSecond);
    const auto summary = summary_of(out);
    EXPECT_EQ(summary["cleanup"]["ok"], true) << summary["cleanup"];
    EXPECT_EQ(summary["escapes"].size(), 1u) << summary["escapes"];
    if (summary["escapes"].empty()) return {};
    const auto escape = summary["escapes"][0];
    const bool spoiled = escape["packets_at_most"] > 0;
    EXPECT_EQ(status, spoiled ? 2 : 0) << run.errors();
    EXPECT_NE(summary[spoiled ? "reasons" : "warnings"].dump().find("was back"), std::string::npos) << summary;
    return escape;
  }
  /// Gives eth0 its address back while it carries what nothing of ours has seen: until then it is none of the site's.
  void come_back_under_load() {
    shell(net.here, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1; ip link set eth0 up");
    shell(net.there, "ip neigh replace 10.7.0.1 lladdr 02:00:00:00:00:01 dev eth0");
    const auto received = [&] {
      Inside in(net.here);
      return list_traffic().at(static_cast<int>(if_nametoindex("eth0"))).received;
    };
    std::optional<Command> flood;
    {
      Inside in(net.there);
      flood.emplace(std::vector<std::string>{"ping", "-i", "0.002", "-q", "-w", "10", "10.7.0.1"});
    }
    const auto before = received();
    EXPECT_TRUE(eventually([&] { return received() >= before + 20; }));
    shell(net.here, "ip addr add 10.7.0.1/24 dev eth0");
    EXPECT_TRUE(await_event(out, "warning", "came back"));
    flood->signal(SIGINT);
    flood->wait(10 * kSecond);
    shell(net.there, "ip neigh del 10.7.0.1 dev eth0");
  }
  bool is_cut() { return shell(net.here, "ping -c2 -i.2 -W1 -q 10.7.0.2").find(" 0 received") != std::string::npos; }

  TwoNamespaces net;
  NetNs elsewhere = NetNs::create();
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

INSTANTIATE_TEST_SUITE_P(Engines, MovedDeviceTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(MovedDeviceTest, AVethIntoANamespaceThatNobodyKnows) { play("eth0", elsewhere); }

/// Where the number of our own veth is somebody else's device, which must not get the packets.
TEST_P(MovedDeviceTest, WhereAnotherDeviceHasTheNumberOfOurs) {
  shell(elsewhere,
        "for i in $(seq 40); do ip link add d$i index $((100 + i)) type dummy; ip link set d$i up; done;"
        "for i in $(seq 2 60); do ip link add e$i index $i type dummy && ip link set e$i up; done");
  play("eth0", elsewhere);
}

TEST_P(MovedDeviceTest, WhatOneThatComesBackCarriedSpoilsTheFault) {
  Command run = start("");
  await_fault(run);
  ASSERT_EQ(shell(net.here, fmt::format("ip link set eth0 netns /proc/{}/fd/{}", getpid(), elsewhere.fd())), "");
  ASSERT_TRUE(await_event(out, "warning", "was moved out"));
  ASSERT_EQ(shell(elsewhere, fmt::format("ip link set eth0 netns /proc/{}/fd/{}", getpid(), net.here.fd())), "");
  come_back_under_load();
  EXPECT_TRUE(is_cut()) << "the fault is on it again";
  EXPECT_TRUE(await_event(out, "fault_end"));
  EXPECT_FALSE(is_cut()) << "the fault was, and nothing else";
  const auto escape = told_escape(run);
  // TCX waits for all CPUs, and a packet certainly comes meanwhile; clsact's programs may be there before the next one.
  if (GetParam() == std::string("tcx")) {
    EXPECT_GT(escape["packets_at_most"], 0);
  }
  EXPECT_EQ(escape["device"], "eth0");
  EXPECT_EQ(escape["hook"], "egress and ingress");
  EXPECT_EQ(escape["faults"], nlohmann::json::array({"cut"}));
  ASSERT_FALSE(escape["until_s"].is_null());
  EXPECT_LT(escape["from_s"].get<double>(), escape["until_s"].get<double>());
}

/// Under another number, which the rule that names it has to be told. It is faulted as soon as it is there: what comes
/// by until then is what the device says of itself, or nothing.
TEST_P(MovedDeviceTest, OneThatThePlanNamesIsKnownAgainWhenMadeAnew) {
  Command run = start("interface = \"eth0\"");
  await_fault(run);
  ASSERT_EQ(shell(net.here, "ip link del eth0"), "");
  ASSERT_TRUE(await_event(out, "warning", "vanished"));
  add_veth({"eth0", &net.here}, {"eth0", &net.there});
  shell(net.there, "ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up");
  shell(net.here, "ip addr add 10.7.0.1/24 dev eth0; ip link set eth0 up");
  ASSERT_TRUE(await_event(out, "warning", "came back"));
  EXPECT_TRUE(is_cut()) << "the fault is on it again";
  EXPECT_TRUE(await_event(out, "fault_end"));
  EXPECT_FALSE(is_cut()) << "the fault was, and nothing else";
  EXPECT_EQ(told_escape(run)["device"], "eth0");
}

/// A device that could not be faulted when it came: what it is when it comes back is another matter.
TEST_P(MovedDeviceTest, OneThatWasRefusedIsFaultedWhenItComesBackAsOneThatCanBe) {
  if (GetParam() == std::string("tcx")) GTEST_SKIP() << "TCX bears a qdisc of kind ingress";
  add_veth({"d1", &elsewhere}, {"d1", &net.there});
  shell(net.there, "ip addr add 10.8.0.2/24 dev d1; ip link set d1 up");
  const auto carry = [&](const NetNs& from, const NetNs& to) {
    return shell(from, fmt::format("ip link set d1 netns /proc/{}/fd/{}", getpid(), to.fd()));
  };
  Command run = start("");
  await_fault(run);
  ASSERT_EQ(carry(elsewhere, net.here), "");
  shell(net.here, "tc qdisc add dev d1 ingress; ip addr add 10.8.0.1/24 dev d1; ip link set d1 up");
  ASSERT_TRUE(await_event(out, "warning", "cannot act on egress"));
  ASSERT_EQ(carry(net.here, elsewhere), "");
  ASSERT_EQ(carry(elsewhere, net.here), "");
  shell(net.here, "ip addr add 10.8.0.1/24 dev d1; ip link set d1 up");
  ASSERT_TRUE(await_event(out, "warning", "came back"));
  const std::string pings = shell(net.here, "ping -c2 -i.2 -W1 -q 10.8.0.2");
  EXPECT_NE(pings.find(" 0 received"), std::string::npos) << pings;
  run.wait(30 * kSecond);
}

/// Neighbour discovery and the like, which no fault selects.
TEST_P(MovedDeviceTest, WhatANewDeviceSaysOfItselfSpoilsNothing) {
  Command run = start("");
  await_fault(run);
  add_veth({"d1", &net.here}, {"d1", &net.there});
  shell(net.there, "ip link set d1 up");
  shell(net.here, "ip addr add 10.8.0.1/24 dev d1; ip link set d1 up");
  ASSERT_TRUE(await_event(out, "warning", "appeared"));
  EXPECT_EQ(run.wait(30 * kSecond), 0) << summary_of(out)["reasons"];
}

TEST_P(MovedDeviceTest, ADeviceOverAnother) {
  // The macvlan moves away from the veth that it is on; its traffic goes on over it.
  shell(net.here,
        "ip addr flush dev eth0; ip link set eth0 up; ip link add link eth0 name over type macvlan mode bridge; "
        "ip addr add 10.7.0.1/24 dev over; ip link set over up");
  play("over", elsewhere);
}

}  // namespace
}  // namespace faultline::test
