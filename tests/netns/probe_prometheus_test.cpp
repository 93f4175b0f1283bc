// The prometheus probe, against Debian's Prometheus.
#include <gtest/gtest.h>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"

namespace faultline::test {
namespace {

class ProbePrometheus : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ns_ = std::make_unique<NetNs>(loopback_ns());
    const auto config = folder_.write("prometheus.yml",
                                      "global: {scrape_interval: 200ms}\n"
                                      "scrape_configs:\n- job_name: own\n  static_configs: [{targets: "
                                      "['127.0.0.1:9090', '127.0.0.1:9']}]\n");
    const Inside inside(*ns_);
    server_ = std::make_unique<Command>(std::vector<std::string>{
        "prometheus", "--config.file=" + config.string(), "--web.listen-address=127.0.0.1:9090",
        "--storage.tsdb.path=" + (folder_.path() / "data").string()});
    ASSERT_TRUE(eventually([&] { return ok(query("count(up) == 2")); })) << server_->errors();
  }
  static bool ok(const std::vector<probe::Sample>& samples) { return verdicts(samples).contains("ok"); }
  std::vector<probe::Sample> query(const std::string& text, const std::string& empty = "") {
    auto p = probe_of("prometheus", "http://127.0.0.1:9090/");
    p.params.set("query", text);
    if (!empty.empty()) p.params.set("empty", empty);
    return ask(p, *ns_, 2 * p.every);
  }
  std::vector<double> values(const std::string& text, const std::string& empty = "") {
    std::vector<double> all;
    for (const auto& sample : query(text, empty))
      if (sample.value) all.push_back(*sample.value);
    return all;
  }

  std::unique_ptr<NetNs> ns_;
  TemporaryFolder folder_;
  std::unique_ptr<Command> server_;
};

TEST_F(ProbePrometheus, AScalarOrTheOneSampleOfAVectorIsTheValue) {
  EXPECT_EQ(values("2.5"), (std::vector<double>{2.5, 2.5}));
  EXPECT_EQ(values("scalar(vector(-3e9))"), (std::vector<double>{-3e9, -3e9}));
  ASSERT_TRUE(eventually([&] { return values("up{instance=\"127.0.0.1:9090\"}") == std::vector<double>{1, 1}; }));
  EXPECT_EQ(values("up{instance=\"127.0.0.1:9\"}"), (std::vector<double>{0, 0})) << "a target that is down";
  EXPECT_EQ(values("vector(1) + vector(2)"), (std::vector<double>{3, 3})) << "what is asked is sent as it stands";
}

TEST_F(ProbePrometheus, AnAnswerThatIsNotOneNumberFails) {
  EXPECT_EQ(verdicts(query("nothing_of_this_name")), (Verdicts{{"no sample", 2}}));
  EXPECT_EQ(values("nothing_of_this_name", "0"), (std::vector<double>{0, 0}));
  EXPECT_EQ(values("vector(7)", "0"), (std::vector<double>{7, 7}));
  EXPECT_EQ(verdicts(query("up")), (Verdicts{{"many samples", 2}}));
  EXPECT_EQ(verdicts(query("vector(0) / 0")), (Verdicts{{"value", 2}})) << "not a number";
  EXPECT_EQ(verdicts(query("vector(1) / 0")), (Verdicts{{"value", 2}})) << "infinite";
  EXPECT_EQ(verdicts(query("up[1m]")), (Verdicts{{"no number", 2}}));
  EXPECT_EQ(verdicts(query("sum(")), (Verdicts{{"status 400", 2}}));
  server_->signal(SIGKILL);
  server_->wait(5 * kSecond);
  EXPECT_EQ(verdicts(query("1")), (Verdicts{{"refused", 2}}));
}

TEST_F(ProbePrometheus, WhatAnswersOtherwiseIsNoPrometheus) {
  auto p = probe_of("prometheus", "http://127.0.0.1:9090/-");  // its own 404, of a path that it does not have
  p.params.set("query", "1");
  EXPECT_EQ(verdicts(ask(p, *ns_, 2 * p.every)), (Verdicts{{"status 404", 2}}));
}

}  // namespace
}  // namespace faultline::test
