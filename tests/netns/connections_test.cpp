// What is asked of a target's connections, of the real binary: that hypotheses and guards are judged by what the kernel
// counted, by peer and by turn, and that a target which is replaced is counted on.
#include <signal.h>

#include <cerrno>

#include "injector/base/error.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/netns/telemetry_bed.h"

namespace faultline::test {
namespace {

const std::string kAsked = "[[hypotheses]]\ntelemetry = \"victim\"\n";

json hypothesis_of(const json& summary, std::size_t index) { return summary["hypotheses"].at(index); }

TEST_F(TelemetryTest, HypothesesAskForIt) {
  ToyServer server(net.there, "10.7.0.2", {.reply = http_answer(200)});
  auto run =
      start("duration = \"2s\"",
            probe(fmt::format("http = \"http://10.7.0.2:{}/\"", server.port())) +
                "[probes.refused]\nfrom = \"victim\"\nevery = \"100ms\"\ntcp = \"10.7.0.2:9\"\n" + kAsked +
                "connections.failed = \"= 0\"\n" + kAsked + "errors.refused = \"<= 60%\"\nrtt.p99 = \"<= 1s\"\n" +
                kAsked + "connections.opened = \">= 5\"\nbytes.received = \">= 500\"\npackets.sent = \">= 10/s\"\n" +
                kAsked + "turns.p50 = \"<= 1s\"\n");
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.out() << run.errors();
  const auto summary = summary_of(out);
  EXPECT_EQ(hypothesis_of(summary, 0)["held"], false);
  EXPECT_EQ(hypothesis_of(summary, 0)["telemetry"], "victim");
  for (std::size_t i : {1, 2, 3}) EXPECT_EQ(hypothesis_of(summary, i)["held"], true) << hypothesis_of(summary, i);
  EXPECT_NE(run.out().find("victim's connections during run: expected connections.failed = 0"), std::string::npos)
      << run.out();
  expect_same_when_reported();
}

TEST_F(TelemetryTest, AGuardEndsTheRun) {
  auto run = start("duration = \"60s\"",
                   probe("tcp = \"10.7.0.2:9\"") +
                       "[[guards]]\ntelemetry = \"victim\"\nconnections.failed = \"> 3\"\nfor = \"1s\"\n");
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  const auto guard = summary_of(out)["guards"][0];
  EXPECT_EQ(guard["tripped"], true);
  EXPECT_EQ(guard["telemetry"], "victim");
  EXPECT_EQ(summary_of(out)["abort"]["by"], "guard");
}

/// One connection, and then none: too little ends the run as too much does.
TEST_F(TelemetryTest, AGuardEndsTheRunWhenNothingComesAnyMore) {
  const EchoProcess server(nullptr, net.here, 7000);
  auto run = start("duration = \"60s\"",
                   probe("icmp = \"10.7.0.2\"") +
                       "[[guards]]\ntelemetry = \"victim\"\nconnections.accepted = \"< 1\"\nfor = \"1s\"\n");
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  ASSERT_TRUE(await_event(out, "sample")) << run.errors();
  ask(7000, 1);
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  const auto guard = summary_of(out)["guards"][0];
  EXPECT_EQ(guard["tripped"], true);
  EXPECT_EQ(guard["observed"], "connections.accepted 0");
}

TEST_F(TelemetryTest, PeersThatShareAnAddressAreNotJudged) {
  ToyServer shop(net.there, "10.7.0.2", {.reply = http_answer(200)});
  auto run = start("duration = \"2s\"",
                   probe(fmt::format("http = \"http://10.7.0.2:{}/\"", shop.port())) +
                       "[targets.all]\naddress = \"10.7.0.0/24\"\n[targets.shop]\naddress = \"10.7.0.2\"\n" + kAsked +
                       "peer = \"all\"\nconnections.opened = \"<= 1000\"\n" + kAsked +
                       "peer = \"shop\"\nconnections.opened = \">= 5\"\n");
  EXPECT_EQ(run.wait(60 * kSecond), 2) << run.out() << run.errors();
  const auto all = hypothesis_of(summary_of(out), 0);
  EXPECT_EQ(all["held"], nullptr) << all;
  EXPECT_NE(all["reason"].get<std::string>().find("\"shop\" has 10.7.0.2/32, too"), std::string::npos) << all;
  EXPECT_EQ(hypothesis_of(summary_of(out), 1)["held"], true) << "what lies in the other is counted as a whole";
  expect_same_when_reported();
}

TEST_F(TelemetryTest, ByPeer) {
  {
    const Inside in(net.there);
    add_address("eth0", *IpPrefix::parse("10.7.0.3/24"));
  }
  ToyServer shop(net.there, "10.7.0.2", {.reply = http_answer(200)});
  const std::string plan =
      probe(fmt::format("http = \"http://10.7.0.2:{}/\"", shop.port())) +
      "[probes.refused]\nfrom = \"victim\"\nevery = \"100ms\"\ntcp = \"10.7.0.3:9\"\n[targets.bank]\naddress = "
      "\"10.7.0.3\"\n[targets.shop]\naddress = \"10.7.0.2\"\n";
  const std::string asked = kAsked + "peer = \"bank\"\nconnections.failed = \">= 5\"\nconnections.opened = \"= 0\"\n" +
                            kAsked + "peer = \"shop\"\nconnections.failed = \"= 0\"\nconnections.opened = \">= 5\"\n";
  auto run = start("duration = \"2s\"", plan + asked);
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.out() << run.errors();
  const json counted = telemetry();
  const auto names = [](const json& target) {
    std::set<std::string> peers;
    for (const auto& one : target["peers"]) peers.insert(one["peer"]);
    return peers;
  };
  EXPECT_EQ(names(counted), (std::set<std::string>{"bank", "shop"}));
  const json all = counted["run"];
  std::uint64_t opened = 0, failed = 0;
  for (const auto& one : counted["peers"]) {
    opened += one["run"]["opened"].get<std::uint64_t>();
    for (const auto& [error, count] : one["run"]["failed"].items()) failed += count.get<std::uint64_t>();
  }
  EXPECT_EQ(opened, all["opened"]);
  EXPECT_EQ(failed, all["failed"]["refused"]);

  out = folder.path() / "by_address";
  auto second = start("duration = \"1s\"\ntelemetry = { of = \"victim\", peers = 1 }", plan);
  EXPECT_EQ(second.wait(60 * kSecond), 0) << second.out() << second.errors();
  const auto peers = names(telemetry());
  EXPECT_TRUE(peers.contains("others")) << telemetry();
  EXPECT_EQ(peers.size(), 2u) << "one has its address for a name";
  EXPECT_TRUE(peers.contains("10.7.0.2") || peers.contains("10.7.0.3")) << telemetry();
}

/// The service takes 40 ms, the way there 30 ms.
TEST_F(TelemetryTest, TurnsAreTheServersOwnTimeAndTheClientsWait) {
  ToyServer server(net.there, "10.7.0.2", {.reply = http_answer(200), .after = 40 * kMillisecond});
  auto run =
      start("telemetry = { of = [\"victim\", \"them\"], turns = true }\nduration = \"4s\"",
            probe(fmt::format("http = \"http://10.7.0.2:{}/\"", server.port())) +
                "[[faults]]\nname = \"slow\"\nkind = \"degrade\"\non = \"victim\"\ndirection = \"egress\"\ndelay = "
                "\"30ms\"\nstart = \"1500ms\"\nfor = \"2500ms\"\n");
  expect_done(run);
  const auto p50 = [&](const std::string& when, const std::string& whose) {
    return phase(when, whose)["turns_ms"]["p50"].get<double>();
  };
  for (const auto* when : {"baseline", "slow"}) {
    EXPECT_GT(p50(when, "them"), 37) << when;
    EXPECT_LT(p50(when, "them"), 60) << when << ": the network has no part in it";
  }
  EXPECT_GT(p50("baseline", "victim"), 37);
  EXPECT_GT(p50("slow", "victim"), 65) << "what its user waits for has the fault in it";
  EXPECT_LT(p50("slow", "victim"), 110);
  const auto answered = telemetry("them")["run"]["answered"].get<int>();
  const auto asked = telemetry("them")["run"]["accepted"].get<int>();
  EXPECT_GT(answered, 20);
  EXPECT_NEAR(answered, asked, 3) << "a turn on each connection";
}

TEST_F(TelemetryTest, ATurnThatTheConnectionEndsInIsUnanswered) {
  ToyServer server(net.there, "10.7.0.2", {.kind = Manners::Kind::silent});
  auto run = start("duration = \"3s\"",
                   probe(fmt::format("http = \"http://10.7.0.2:{}/\"\ntimeout = \"200ms\"", server.port())) + kAsked +
                       "turns.p50 = \"<= 1s\"\n" + kAsked + "turns.unanswered = \">= 5\"\n");
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.out() << run.errors();
  EXPECT_EQ(hypothesis_of(summary_of(out), 0)["held"], false) << hypothesis_of(summary_of(out), 0);
  EXPECT_EQ(hypothesis_of(summary_of(out), 1)["held"], true) << hypothesis_of(summary_of(out), 1);
}

TEST_F(TelemetryTest, TurnsThatNobodyAsksForLoadNothing) {
  auto run = start("duration = \"60s\"\ntelemetry = \"victim\"", probe("icmp = \"10.7.0.2\""));
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  EXPECT_FALSE(programs_of(run.belongings()).contains("telemetry_depar"));
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  out = folder.path() / "turns";
  auto second =
      start("duration = \"60s\"\ntelemetry = { of = \"victim\", turns = true }", probe("icmp = \"10.7.0.2\""));
  ASSERT_TRUE(await_event(out, "t0")) << second.errors();
  EXPECT_TRUE(programs_of(second.belongings()).contains("telemetry_depar"));
}

TEST_F(TelemetryTest, WhatIsNotCountedIsNotJudged) {
  auto run = start("duration = \"2s\"",
                   probe("tcp = \"10.7.0.2:9\"") +
                       "[targets.idle]\nnetns = \"/proc/1/ns/there-is-none\"\n[[hypotheses]]\ntelemetry = "
                       "\"idle\"\nretransmits = \"= 0\"\n");
  EXPECT_EQ(run.wait(60 * kSecond), 2) << run.out() << run.errors();
  EXPECT_EQ(hypothesis_of(summary_of(out), 0)["held"], nullptr);
}

/// A unit is restarted: its group has the same path, and is another one.
TEST_F(TelemetryTest, ATargetThatIsReplacedIsCountedOn) {
  ScratchCgroup shop{"shop.service"};
  auto server = std::make_unique<EchoProcess>(&shop, net.here, 7000);
  auto run = start("telemetry = \"shop\"\nduration = \"60s\"", shop_at(shop.path()));
  ASSERT_TRUE(await_event(out, "sample")) << run.errors();
  ask(7000, 3);
  server.reset();
  shop.make_again();
  server = std::make_unique<EchoProcess>(&shop, net.here, 7001);
  ASSERT_TRUE(await_event(out, "uncounted")) << run.errors();
  ask(7001, 4);
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  EXPECT_EQ(telemetry("shop")["run"]["accepted"], 7);
}

}  // namespace
}  // namespace faultline::test
