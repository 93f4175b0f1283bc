// The open loop: what every kind of probe has in common.
#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/processes.h"
#include "tests/harness/toy_server.h"

namespace faultline::test {
namespace {

std::string at(const ToyServer& server) { return "127.0.0.1:" + std::to_string(server.port()); }

TEST(Probe, ASlowAnswerNeverDelaysTheNextRequest) {
  const NetNs ns = loopback_ns();
  ToyServer server(ns, "127.0.0.1", {.reply = http_answer(200), .after = 300 * kMillisecond});
  const auto samples = ask(http_probe("http://" + at(server) + "/"), ns, 2 * kSecond);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"ok", 40}}));
  EXPECT_TRUE(complete(samples, 50 * kMillisecond, 40));
  for (const auto& s : samples) EXPECT_GE(s.latency, 300 * kMillisecond);
  EXPECT_EQ(server.accepted(), 40);
  EXPECT_GE(server.most_at_once(), 4);  // one after the other would be 1
}

TEST(Probe, SamplesOfEqualAnswersComeInTheOrderOfDue) {
  const NetNs ns = loopback_ns();
  auto probe = icmp_probe("127.0.0.1");
  probe.every = kMillisecond;
  const auto samples = ask(probe, ns, kSecond);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"ok", 1000}}));
  EXPECT_TRUE(complete(samples, kMillisecond, 1000));
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end(), [](auto& a, auto& b) { return a.due < b.due; }));
  for (const auto& s : samples) {
    EXPECT_GE(s.late, 0);
    EXPECT_GT(s.latency, 0);
  }
}

TEST(Probe, FinishSendsNothingMoreAndAwaitsWhatIsInFlight) {
  const NetNs ns = loopback_ns();
  ToyServer server(ns, "127.0.0.1", {.reply = http_answer(200), .after = 400 * kMillisecond});
  auto probe = http_probe("http://" + at(server) + "/");
  probe.every = 100 * kMillisecond;
  Samples samples;
  probe::Prober prober(probe, 3, {&ns, "", {}}, nullptr, samples.sink());
  const Ns epoch = monotonic_now();
  prober.start(epoch, 60 * kSecond);
  sleep_until(epoch + 350 * kMillisecond);
  const Ns before = monotonic_now() - epoch;
  prober.finish();
  const auto all = samples.all();
  EXPECT_EQ(verdicts(all), (Verdicts{{"ok", static_cast<int>(all.size())}}));
  EXPECT_GE(all.size(), static_cast<std::size_t>(before / probe.every) + 1);
  EXPECT_LT(all.size(), 60u);
  EXPECT_TRUE(complete(all, probe.every, all.size()));
  for (const auto& s : all) EXPECT_EQ(s.probe, 3u);
}

TEST(Probe, FinishCountsWhatNeverCameAsTimeout) {
  const NetNs ns = loopback_ns();
  ToyServer server(ns, "127.0.0.1", {.kind = Manners::Kind::silent});
  auto probe = http_probe("http://" + at(server) + "/");
  probe.timeout = 500 * kMillisecond;
  const auto samples = ask(probe, ns, 200 * kMillisecond);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"timeout", 4}}));
  for (const auto& s : samples) EXPECT_GE(s.latency, probe.timeout);
}

TEST(Probe, AbortDropsWhatIsInFlightWithoutASample) {
  const NetNs ns = loopback_ns();
  ToyServer server(ns, "127.0.0.1", {.kind = Manners::Kind::silent});
  auto probe = http_probe("http://" + at(server) + "/");
  probe.timeout = 600 * kSecond;
  Samples samples;
  probe::Prober prober(probe, 0, {&ns, "", {}}, nullptr, samples.sink());
  const Ns epoch = monotonic_now();
  prober.start(epoch, 600 * kSecond);
  ASSERT_TRUE(eventually([&] { return server.accepted() > 0; }));
  const Ns begin = monotonic_now();
  prober.abort();
  EXPECT_LT(monotonic_now() - begin, 10 * kSecond);
  EXPECT_TRUE(samples.all().empty());
}

TEST(Probe, MayEndBeforeItWasStarted) {
  const NetNs ns = loopback_ns();
  Samples samples;
  { probe::Prober never(icmp_probe("::1"), 0, {&ns, "", {}}, nullptr, samples.sink()); }
  probe::Prober finished(icmp_probe("::1"), 0, {&ns, "", {}}, nullptr, samples.sink());
  finished.finish();
  finished.finish();
  finished.abort();
  EXPECT_TRUE(samples.all().empty());
}

TEST(Probe, TheNamespaceMayGoAfterTheConstructor) {
  Samples samples;
  std::unique_ptr<probe::Prober> prober;
  {
    const NetNs ns = loopback_ns();
    prober =
        std::make_unique<probe::Prober>(icmp_probe("127.0.0.1"), 0, probe::From{&ns, "", {}}, nullptr, samples.sink());
  }
  const Ns epoch = monotonic_now();
  prober->start(epoch, 100 * kMillisecond);
  sleep_until(epoch + 100 * kMillisecond);
  prober->finish();
  EXPECT_EQ(verdicts(samples.all()), (Verdicts{{"ok", 2}}));
}

TEST(Probe, BeyondWhatMayBeInFlightIsOverload) {
  const NetNs ns = loopback_ns();
  {
    const Inside inside(ns);
    ASSERT_TRUE(write_sysctl("net/ipv4/icmp_echo_ignore_all", "1"));
  }
  auto probe = icmp_probe("127.0.0.1");
  probe.every = 200 * kMicrosecond;
  probe.timeout = 5 * kSecond;
  const auto samples = ask(probe, ns, kSecond);
  EXPECT_EQ(verdicts(samples), (Verdicts{{"overload", 5000 - 4096}, {"timeout", 4096}}));
  EXPECT_TRUE(complete(samples, probe.every, 5000));
}

TEST(Probe, AnExceptionOfTheSinkEndsTheProbeAndIsRemembered) {
  const NetNs ns = loopback_ns();
  probe::Prober prober(icmp_probe("127.0.0.1"), 0, {&ns, "", {}}, nullptr,
                       [](probe::Sample&&) { throw std::runtime_error("disk full"); });
  EXPECT_EQ(prober.failure(), "");
  prober.start(monotonic_now(), 100 * kMillisecond);
  sleep_until(monotonic_now() + 100 * kMillisecond);
  prober.finish();
  EXPECT_NE(prober.failure().find("disk full"), std::string::npos) << prober.failure();
}

class ProbeNames : public testing::TestWithParam<probe::Probe> {};

TEST_P(ProbeNames, OneThatDoesNotResolveIsRefusedBeforeTheRun) {
  const NetNs ns = loopback_ns();
  Samples samples;
  try {
    probe::Prober prober(GetParam(), 0, {&ns, "", {}}, nullptr, samples.sink());
    FAIL() << "it was taken";
  } catch (const Failure& f) {
    EXPECT_EQ(f.status(), Exit::cannot_run);
    EXPECT_NE(std::string(f.what()).find("\"web\""), std::string::npos) << f.what();
    EXPECT_NE(std::string(f.what()).find("\"nobody.invalid\""), std::string::npos) << f.what();
  }
}

INSTANTIATE_TEST_SUITE_P(kinds, ProbeNames,
                         testing::Values(http_probe("http://nobody.invalid/"), tcp_probe("nobody.invalid:80"),
                                         icmp_probe("nobody.invalid")),
                         [](const auto& p) { return std::string(p.param.kind->name()); });

}  // namespace
}  // namespace faultline::test
