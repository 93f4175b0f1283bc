// What a CI job asks of a run: to try again what said nothing, and to mark what broke where the code is reviewed.
#include <gtest/gtest.h>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct CiOptionsTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  std::filesystem::path plan(const std::string& peer) const {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "900ms";
    plan.timeout = "300ms";
    plan.fault = "cut";
    plan.effect = "kind = \"sever\"\npeer = \"peer\"";
    plan.start = "200ms";
    plan.length = "300ms";
    plan.more = fmt::format(R"([targets.peer]
address = "{}"
[[hypotheses]]
name = "answers come"
probe = "ping"
during = "cut"
success = ">= 95%"
)",
                            peer);
    return folder.write("plan.toml", plan.text());
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

TEST_F(CiOptionsTest, WhatSaysNothingIsTriedAgainAndKept) {
  // Whom nobody asks; and the folder as completion writes it.
  Command run = Command::run(plan("10.99.0.1"), out / "", {"--retry-inconclusive", "2", "--json"});
  EXPECT_EQ(run.wait(60 * kSecond), 2) << run.errors();
  for (const char* name : {"run", "run.inconclusive-1", "run.inconclusive-2"})
    EXPECT_EQ(summary_of(folder.path() / name)["verdict"], "inconclusive") << name;
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "run.inconclusive-3"));
  EXPECT_EQ(nlohmann::json::parse(run.out(), nullptr, false), summary_of(out)) << "the last alone is told";
}

TEST_F(CiOptionsTest, WhatSaysSomethingIsNotTriedAgain) {
  Command run = Command::run(plan("10.7.0.2"), out, {"--retry-inconclusive=3"});
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.errors();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "run.inconclusive-1"));
  EXPECT_NE(run.out().find("answers come"), std::string::npos) << run.out();
}

TEST_F(CiOptionsTest, WhatBrokeIsMarkedForGithub) {
  const auto summary = folder.path() / "step.md";
  Command run({"env", "GITHUB_STEP_SUMMARY=" + summary.string(), binary(), "run", plan("10.7.0.2"), "--out", out,
               "--quiet", "--annotate", "github"});
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.errors();
  EXPECT_EQ(run.out().find("::error file="), 0u) << run.out();
  EXPECT_NE(run.out().find("title=answers come::probe ping during cut"), std::string::npos) << run.out();
  EXPECT_NE(text_of(summary).find("| ❌ | answers come |"), std::string::npos) << text_of(summary);
}

TEST_F(CiOptionsTest, TheActionSaysWhatCameOfIt) {
  const auto outputs = folder.path() / "outputs";
  // The same command line, with a `faultline` in PATH.
  const auto play = [&](const std::string& peer, std::vector<std::string> environment) {
    std::filesystem::remove(outputs);
    std::filesystem::remove_all(out);
    std::vector<std::string> words{"env",
                                   "PATH=" + std::filesystem::path(binary()).parent_path().string() + ":/usr/bin:/bin",
                                   "GITHUB_OUTPUT=" + outputs.string(),
                                   "FAULTLINE_PLAN=" + plan(peer).string(),
                                   "FAULTLINE_OUT=" + out.string(),
                                   "FAULTLINE_ARGUMENTS=--seed 7  --json"};
    words.insert(words.end(), environment.begin(), environment.end());
    words.push_back(FAULTLINE_SOURCE_DIR "/.github/actions/rehearse/play");
    return Command(words);
  };
  const auto said = [&] { return text_of(outputs); };

  Command broken = play("10.7.0.2", {});
  EXPECT_EQ(broken.wait(60 * kSecond), 1) << broken.errors();
  EXPECT_EQ(said(), "verdict=deviated\nstatus=1\nfolder=" + out.string() + "\n");
  EXPECT_EQ(summary_of(out)["seed"], 7);

  Command nothing = play("10.99.0.1", {"FAULTLINE_INCONCLUSIVE=warn", "FAULTLINE_RETRY=0"});
  EXPECT_EQ(nothing.wait(60 * kSecond), 0) << nothing.errors();
  EXPECT_EQ(said(), "verdict=inconclusive\nstatus=2\nfolder=" + out.string() + "\n");
  EXPECT_NE(nothing.out().find("::warning::"), std::string::npos) << nothing.out();

  Command wrong = play("10.7.0.2", {"FAULTLINE_INCONCLUSIVE=ignore"});
  EXPECT_EQ(wrong.wait(60 * kSecond), 3) << wrong.out();
  EXPECT_NE(wrong.out().find("inconclusive is fail or warn"), std::string::npos) << wrong.out();
}

TEST_F(CiOptionsTest, WhatAnInjectionBrokeIsMarkedToo) {
  Command run({binary(),
               "inject",
               "sever",
               "--on",
               "netns=" + net.path(),
               "--for",
               "300ms",
               "--probe-icmp",
               "10.7.0.2",
               "--probe-every",
               "20ms",
               "--probe-timeout",
               "300ms",
               "--probe-from",
               "on",
               "--success",
               ">= 95%",
               "--out",
               out,
               "--quiet",
               "--annotate",
               "github"});
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.errors();
  EXPECT_EQ(run.out().find("::error file="), 0u) << run.out();
}

TEST_F(CiOptionsTest, ASummaryThatCannotBeWrittenFailsNothing) {
  Command run({"env", "GITHUB_STEP_SUMMARY=/proc/nowhere/step.md", binary(), "run", plan("10.7.0.2"), "--out", out,
               "--quiet", "--annotate", "github"});
  EXPECT_EQ(run.wait(60 * kSecond), 1) << run.errors();
  EXPECT_NE(run.errors().find("summary could not be written"), std::string::npos) << run.errors();
}

}  // namespace
}  // namespace faultline::test
