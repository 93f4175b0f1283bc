// A lab's links: their standing delay, and faults on them. Each way over a link is met once, whichever end it enters
// by.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/harness/command.h"

namespace faultline::test {
namespace {

struct LinkTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// Runs a plan with two rooms and a link of 10 ms; `fault` is the rest of one fault that lasts from 2 s to 4 s.
  void play(const std::string& fault) {
    const std::string text = fmt::format(R"(
title = "a link"
seed = 1
duration = "6s"
[lab.rooms.east]
[lab.rooms.west]
[lab.hosts.a]
room = "east"
[lab.hosts.b]
room = "west"
[lab.hosts.c]
room = "east"
[lab.hosts.d]
room = "west"
[lab.links.metro]
between = ["east", "west"]
delay = "10ms"
[probes.far]
icmp = "b"
from = "a"
every = "20ms"
[probes.beside]
icmp = "d"
from = "a"
every = "20ms"
[probes.near]
icmp = "c"
from = "a"
every = "20ms"
[[faults]]
name = "f"
start = "2s"
for = "2s"
{})",
                                         fault);
    Command run = Command::run(folder.write("plan.toml", text), out);
    const auto status = run.wait(60 * kSecond);
    ASSERT_TRUE(status) << run.errors();
    ASSERT_LE(*status, 2) << run.out() << run.errors();
    summary = summary_of(out);
    ASSERT_EQ(summary["cleanup"]["ok"], true);
  }
  const nlohmann::json& phase(const std::string& probe, const std::string& name) const {
    for (const auto& p : summary["probes"])
      for (const auto& ph : p["phases"])
        if (p["name"] == probe && ph["phase"] == name) return ph;
    static const nlohmann::json none;
    ADD_FAILURE() << "no phase " << name << " of " << probe;
    return none;
  }

  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
  nlohmann::json summary;
};

TEST_F(LinkTest, ItsStandingDelayIsMetOnceEachWay) {
  play("kind = \"degrade\"\non = \"metro\"\ndelay = \"50ms\"");
  const double before = phase("far", "baseline")["latency_ms"]["p50"], during = phase("far", "f")["latency_ms"]["p50"];
  EXPECT_GE(before, 20);
  EXPECT_LT(before, 38) << "once each way, not twice";
  EXPECT_GE(during, 120) << "delays add";
  EXPECT_LT(during, 165);
  EXPECT_LT(phase("near", "f")["latency_ms"]["p50"], 15.0) << "what stays in its room does not cross the link";
  const auto& fault = summary["faults"][0];
  const double pings = phase("far", "f")["sent"].get<double>() + phase("beside", "f")["sent"].get<double>();
  EXPECT_NEAR(fault["packets_matched"].get<double>(), 2 * pings, 0.15 * 2 * pings);
  EXPECT_NEAR(fault["applied_delay_us"]["p50"].get<double>(), 50000, 1) << "the fault's own, without the link's";
  EXPECT_GE(fault["held_us"]["p50"].get<double>(), 60000 * 0.99) << "of both";
}

TEST_F(LinkTest, ACutTowardsOneHostLeavesTheOthers) {
  play("kind = \"sever\"\non = \"metro\"\npeer = \"b\"");
  EXPECT_EQ(phase("far", "f")["ok"], 0);
  EXPECT_GT(phase("beside", "f")["ok"], 50) << "another host behind the same link";
  EXPECT_EQ(phase("beside", "f")["failed"], 0);
  EXPECT_EQ(phase("near", "f")["failed"], 0);
  EXPECT_GT(summary["faults"][0]["packets_dropped"], 50);
}

}  // namespace
}  // namespace faultline::test
