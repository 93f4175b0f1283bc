// What a fault drew, and whom it met: a connection is drawn once, however many of its ends are targets; what drew
// nothing or missed a target of its own has shown nothing.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cmath>
#include <cstring>

#include "faults/flow.h"
#include "tests/harness/command.h"
#include "tests/harness/plan_bed.h"
#include "tests/harness/statuses.h"

namespace faultline::test {
namespace {

class DrawnTest : public PlanBed {
 protected:
  static constexpr std::uint16_t kPort = 8080;

  static Fd open_socket(const NetNs& ns, int flags = 0) {
    Inside in(ns);
    return Fd(static_cast<int>(check("open a socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0))));
  }

  /// How many of `count` connections from `here` to `there`, begun one after the other, are made.
  std::size_t connect(std::size_t count) {
    const Address at = bed.far(kPort).at;
    const Fd listener = open_socket(bed.there);
    check("bind", bind(listener.get(), at.get(), at.size));
    check("listen", listen(listener.get(), 1000));
    std::vector<Fd> sockets;
    for (std::size_t i = 0; i < count; i++) {
      sockets.push_back(open_socket(bed.here, SOCK_NONBLOCK));
      (void)::connect(sockets.back().get(), at.get(), at.size);
    }
    const timespec pause{0, 700 * kMillisecond};  // less than the first SYN's retransmission takes
    nanosleep(&pause, nullptr);
    std::size_t made = 0;
    for (const auto& one : sockets) {
      pollfd ready{one.get(), POLLOUT, 0};
      made += poll(&ready, 1, 0) == 1 && (ready.revents & (POLLERR | POLLHUP)) == 0;
    }
    return made;
  }

  static fl_endpoint endpoint(const char* text, std::uint16_t port) {
    fl_endpoint e{0, 0, port};
    inet_pton(AF_INET, text, &e.low);
    return e;
  }
};

TEST_F(DrawnTest, AConnectionIsDrawnOnceWhateverEndsItHas) {
  constexpr std::size_t kConnections = 120;
  of_targets = "protocol = \"tcp\"\n";  // a host that has just come up says this and that of itself
  play(
      "[[faults]]\nname = \"half\"\nkind = \"degrade\"\non = [\"a\", \"b\"]\ndirection = \"egress\"\nstart = \"0s\"\n"
      "for = \"60s\"\nflows = \"50%\"\n");
  const std::size_t made = connect(kConnections);
  const auto account = finish().at(0);

  const std::string name = "half";
  const auto seed = fl_fault_seed(0, fl_text_key(name.data(), name.size()));
  const fl_endpoint client = endpoint("10.7.0.1", 0), server = endpoint("10.7.0.2", kPort);
  std::size_t dead = 0;
  for (std::uint32_t n = 0; n < kConnections; n++)
    dead += fl_lost(fl_random(seed, FL_STREAM_FLOWS, fl_flow_key(fl_flow_service(IPPROTO_TCP, &client, &server), n), 0),
                    FL_ONE / 2) != 0;
  EXPECT_EQ(account.flows_met, kConnections) << "each is counted once";
  EXPECT_EQ(account.flows_dead, dead);
  EXPECT_EQ(made, kConnections - dead);
  EXPECT_EQ(account.dead, account.dropped);
}

TEST_F(DrawnTest, WhatIsMetAtTheSenderCountsForTheReceiverToo) {
  of_targets = "protocol = \"udp\"\n";
  play("[[faults]]\nkind = \"sever\"\non = [\"a\", \"b\"]\nstart = \"0s\"\nfor = \"60s\"\n");
  send_stream(bed.near(5000), bed.far(7000), {.count = 20});  // b never gets any, and never sends
  const auto account = finish().at(0);
  ASSERT_EQ(account.targets.size(), 2u);
  EXPECT_EQ(account.targets[0].target, "a");
  EXPECT_GE(account.targets[0].matched, 20u);
  EXPECT_EQ(account.targets[1].target, "b");
  EXPECT_EQ(account.targets[1].matched, 20u);
}

TEST_F(DrawnTest, ATargetThatSeesNothingHasMetNothing) {
  of_targets = "protocol = \"udp\"\n";
  play("[[faults]]\nkind = \"sever\"\non = [\"a\", \"b\"]\nloopback = true\nstart = \"0s\"\nfor = \"60s\"\n");
  send_stream(bed.near(5000), bed.near(7000), {.count = 20});
  const auto account = finish().at(0);
  ASSERT_EQ(account.targets.size(), 2u);
  EXPECT_EQ(account.targets[0].matched, 20u);
  EXPECT_EQ(account.targets[1].matched, 0u);
}

struct TargetsMetTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  /// A fault on two namespaces, of which the second has no traffic, for each of these (name and keys); the reasons that
  /// are not about how busy we are.
  std::string play(const std::vector<std::pair<std::string, std::string>>& faults) {
    std::string text = fmt::format(R"(
seed = 1
duration = "4s"
[targets.a]
netns = "{}"
[targets.c]
netns = "{}"
[probes.ping]
icmp = "10.7.0.2"
from = "a"
every = "50ms"
)",
                                   net.path(), TwoNamespaces::path(idle));
    for (const auto& [name, keys] : faults)
      text += fmt::format(
          "[[faults]]\nname = \"{}\"\nkind = \"degrade\"\non = [\"a\", \"c\"]\nstart = \"500ms\"\nfor = \"3s\"\n{}\n",
          name, keys);
    Command run = Command::run(folder.write("plan.toml", text), out);
    EXPECT_TRUE(came_to_its_end(run.wait(60 * kSecond))) << run.errors();
    summary = summary_of(out);
    std::string all;
    for (const auto& reason : summary["reasons"])
      if (const auto one = reason.get<std::string>(); one.find("late") == std::string::npos) all += one + "\n";
    return all;
  }

  TwoNamespaces net;
  NetNs idle = NetNs::create();
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
  nlohmann::json summary;
};

TEST_F(TargetsMetTest, OneOfTwoIsNotEnoughUnlessThePlanSaysSo) {
  {
    Inside in(idle);
    set_up("lo");
  }
  const std::string said = play({{"all", "delay = \"20ms\""}, {"any", "delay = \"20ms\"\non_any = true"}});
  EXPECT_NE(said.find("fault \"all\" met no packet of its target \"c\""), std::string::npos) << said;
  EXPECT_EQ(said.find("fault \"any\""), std::string::npos) << said;
  ASSERT_EQ(summary["faults"].size(), 2u);
  for (const auto& fault : summary["faults"]) {
    EXPECT_EQ(fault["sites"].size(), 2u);
    EXPECT_EQ(fault["targets"][1]["packets_matched"], 0);
  }
}

TEST_F(TargetsMetTest, WhatDrewNothingHasShownNothing) {
  {
    Inside in(idle);
    set_up("lo");
  }
  std::vector<std::pair<std::string, std::string>> faults;
  for (const char* effect : {"loss", "flows", "clients", "corrupt", "duplicate", "reorder"})
    faults.emplace_back(effect, fmt::format("{} = \"0.0001%\"\non_any = true{}", effect,
                                            effect == std::string("reorder") ? "\ndelay = \"5ms\"" : ""));
  const std::string said = play(faults);
  for (const auto& [name, keys] : faults)
    EXPECT_NE(said.find("fault \"" + name + "\" drew nothing: its " + name), std::string::npos) << name << "\n" << said;
}

}  // namespace
}  // namespace faultline::test
