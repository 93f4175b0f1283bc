// More faults on one target than it has rules at once.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

using nlohmann::json;

struct ManyFaultsTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  static std::string delay(const std::string& on, int number, Ns start, Ns length) {
    return fmt::format(
        "[[faults]]\nname = \"{0} {1}\"\nkind = \"degrade\"\non = \"{0}\"\nstart = \"{2}ms\"\nfor = \"{3}ms\"\n"
        "delay = \"20ms\"\n",
        on, number, start / kMillisecond, length / kMillisecond);
  }

  TwoNamespaces net;
  TemporaryFolder folder;
};

// One after the other, so that at most three are live at once; a rule of each would need 100 bits of 64.
TEST_F(ManyFaultsTest, AHundredOneAfterTheOtherEachTouchTheirOwnPackets) {
  constexpr int kFaults = 100;
  constexpr Ns kEach = 200 * kMillisecond;
  std::string plan = fmt::format(
      "seed = 1\nduration = \"21500ms\"\n[targets.victim]\nnetns = \"{}\"\n[probes.ping]\nicmp = \"10.7.0.2\"\n"
      "from = \"victim\"\nevery = \"10ms\"\ntimeout = \"500ms\"\n",
      net.path());
  for (int i = 0; i < kFaults; i++) plan += delay("victim", i, 500 * kMillisecond + i * kEach, kEach);
  const auto out = folder.path() / "run";
  Command run = Command::run(folder.write("plan.toml", plan), out, {"--tolerance", "100%"});
  const auto status = run.wait(120 * kSecond);
  ASSERT_TRUE(status) << run.errors();
  const json s = summary_of(out);
  for (const auto& reason : s["reasons"])  // how late a busy machine is matters elsewhere
    EXPECT_NE(reason.get<std::string>().find("was late: "), std::string::npos) << reason;
  EXPECT_EQ(s["verdict"], s["reasons"].empty() ? "completed" : "inconclusive");
  EXPECT_EQ(*status, s["reasons"].empty() ? 0 : 2) << run.out() << run.errors();
  ASSERT_EQ(s["faults"].size(), kFaults);
  for (const auto& fault : s["faults"]) {
    const auto delayed = fault["packets_delayed"].get<std::uint64_t>();
    EXPECT_GT(delayed, 0u) << fault["name"];
    EXPECT_EQ(fault["packets_matched"], delayed) << fault["name"];
    // Requests and replies of 20 times, at most: those of other faults are not among them.
    EXPECT_LT(delayed, 2 * 40u) << fault["name"];
    EXPECT_NEAR(fault["applied_delay_us"]["p50"].get<double>(), 20'000, 1'000) << fault["name"];
  }
}

TEST_F(ManyFaultsTest, TwoNamesOfOneNamespaceAreCountedTogether) {
  const std::string shop = net.path(), store = fmt::format("/proc/{}/task/{}/fd/{}", getpid(), getpid(), net.here.fd());
  std::string plan =
      fmt::format("duration = \"5s\"\n[targets.shop]\nnetns = \"{}\"\n[targets.store]\nnetns = \"{}\"\n", shop, store);
  for (int i = 0; i < 33; i++)
    for (const char* name : {"shop", "store"}) plan += delay(name, i, kSecond, kSecond);
  Command run = Command::run(folder.write("plan.toml", plan), folder.path() / "run");
  EXPECT_EQ(run.wait(60 * kSecond), 4) << run.out();
  const std::string said = run.out() + run.errors();
  EXPECT_NE(said.find("has 66 rules and would need a place for 66 at once; it has 64"), std::string::npos) << said;
  EXPECT_NE(said.find("merge faults"), std::string::npos) << said;
  const Said look = say({"explain", "--look", (folder.path() / "plan.toml").string()});
  EXPECT_EQ(look.status, 4) << look.out << look.errors;
  EXPECT_NE(look.out.find("at once; it has 64"), std::string::npos) << look.out << look.errors;
}

}  // namespace
}  // namespace faultline::test
