// A probe that makes load, against a real nginx: when its requests are due and sent, and what it says of those that
// were not; and what is kept of the answers to requests that failed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/nginx.h"
#include "tests/harness/processes.h"
#include "tests/harness/statuses.h"

namespace faultline::test {
namespace {

constexpr const char* kServers = R"(
server {
  listen 127.0.0.1:8080;
  location / { return 200 "paid"; }
  location /down { return 503 "no bank today, token=abc"; }
}
)";

class Load : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(eventually([&] {
      return verdicts(ask(crowd({{0, 50}}), ns_, 50 * kMillisecond)).contains("ok");
    })) << server_->errors();
  }
  ~Load() override { stop_nginx(*server_); }
  static probe::Probe crowd(probe::Rate rate) {
    auto p = http_probe("http://127.0.0.1:8080/");
    p.params.set("reuse", true);
    p.rate = std::move(rate);
    p.every = static_cast<Ns>(static_cast<double>(kSecond) / probe::peak_of(p.rate));
    return p;
  }

  const NetNs ns_ = loopback_ns();
  const TemporaryFolder folder_;
  std::unique_ptr<Command> server_ = start_nginx(ns_, folder_, kServers);
};

TEST_F(Load, AsksAtItsRate) {
  const probe::Rate rate{{0, 200}, {kSecond, 200}, {kSecond, 1000}};
  auto samples = ask(crowd(rate), ns_, 2 * kSecond);
  ASSERT_EQ(samples.size(), 1200u);
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const auto since = static_cast<Ns>(n < 200 ? n * 5'000'000 : 1'000'000'000 + (n - 200) * 1'000'000);
    ASSERT_NEAR(static_cast<double>(samples[n].due), static_cast<double>(since), kMicrosecond) << n;
  }
  EXPECT_GT(verdicts(samples)["ok"], 0);
}

TEST_F(Load, LatencyCountsFromWhenARequestWasDue) {
  const auto load = ask(crowd({{0, 500}}), ns_, kSecond);
  ASSERT_EQ(load.size(), 500u);
  for (const auto& sample : load) {
    ASSERT_TRUE(sample.from_due);
    ASSERT_GE(sample.latency, sample.late);
  }
  const auto observed = ask(http_probe("http://127.0.0.1:8080/"), ns_, 100 * kMillisecond);
  ASSERT_FALSE(observed.empty());
  EXPECT_FALSE(observed[0].from_due);
}

TEST_F(Load, WhatItCannotSendIsTold) {
  Samples samples;
  probe::Prober prober(crowd({{0, 1000}}), 0, {&ns_, "", {}}, nullptr, samples.sink());
  const Ns epoch = monotonic_now() - 2 * kSecond;  // as if the thread had not run for so long
  prober.start(epoch, 3 * kSecond);
  sleep_until(epoch + 3 * kSecond);
  prober.finish();
  ASSERT_EQ(prober.failure(), "");
  const auto all = samples.all();
  EXPECT_EQ(all.size(), 3000u);
  for (const auto& sample : all) {
    if (sample.due < 1900 * kMillisecond) {
      ASSERT_EQ(sample.error, "unsent");
    }
    if (sample.late > 200 * kMillisecond) {
      ASSERT_EQ(sample.error, "unsent");
    }
    if (sample.error == "unsent") {
      ASSERT_GT(sample.late, 100 * kMillisecond);
    }
  }
}

TEST_F(Load, OfARunIsInItsSummary) {
  const auto plan = folder_.write("crowd.toml", fmt::format(R"(
seed = 1
duration = "2s"
[targets.web]
netns = "/proc/{}/fd/{}"
[probes.crowd]
http = "http://127.0.0.1:8080/"
reuse = true
from = "web"
rate = [{{ at = "0s", rate = "100/s" }}, {{ at = "1s", rate = "100/s" }}, {{ at = "1s", rate = "500/s" }}]
[probes.down]
http = "http://127.0.0.1:8080/down"
from = "web"
every = "500ms"
)",
                                                            getpid(), ns_.fd()));
  auto run = Command::run(plan, folder_.path() / "run");
  ASSERT_TRUE(came_to_its_end(run.wait(60 * kSecond))) << run.errors();
  const auto summary = nlohmann::json::parse(std::ifstream(folder_.path() / "run/summary.json"));
  EXPECT_EQ(summary.at("schema"), 1);
  const auto& load = summary.at("probes").at(0).at("load");
  EXPECT_EQ(load.at("rate"), "100/s at 0s, 100/s at 1s, 500/s at 1s");
  EXPECT_EQ(load.at("offered"), 600);
  EXPECT_LE(load.at("sent"), 600);
  EXPECT_GT(load.at("sent"), 0);
  const auto& down = summary.at("probes").at(1);
  EXPECT_TRUE(down.at("load").is_null());
  ASSERT_GE(down.at("failing_answers").size(), 1u);
  EXPECT_EQ(down.at("failing_answers").at(0).at("output"), "no bank today, token=***");
}

class KeptAnswer : public testing::Test {
 protected:
  /// What came of one request.
  static probe::Sample one(probe::Probe p, const NetNs& ns, nursery::Nursery* nursery = nullptr) {
    p.every = 60 * kSecond;
    const auto samples = ask(p, ns, 10 * kMillisecond, {}, nursery);
    EXPECT_EQ(samples.size(), 1u);
    return samples.empty() ? probe::Sample{} : samples[0];
  }
  const NetNs ns_ = loopback_ns();
};

TEST_F(KeptAnswer, OfHttpIsTheBeginningOfItsBody) {
  const TemporaryFolder folder;
  const auto server = start_nginx(ns_, folder, kServers);
  auto down = http_probe("http://127.0.0.1:8080/down");
  ASSERT_TRUE(eventually([&] { return verdicts(ask(down, ns_, 50 * kMillisecond)).contains("status 503"); }))
      << server->errors();
  const auto failed = one(down, ns_);
  ASSERT_TRUE(failed.said);
  EXPECT_EQ(failed.said->output, "no bank today, token=abc") << "the record hides what is secret";
  auto well = http_probe("http://127.0.0.1:8080/");
  EXPECT_FALSE(one(well, ns_).said);
  well.params.set("expect.body", std::string("unpaid"));
  ASSERT_TRUE(one(well, ns_).said);
  EXPECT_EQ(one(well, ns_).said->output, "paid");
  stop_nginx(*server);
}

TEST_F(KeptAnswer, OfACommandIsWhatItWroteToEachOfItsOutputs) {
  const auto nursery = nursery::Nursery::start();
  const auto run = [&](const std::string& script, Ns timeout = 60 * kSecond) {
    auto p = probe_of("exec", probe::Command{"sh", "-c", script});
    p.timeout = timeout;
    return one(p, ns_, nursery.get());
  };
  const auto failed = run("echo out; echo err >&2; exit 3");
  EXPECT_EQ(failed.error, "exit 3");
  ASSERT_TRUE(failed.said);
  EXPECT_EQ(failed.said->output, "out\n");
  EXPECT_EQ(failed.said->errors, "err\n");
  EXPECT_FALSE(run("echo out; echo err >&2").said);
  const auto late = run("echo begun; exec sleep 600", 5 * kSecond);
  EXPECT_EQ(late.error, "timeout");
  ASSERT_TRUE(late.said);
  EXPECT_EQ(late.said->output, "begun\n") << "what came until then";
  const auto much = run("head -c 100000 /dev/zero | tr '\\0' x; exit 1");
  ASSERT_TRUE(much.said);
  EXPECT_EQ(much.said->output.size(), probe::Heard::kMost);
  EXPECT_EQ(much.said->left_out, 100000 - probe::Heard::kMost);
}

}  // namespace
}  // namespace faultline::test
