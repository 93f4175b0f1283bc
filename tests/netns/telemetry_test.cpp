// What becomes of a target's connections, as the real binary counts it in the kernel while real traffic goes by: what
// is counted, whose, and that nothing is there when a plan does not ask for it, or when the run is killed.
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>

#include <cerrno>

#include "injector/base/error.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/netns/telemetry_bed.h"

namespace faultline::test {
namespace {

constexpr int kLate = 2;  // requests that were due before the run's end, and answered after it

TEST_F(TelemetryTest, CountsConnectionsAndBytesOfBothEnds) {
  ToyServer server(net.there, "10.7.0.2", {.reply = http_answer(200, std::string(5000, 'x'))});
  auto run = start("telemetry = [\"victim\", \"them\"]\nduration = \"2s\"",
                   probe(fmt::format("http = \"http://10.7.0.2:{}/\"", server.port())));
  expect_done(run);
  const auto client = telemetry("victim")["run"], serving = telemetry("them")["run"];
  const auto sent = summary_of(out)["probes"][0]["phases"][0]["ok"].get<int>();
  ASSERT_GT(sent, 5);
  EXPECT_NEAR(client["opened"].get<int>(), sent, kLate);
  EXPECT_EQ(client["accepted"], 0);
  EXPECT_EQ(client["failed"], json::object());
  EXPECT_NEAR(serving["accepted"].get<int>(), sent, kLate);
  EXPECT_EQ(serving["opened"], 0);
  EXPECT_NEAR(client["closed"].get<int>(), sent, kLate);
  EXPECT_GE(client["bytes_received"], (sent - kLate) * 5000);
  EXPECT_LT(client["bytes_received"], sent * 5500);
  EXPECT_GE(serving["bytes_sent"], (sent - kLate) * 5000);
  EXPECT_TRUE(client["rtt_ms"]["p50"].is_number());
  // Each packet of one is one of the other: here nothing is lost.
  EXPECT_NEAR(client["packets_sent"].get<int>(), serving["packets_received"].get<int>(), 20 * kLate);
  EXPECT_NEAR(serving["packets_sent"].get<int>(), client["packets_received"].get<int>(), 20 * kLate);
  EXPECT_GE(client["packets_sent"], 3 * (sent - kLate));
  EXPECT_LT(client["packets_sent"], 20 * (sent + kLate));
}

TEST_F(TelemetryTest, ARefusedPortIsACountedFailure) {
  auto run = start("telemetry = \"victim\"\nduration = \"1s\"", probe("tcp = \"10.7.0.2:9\""));
  expect_done(run);
  const auto counted = telemetry()["run"];
  const auto failed = summary_of(out)["probes"][0]["phases"][0]["by_error"]["refused"].get<int>();
  ASSERT_GT(failed, 5);
  EXPECT_NEAR(counted["failed"]["refused"].get<int>(), failed, kLate);
  EXPECT_EQ(counted["failed"].size(), 1u);
  EXPECT_EQ(counted["opened"], 0);
  EXPECT_EQ(counted["resets_received"], counted["failed"]["refused"]);
}

TEST_F(TelemetryTest, ASeveredLinkMakesAttemptsFailAndSendAgain) {
  auto run = start("telemetry = [\"victim\"]\nduration = \"60s\"",
                   "[[faults]]\nname = \"cut\"\nkind = \"sever\"\non = \"victim\"\nstart = \"0s\"\nfor = \"run\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const Fd patient = bound_socket(net.here, SOCK_STREAM | SOCK_NONBLOCK, address("10.7.0.1", 0));
  const unsigned longest = 2000;  // ms: sent again after 1 s, and given up
  check("setsockopt", setsockopt(patient.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &longest, sizeof longest));
  const Address to = address("10.7.0.2", 80);
  ASSERT_EQ(::connect(patient.get(), to.get(), to.size), -1);
  {
    const Fd hasty = bound_socket(net.here, SOCK_STREAM | SOCK_NONBLOCK, address("10.7.0.1", 0));
    ASSERT_EQ(::connect(hasty.get(), to.get(), to.size), -1);
  }  // closed with no answer
  pollfd done{patient.get(), POLLOUT, 0};
  ASSERT_EQ(poll(&done, 1, 30000), 1);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(patient.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  ASSERT_EQ(error, ETIMEDOUT);
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(30 * kSecond), 5);
  ASSERT_EQ(summary_of(out)["abort"]["by"], "signal");
  const auto counted = telemetry()["run"];
  EXPECT_EQ(counted["failed"], json({{"timeout", 1}, {"abandoned", 1}}));
  EXPECT_GE(counted["retransmits"], 1) << "how often is the kernel's choice";
  EXPECT_EQ(counted["timeouts"], counted["retransmits"]);
  EXPECT_EQ(counted["opened"], 0);
  expect_same_when_reported();
}

/// Nothing comes back, so that nothing arrives to count by: what is sent is counted as it is sent again.
TEST_F(TelemetryTest, WhatIsSentIntoACutIsCountedThen) {
  const EchoProcess server(nullptr, net.here, 7000);
  const Fd client = bound_socket(net.there, SOCK_STREAM, address("10.7.0.2", 0));
  const Address to = address("10.7.0.1", 7000);
  check("connect", ::connect(client.get(), to.get(), to.size));
  auto run = start("telemetry = [\"them\"]\nduration = \"60s\"",
                   "[[faults]]\nname = \"cut\"\nkind = \"sever\"\non = \"them\"\nstart = \"0s\"\nfor = \"run\"\n");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const char byte = 'x';
  check("send", ::send(client.get(), &byte, 1, 0));
  // The first look at a connection that was there before is where counting begins; it is sent more often than that.
  EXPECT_TRUE(eventually([&] {
    for (const auto& event : journal_of(out))
      if (event["event"] == "telemetry" && event["retransmits"] > 0 && event["packets_sent"] >= event["retransmits"])
        return true;
    return false;
  })) << run.errors();
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
}

TEST_F(TelemetryTest, ADelayRaisesTheRoundTripTimeByItself) {
  ToyServer server(net.there, "10.7.0.2", {.reply = http_answer(200)});
  auto run =
      start("telemetry = [\"victim\"]\nduration = \"4s\"",
            probe(fmt::format("http = \"http://10.7.0.2:{}/\"", server.port())) +
                "[[faults]]\nname = \"slow\"\nkind = \"degrade\"\non = \"victim\"\ndirection = \"egress\"\ndelay = "
                "\"50ms\"\nstart = \"1500ms\"\nfor = \"2500ms\"\n");
  expect_done(run);
  const double before = phase("baseline")["rtt_ms"]["p50"], in = phase("slow")["rtt_ms"]["p50"];
  EXPECT_GT(in - before, 50 * 0.94 - before * 0.06) << before;
  EXPECT_LT(in - before, 100) << before;
}

TEST_F(TelemetryTest, OfTheNamedTargetAlone) {
  ToyServer server(net.there, "10.7.0.2", {.reply = http_answer(200)});
  const NetNs idle = NetNs::create();
  auto run = start("telemetry = \"idle\"\nduration = \"1s\"",
                   probe(fmt::format("http = \"http://10.7.0.2:{}/\"", server.port())) +
                       fmt::format("[targets.idle]\nnetns = \"{}\"\n", TwoNamespaces::path(idle)));
  expect_done(run);
  EXPECT_GT(server.accepted(), 5);
  ASSERT_TRUE(telemetry("idle").is_object());
  for (const auto& event : journal_of(out)) EXPECT_NE(event["event"], "telemetry") << event;
}

TEST_F(TelemetryTest, OfOneCgroupOfANamespace) {
  const ScratchCgroup shop{"shop.service"}, bank{"bank.service", shop.top()};
  const EchoProcess server(&shop, net.here, 7000), other(&bank, net.here, 7001);
  auto run = start("telemetry = [\"shop\", \"victim\"]\nduration = \"60s\"", shop_at(shop.path()));
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  ASSERT_TRUE(await_event(out, "sample")) << run.errors();
  ask(7000, 3);
  ask(7001, 5);
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  EXPECT_EQ(telemetry("shop")["run"]["accepted"], 3);
  EXPECT_EQ(telemetry("victim")["run"]["accepted"], 8);
}

TEST_F(TelemetryTest, WithoutTheKeyNothingIsLoaded) {
  const auto ask = probe("icmp = \"10.7.0.2\"") +
                   "[[faults]]\nkind = \"degrade\"\non = \"victim\"\ndelay = \"1ms\"\nstart = \"0s\"\nfor = \"run\"\n";
  {
    auto run = start("duration = \"60s\"", ask);
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    const auto has = run.belongings();
    EXPECT_FALSE(has.programs.empty());
    EXPECT_FALSE(counts(has));
    run.signal(SIGINT);
    ASSERT_EQ(run.wait(30 * kSecond), 5) << run.errors();
    EXPECT_EQ(summary_of(out)["telemetry"], json::array());
  }
  out = folder.path() / "counted";
  auto run = start("duration = \"60s\"\ntelemetry = \"victim\"", ask);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_TRUE(counts(run.belongings()));
}

TEST_F(TelemetryTest, AKillLeavesNothing) {
  auto run = start("duration = \"60s\"\ntelemetry = \"victim\"", probe("tcp = \"10.7.0.2:9\""));
  ASSERT_TRUE(await_event(out, "telemetry")) << run.errors();
  const auto had = run.belongings();
  EXPECT_TRUE(counts(had));
  run.signal(SIGKILL);
  ASSERT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  std::vector<std::string> left;
  const Ns end = monotonic_now() + 10 * kSecond;
  do {
    left = had.left({net.here.inode(), net.there.inode()});
  } while (!left.empty() && monotonic_now() < end);
  for (const auto& one : left) ADD_FAILURE() << one;
}

TEST_F(TelemetryTest, WhatCannotBeCountedIsAWarningAndTheRunGoesOn) {
  auto run = start("telemetry = [\"gone\", \"victim\"]\nduration = \"1s\"",
                   probe("tcp = \"10.7.0.2:9\"") + "[targets.gone]\nnetns = \"/proc/1/ns/there-is-none\"\n");
  const auto status = run.wait(60 * kSecond);
  ASSERT_TRUE(status) << run.errors();
  EXPECT_LE(*status, 2) << run.errors();
  const auto warnings = summary_of(out)["warnings"].dump();
  EXPECT_NE(warnings.find("telemetry: target \\\"gone\\\" is not counted"), std::string::npos) << warnings;
  EXPECT_GT(telemetry()["run"]["failed"]["refused"], 5);
}

}  // namespace
}  // namespace faultline::test
