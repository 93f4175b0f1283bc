// The experiments that a newcomer runs first, run as a newcomer runs them: the binary, the plan, the services that
// Debian has. A plan that passes for the wrong reason is as bad as one that fails, so the hypotheses are looked at one
// by one. The outages take up to two minutes an arm: tests/outages/run plays them all, tests/unit/experiments_test.cpp
// checks them, and here the flagship is played each time, another in its turn.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/command.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kExperiments = fs::path(FAULTLINE_SOURCE_DIR) / "experiments";

struct Ran {
  int status = -1;
  json summary;
  std::string output;

  const json& named(const char* list, const std::string& name) const {
    for (const auto& entry : summary.at(list))
      if (entry.at("name") == name) return entry;
    throw std::runtime_error(name + " is not among the " + list + " of the summary\n" + output);
  }
  std::set<std::string> hypotheses(bool held) const {
    std::set<std::string> names;
    for (const auto& h : summary.at("hypotheses"))
      if (h.at("held") == held) names.insert(h.at("name"));
    return names;
  }
};

class Experiments : public testing::Test {
 protected:
  test::Command start(const std::string& name, const std::string& arm) {
    const fs::path out = folder_.path() / ("run" + std::to_string(++runs_));
    std::vector<std::string> argv{test::binary(), "run", kExperiments / (name + ".toml"), "--out", out};
    if (!arm.empty()) argv.insert(argv.end(), {"--arm", arm});
    return test::Command(argv);
  }
  /// Of the run that was started as the `number`th.
  Ran finish(test::Command& command, int number) const {
    Ran ran;
    ran.status = command.wait(250 * kSecond).value_or(-1);
    ran.output = command.out() + command.errors();
    ran.summary = test::summary_of(folder_.path() / ("run" + std::to_string(number)));
    return ran;
  }
  Ran run_once(const std::string& name, const std::string& arm) {
    test::Command command = start(name, arm);
    return finish(command, runs_);
  }
  /// The arms careful and naive, at the same time.
  std::pair<Ran, Ran> run_both(const std::string& name) {
    std::pair<Ran, Ran> both;
    for (int attempt = 0; attempt < 2; attempt++) {
      test::Command careful = start(name, "careful"), naive = start(name, "naive");
      both.first = finish(careful, runs_ - 1);
      both.second = finish(naive, runs_);
      if (!spoilt_by_the_machine(both.first) && !spoilt_by_the_machine(both.second)) break;
    }
    return both;
  }

  /// A run that found this machine too busy for it (late packets or requests: 2, the lease: 5) has shown nothing about
  /// the plan: it is repeated, twice at most. A wrong verdict is not.
  Ran run(const std::string& name, const std::string& arm = "") {
    Ran ran;
    for (int attempt = 0; attempt < 3; attempt++) {
      ran = run_once(name, arm);
      if (!spoilt_by_the_machine(ran)) break;
      std::cout << "repeated, the machine was too busy:\n"
                << ran.output << std::flush;  // the next fork must not print it again
    }
    return ran;
  }

 private:
  static bool spoilt_by_the_machine(const Ran& ran) {
    const auto said = [&](const char* what) { return ran.output.find(what) != std::string::npos; };
    return (ran.status == 2 && (said("was late") || said("was sent late") || said("by its safety"))) ||
           (ran.status == 5 && said("(lease)"));
  }

  test::TemporaryFolder folder_;
  int runs_ = 0;
};

TEST_F(Experiments, EachShippedPlanHasATestHere) {
  std::set<std::string> shipped;
  for (const auto& entry : fs::directory_iterator(kExperiments))
    if (entry.path().extension() == ".toml") shipped.insert(entry.path().stem());
  std::set<std::string> tested;  // what this very file runs, and what tests/outages/run reads
  std::ifstream here(fs::path(FAULTLINE_SOURCE_DIR) / "tests/netns/experiments_test.cpp");
  static const std::regex call(R"re(\brun\("([\w-]+)")re");
  for (std::string line; std::getline(here, line);)
    if (std::smatch m; std::regex_search(line, m, call)) tested.insert(m[1]);
  std::ifstream outages(fs::path(FAULTLINE_SOURCE_DIR) / "tests/outages/plans");
  for (std::string line; std::getline(outages, line);)
    if (!line.empty() && line[0] != '#') tested.insert(line);
  EXPECT_EQ(shipped, tested);
}

TEST_F(Experiments, HelloPasses) {
  const Ran ran = run("hello");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.summary.at("verdict"), "passed");
  EXPECT_EQ(ran.hypotheses(true).size(), 3u) << ran.output;
  EXPECT_GT(ran.named("faults", "slow").at("packets_delayed"), 0);
  EXPECT_GT(ran.named("faults", "cut").at("packets_dropped"), 0);
}

TEST_F(Experiments, ChecksAndRetriesSurviveMachineRoomJitter) {
  const Ran ran = run("machine-room-jitter", "careful");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.hypotheses(true).size(), 4u) << ran.output;
  EXPECT_GT(ran.named("faults", "jitter").at("packets_dropped"), 0);
  EXPECT_GT(ran.named("faults", "jitter").at("packets_delayed"), 0);
}

TEST_F(Experiments, WithoutThemJustTheHypothesesNamedForItFail) {
  const Ran ran = run("machine-room-jitter", "naive");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.summary.at("verdict"), "passed") << "it came out as expected";
  EXPECT_EQ(ran.hypotheses(false),
            (std::set<std::string>{"payments survive the jitter", "balances survive the jitter"}))
      << ran.output;
}

/// The outages that tests/outages/run plays, without the flagship.
std::vector<std::string> other_outages() {
  std::vector<std::string> names;
  std::ifstream file(fs::path(FAULTLINE_SOURCE_DIR) / "tests/outages/plans");
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#' && line != "wechat-pay-2022") names.push_back(line);
  return names;
}

/// Whose turn it is: .ci/run counts the commits, so that a commit's tests are always the same.
std::string in_turn() {
  const auto names = other_outages();
  const char* turn = std::getenv("FAULTLINE_TURN");
  return names.at((turn == nullptr ? 0 : std::strtoul(turn, nullptr, 10)) % names.size());
}

/// Two arms wait for most of their two minutes: they are played beside each other, and beside nothing else.
class Outages : public Experiments {};

TEST_F(Outages, WhenAnswersAreLostCareKeepsPeopleFromPayingTwice) {
  const auto [careful, naive] = run_both("wechat-pay-2022");
  ASSERT_EQ(careful.status, 0) << careful.output;
  EXPECT_TRUE(careful.hypotheses(true).contains("the ledger has no violation")) << careful.output;
  EXPECT_GT(careful.named("faults", "answers are lost").at("packets_dropped"), 0);
  ASSERT_EQ(naive.status, 0) << naive.output;
  for (const char* broken : {"no order is paid on two channels", "the ledger has no violation"})
    EXPECT_TRUE(naive.hypotheses(false).contains(broken)) << naive.output;
}

TEST_F(Outages, TheOneWhoseTurnItIsIsSurvivedWithCareAlone) {
  const auto [careful, naive] = run_both(in_turn());
  EXPECT_EQ(careful.status, 0) << careful.output;
  ASSERT_EQ(naive.status, 0) << naive.output;
  EXPECT_FALSE(naive.hypotheses(false).empty()) << naive.output;
}

}  // namespace
}  // namespace faultline
