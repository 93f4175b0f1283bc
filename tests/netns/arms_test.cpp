// A plan with arms, played by the real binary: one after another, each with its own record, and what ends them.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct ArmsTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  std::string plan(const std::string& expect, const std::string& duration = "3s") const {
    VictimPlan plan{.netns = net.path()};
    plan.duration = duration;
    plan.timeout = "${patience}";
    plan.start = plan.length = "1s";
    plan.more = fmt::format(R"([vars]
patience = "2s"
[arms.patient]
[arms.hurried]
patience = "20ms"
expect = "{}"
[[hypotheses]]
name = "answers come"
probe = "ping"
during = "slow"
success = ">= 95%"
[[hypotheses]]
name = "at first"
probe = "ping"
during = "baseline"
success = ">= 50%"
)",
                            expect);
    return plan.text();
  }
  nlohmann::json account() const {
    std::ifstream file(out / "arms.json");
    return nlohmann::json::parse(file);
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

TEST_F(ArmsTest, ThatBreaksWhatItMustCountsAsPassed) {
  Command run = Command::run(folder.write("plan.toml", plan("fails: answers come")), out, {"--seed", "3"});
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.errors();
  EXPECT_EQ(account()["verdict"], "passed");
  EXPECT_EQ(account()["seed"], 3);
  EXPECT_EQ(account()["arms"][1]["broken"], nlohmann::json::array({"answers come"}));
  EXPECT_NE(run.out().find("hurried      broken as expected"), std::string::npos) << run.out();
  for (const char* arm : {"patient", "hurried"}) {
    const auto summary = summary_of(out / arm);
    EXPECT_EQ(summary["arm"], arm);
    EXPECT_EQ(summary["seed"], 3);
    EXPECT_NE(summary["repeat"].get<std::string>().find(std::string("--arm ") + arm), std::string::npos);
  }
  Command again({binary(), "report", out.string()});
  EXPECT_EQ(again.wait(30 * kSecond), 0) << again.errors();
}

TEST_F(ArmsTest, ThatBreaksAnotherThanItMustDeviates) {
  Command run = Command::run(folder.write("plan.toml", plan("fails: at first")), out);
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.errors();
  EXPECT_EQ(account()["arms"][0]["verdict"], "passed");
  EXPECT_EQ(account()["arms"][1]["verdict"], "deviated");
}

TEST_F(ArmsTest, OneAloneIsARunLikeAnyOther) {
  Command run = Command::run(folder.write("plan.toml", plan("fails: answers come")), out, {"--arm", "patient"});
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.errors() << run.out();
  EXPECT_FALSE(std::filesystem::exists(out / "arms.json"));
  EXPECT_EQ(summary_of(out)["arm"], "patient");
}

TEST_F(ArmsTest, ASignalEndsTheOneThatIsPlayedAndNoOtherFollows) {
  Command run = Command::run(folder.write("plan.toml", plan("passes", "60s")), out);
  ASSERT_TRUE(await_event(out / "patient", "fault_begin")) << run.errors();
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  EXPECT_EQ(account()["arms"][0]["verdict"], "aborted");
  EXPECT_EQ(account()["arms"][1]["verdict"], "not played");
  EXPECT_FALSE(std::filesystem::exists(out / "hurried"));
}

TEST_F(ArmsTest, AKillOfUsEndsItToo) {
  Command run = Command::run(folder.write("plan.toml", plan("passes", "60s")), out);
  ASSERT_TRUE(await_event(out / "patient", "fault_begin")) << run.errors();
  run.signal(SIGKILL);
  run.wait(5 * kSecond);
  ASSERT_TRUE(await_event(out / "patient", "abort", "SIGTERM", 20 * kSecond)) << "it was told, long before its end";
  ASSERT_TRUE(await_event(out / "patient", "end", "", 20 * kSecond)) << "its own process heals and ends its record";
  EXPECT_FALSE(std::filesystem::exists(out / "hurried"));
}

}  // namespace
}  // namespace faultline::test
