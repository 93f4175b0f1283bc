// --with: the user's probes, hypotheses, guards and events beside an outage that is bound.
#include "injector/base/error.h"
#include "tests/unit/bound_bed.h"

namespace faultline::sketch {
namespace {

TEST_F(Bound, WhatJudgesComesFromTheSecondFile) {
  const auto parsed = bind(kAnswers, kBoth, "title = \"Mine\"\ntelemetry = \"till\"\n" + kMine,
                           {.variables = {{"url", "http://10.0.0.8/"}}});
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  const auto& p = parsed.plan;
  EXPECT_EQ(p.title, "Mine");
  ASSERT_EQ(p.probes.size(), 2u);
  EXPECT_EQ(p.probes[0].shown_subject(), "http://10.0.0.8/");
  EXPECT_EQ(p.probes[1].program(), (std::vector<std::string>{"sh", (folder_.path() / "look.sh").string(), "${HOME}"}));
  EXPECT_EQ(p.hypotheses.at(0).during, "sever");
  EXPECT_EQ(p.guards.size(), 1u);
  EXPECT_EQ(p.events.size(), 1u);
  EXPECT_EQ(p.telemetry, std::vector<std::string>{"till"});
  EXPECT_EQ(parsed.judged_by(), own_);
  EXPECT_TRUE(parsed.remarks.empty()) << render_remarks(parsed);
}

TEST_F(Bound, WithoutHypothesesNothingJudgesAndThatIsSaid) {
  const auto parsed = bind(kAnswers, kBoth);
  ASSERT_TRUE(parsed.ok());
  EXPECT_NE(render_remarks(parsed).find("till.toml: remark: nothing judges the run: give --with FILE"),
            std::string::npos)
      << render_remarks(parsed);
}

TEST_F(Bound, MistakesInTheSecondFileAreShownThere) {
  const std::string own =
      "[probes.mine]\nhttp = \"http://10.0.0.9/\"\nfrom = \"here\"\n\n[[hypotheses]]\nprobe = "
      "\"mine\"\nduring = \"severe\"\nsuccess = \"99%\"\n";
  const auto parsed = bind(kAnswers, kBoth, own);
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed);
  EXPECT_EQ(parsed.diagnostics[0].file, own_);
  EXPECT_EQ(parsed.diagnostics[0].at.line, 7u);
  EXPECT_EQ(parsed.diagnostics[0].at.column, 10u);
  EXPECT_EQ(parsed.diagnostics[0].hint, "did you mean \"sever\"?");
  EXPECT_EQ(parsed.diagnostics[1].at.line, 8u);
  EXPECT_NE(render(parsed).find(own_ + ":7:10: error: during"), std::string::npos) << render(parsed);
  EXPECT_NE(render(parsed).find("    during = \"severe\"\n             ^"), std::string::npos) << render(parsed);
}

TEST_F(Bound, TheSecondFileJudgesAndDoesNothingElse) {
  const auto parsed = bind(kAnswers, kBoth,
                           "seed = 3\n[lab.rooms.x]\n[arms.a]\n[prob.x]\n[probes]\nx = 3\n[hypotheses]\n"
                           "[[faults]]\nkind = \"sever\"\n");
  EXPECT_EQ(parsed.diagnostics.size(), 7u) << render(parsed);
  for (const char* key : {"seed", "lab", "arms", "faults", "prob"})
    EXPECT_TRUE(has_mistake(parsed, fmt::format("\"{}\" is not of a file for --with", key))) << render(parsed);
  for (const auto& mistake : parsed.diagnostics) EXPECT_EQ(mistake.file, own_);
  EXPECT_TRUE(has_mistake(bind(kAnswers, kBoth, "x = \n"), "not valid TOML"));
}

TEST_F(Bound, NamesOfTheTwoDoNotMeet) {
  const std::string slow =
      "[[faults]]\nkind = \"degrade\"\non = \"till\"\nloss = \"${loss}\"\nstart = \"1s\"\nfor = \"1s\"\n";
  const auto parsed =
      bind(slow, {"till=netns=x"}, "[vars]\nloss = \"1%\"\ndir = \"mine\"\n[targets.till]\nunit = \"x\"\n");
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << render(parsed) << "a variable that no fault uses is free";
  EXPECT_EQ(parsed.diagnostics[0].at.line, 2u);
  EXPECT_EQ(parsed.diagnostics[1].at.line, 4u);
}

TEST_F(Bound, MistakesOfTargetsAreShownAtTheirOption) {
  const auto parsed = bind(kAnswers, {"till=unit=shop.socket", "pay-a=address=10.0.3.0/240,colour=red"});
  ASSERT_EQ(parsed.diagnostics.size(), 3u) << render(parsed);
  EXPECT_TRUE(has_mistake(parsed, "--bind till=unit=shop.socket: unit: "));
  EXPECT_TRUE(has_mistake(parsed, "--bind pay-a=address=10.0.3.0/240,colour=red: address: "));
  EXPECT_TRUE(has_mistake(parsed, "--bind pay-a=address=10.0.3.0/240,colour=red: unknown key \"colour\""));
  for (const auto& mistake : parsed.diagnostics) EXPECT_EQ(mistake.at.line, 0u);
  for (const char* option : {"till", "till=", "=unit=x", "till=shop"})
    EXPECT_THROW(bind(kAnswers, {option}), Failure) << option;
}

TEST_F(Bound, MistakesOfTheOutageComeFirst) {
  const auto parsed = bind(kAnswers + "[[faults]]\nkind = \"sevre\"\n", {"nobody=unit=x"});
  ASSERT_FALSE(parsed.ok());
  EXPECT_TRUE(has_mistake(parsed, "sevre")) << render(parsed);
  EXPECT_FALSE(has_mistake(parsed, "nobody"));
}

TEST_F(Bound, AnArmSaysWhatFaultsAsk) {
  const std::string faults =
      "[arms.mild]\n[arms.hard]\nloss = \"50%\"\n[[faults]]\nkind = \"degrade\"\non = \"till\"\nloss = "
      "\"${loss}\"\nstart "
      "= \"1s\"\nfor = \"1s\"\n";
  const auto loss = [&](const std::string& arm, std::map<std::string, std::string> variables = {}) {
    return bound(faults, {"till=unit=x"}, "", {.variables = std::move(variables), .arm = arm})
        .faults[0]
        .params.probability("loss");
  };
  EXPECT_EQ(loss("mild"), 0.12);
  EXPECT_EQ(loss("hard"), 0.5);
  EXPECT_EQ(loss("", {{"loss", "1%"}}), 0.01);
  const auto parsed = bind(faults, {"till=unit=x"});
  EXPECT_TRUE(has_mistake(parsed, "arms mild and hard differ in \"loss\", which the faults use")) << render(parsed);
  // Arms that differ in the lab alone are one and the same here.
  const auto same = bind(
      "[arms.a]\n[arms.b]\ndir = \"x\"\nexpect = \"fails: y\"\n[[hypotheses]]\nname = \"y\"\nprobe = "
      "\"pay\"\nsuccess = \">= 99%\"\n" +
          kAnswers,
      kBoth);
  EXPECT_TRUE(same.ok()) << render(same);
  EXPECT_TRUE(same.plan.arms.empty());
}

TEST_F(Bound, SettingsChangeWhatIsAsked) {
  const auto p = bound(kAnswers, kBoth, "", {.seed = 9, .settings = {{"sever.for", "2s"}}});
  EXPECT_EQ(p.faults[0].end, 12 * kSecond);
  EXPECT_EQ(p.seed, 9u);
}

}  // namespace
}  // namespace faultline::sketch
