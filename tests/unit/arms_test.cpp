// Arms of a plan: how they are read, what is expected of each, and the account of all.
#include "injector/report/arms.h"

#include <fstream>

#include "injector/record/events.h"
#include "injector/record/journal.h"
#include "injector/record/verdict.h"
#include "injector/report/junit.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/say.h"

namespace faultline {
namespace {

using plan::only_mistake;
using plan::parse_good;

plan::ParseOptions as(const std::string& arm) {
  plan::ParseOptions options;
  options.arm = arm;
  return options;
}

const std::string kTwo =
    "[vars]\nedge = \"plain\"\nwho = \"nobody\"\n[arms.careful]\nedge = \"${plan_dir}/checked\"\n" + plan::kSmall +
    "[[hypotheses]]\nname = \"all pay\"\nprobe = \"pay\"\nsuccess = \">= 99%\"\n"
    "[probes.other]\nicmp = \"10.0.0.2\"\nfrom = \"here\"\n"
    "[arms.naive]\nwho = \"somebody\"\nexpect = \"fails: all pay\"\n"
    "[[hypotheses]]\nname = \"${edge} ${who}\"\nprobe = \"other\"\nsuccess = \">= 1%\"\n";

TEST(PlanArms, GiveTheirValuesToVariables) {
  const auto first = parse_good(kTwo);
  ASSERT_EQ(first.arms.size(), 2u);
  EXPECT_EQ(first.arm, "careful") << "the first, unless another is asked for";
  EXPECT_EQ(first.variables.at("edge"), "/plans/checked");
  EXPECT_EQ(first.hypotheses.at(1).name, "/plans/checked nobody");
  const auto naive = parse_good(kTwo, as("naive"));
  EXPECT_EQ(naive.hypotheses.at(1).name, "plain somebody");
  EXPECT_EQ(naive.chosen_arm()->fails, std::vector<std::string>{"all pay"});
  plan::ParseOptions both = as("naive");
  both.variables["who"] = "everybody";
  EXPECT_EQ(parse_good(kTwo, both).hypotheses.at(1).name, "plain everybody") << "--var goes before an arm";
}

TEST(PlanArms, MayExpectSeveralToFail) {
  const auto plan = parse_good(plan::kSmall +
                               "[[hypotheses]]\nname = \"a\"\nprobe = \"pay\"\nsuccess = \">= 99%\"\n"
                               "[[hypotheses]]\nname = \"b\"\nprobe = \"pay\"\nsuccess = \">= 99%\"\n"
                               "[arms.bad]\nexpect = [\"fails: a\", \"fails:b\"]\n[arms.good]\nexpect = \"passes\"\n");
  EXPECT_EQ(plan.arms.at(0).fails, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(plan.arms.at(1).fails.empty());
}

TEST(PlanArms, MistakesAreNamed) {
  only_mistake(plan::kSmall + "[arms.a]\nedge = \"x\"\n", "the plan has no variable \"edge\"", "default in [vars]");
  only_mistake(plan::kSmall + "[arms.a]\nexpect = \"breaks\"\n", "\"breaks\" is not an expectation");
  only_mistake(plan::kSmall +
                   "[[hypotheses]]\nname = \"all pay\"\nprobe = \"pay\"\nsuccess = \">= 99%\"\n"
                   "[arms.a]\nexpect = \"fails: all pays\"\n",
               "there is no hypothesis \"all pays\"", "did you mean \"all pay\"?");
  only_mistake(plan::kSmall + "[arms]\na = 1\n", "arms.a: expected a table");
  only_mistake(plan::kSmall + "[arms.\"a b\"]\n", "an arm's name");
  only_mistake(plan::kSmall + "[arms.\"arms.json\"]\n", "has a dot in it");
  only_mistake(kTwo, "--arm nobody: the plan has no such arm", "its arms are: careful, naive", as("nobody"));
  only_mistake(plan::kSmall, "--arm a: the plan has no such arm", "the plan has no [arms]", as("a"));
}

TEST(PlanArms, AreExplainedAndCounted) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("p.toml", kTwo);
  const auto explained = cli::say({"explain", path, "--arm", "naive"});
  EXPECT_NE(explained.out.find("Arm naive (--arm for another: careful)"), std::string::npos) << explained.out;
  EXPECT_NE(explained.out.find("What arm naive must break"), std::string::npos) << explained.out;
  EXPECT_EQ(cli::say({"explain", path}).out.find("must break"), std::string::npos);
  EXPECT_NE(cli::say({"check", path}).out.find("2 arms, each "), std::string::npos);
  EXPECT_EQ(cli::say({"check", path, "--arm", "nobody"}).status, 3);
  EXPECT_EQ(cli::say({"check", path, "--set", "degrade.delay=soon"}).status, 3);
}

record::Recording arm_that_must_break(bool breaks) {
  record::Recording r = record::testing::good_recording();
  r.arm = "naive";
  r.expected_to_fail = {"payments keep working"};
  if (breaks) record::testing::replace_requests(r, 10 * kSecond, 20 * kSecond, false, kMillisecond);
  return r;
}

TEST(Expectation, OfAFailureIsMetByIt) {
  const auto verdict = record::judge(arm_that_must_break(true));
  EXPECT_EQ(verdict.exit, Exit::passed);
  EXPECT_STREQ(verdict.word(), "passed");
  EXPECT_EQ(verdict.hypotheses.at(0).held, false) << "what was observed stays what it is";
  EXPECT_TRUE(verdict.hypotheses.at(0).as_expected());
}

TEST(Expectation, OfAFailureIsNotMetByAPass) {
  const auto verdict = record::judge(arm_that_must_break(false));
  EXPECT_EQ(verdict.exit, Exit::deviated);
  ASSERT_EQ(verdict.reasons.size(), 1u);
  EXPECT_NE(verdict.reasons[0].find("held, and arm \"naive\" is expected to break it"), std::string::npos);
}

TEST(Expectation, LeavesOtherFailuresWhatTheyAre) {
  record::Recording r = arm_that_must_break(true);
  r.hypotheses.push_back(r.hypotheses[0]);
  r.hypotheses[1].name = "another";
  EXPECT_EQ(record::judge(r).exit, Exit::deviated);
  r.hypotheses[1].probe = "nobody";
  EXPECT_EQ(record::judge(r).exit, Exit::inconclusive);
}

TEST(Expectation, IsShownAsMetInReportAndJunit) {
  const auto summary = [](const record::Recording& r) { return report::summarize(r, record::judge(r)); };
  const auto met = summary(arm_that_must_break(true)), unmet = summary(arm_that_must_break(false));
  EXPECT_TRUE(report::broken_hypotheses(met).empty());
  EXPECT_EQ(report::junit_xml(met).find("<failure"), std::string::npos);
  EXPECT_NE(report::junit_xml(unmet).find("this arm was expected to break it"), std::string::npos);
  const std::string both = report::junit_xml(std::vector{met, unmet});
  EXPECT_NE(both.find("<testsuites tests=\"6\" failures=\"1\""), std::string::npos) << both;
  EXPECT_NE(both.find("<testsuite name=\"test.naive\""), std::string::npos) << both;
}

/// A journal as an arm leaves it that was stopped before anything happened.
void write_journal(const std::filesystem::path& folder, const std::string& arm) {
  std::filesystem::create_directories(folder);
  record::Journal journal(folder);
  plan::Plan p = parse_good(kTwo, as(arm));
  record::events::plan(journal, p);
}

TEST(ArmsAccount, IsMadeFromTheJournalsThereAre) {
  record::testing::TemporaryFolder folder;
  report::Arms arms;
  arms.name = "shop";
  arms.seed = 7;
  arms.arms.resize(2);
  arms.arms[0].arm = "careful";
  arms.arms[1].arm = "naive";
  report::begin_arms(folder.path(), arms);
  EXPECT_NE(folder.read("arms.json").find("\"not played\""), std::string::npos);
  write_journal(folder.path() / "careful", "careful");
  const auto outcome = report::derive_arms(folder.path());
  EXPECT_EQ(outcome.exit, Exit::aborted) << "one was never played, and one has no end";
  ASSERT_EQ(outcome.summaries.size(), 1u);
  EXPECT_EQ(outcome.summaries[0].arm, "careful");
  EXPECT_EQ(outcome.arms.arms[1].verdict, "not played");
  EXPECT_EQ(outcome.arms.seed, 7u);
  EXPECT_NE(folder.read("report.html").find("href=\"careful/report.html\""), std::string::npos);
  const std::string back = "<a href=\"../report.html\">all arms</a>";
  EXPECT_NE(folder.read("careful/report.html").find(back), std::string::npos);
  report::derive(folder.path() / "careful" / "");
  EXPECT_NE(folder.read("careful/report.html").find(back), std::string::npos) << "by a name that ends with a slash";
  write_journal(folder.path() / "alone" / "careful", "careful");
  report::derive(folder.path() / "alone" / "careful");
  EXPECT_EQ(folder.read("alone/careful/report.html").find(back), std::string::npos) << "there is no such page";
  EXPECT_NE(folder.read("junit.xml").find("shop.careful"), std::string::npos);
  EXPECT_NE(render_arms(outcome, folder.path(), false).bytes().find("naive: not played"), std::string::npos);
}

TEST(ArmsPage, LeadsFromWhatBrokeToItsCardAndSaysWhatWasExpected) {
  report::ArmsOutcome outcome;
  outcome.arms.arms.resize(1);
  outcome.arms.arms[0] = {"naive", "passed", 0, {"nobody pays twice"}, {"nobody pays twice"}, {}};
  report::Summary& s = outcome.summaries.emplace_back();
  s.arm = "naive";
  s.repeat = "sudo faultline run shop --arm naive --seed 3";
  report::Hypothesis& h = s.hypotheses.emplace_back();
  h.name = "nobody pays twice";
  h.expected = "value.last = 0";
  h.held = false;
  h.expected_to_fail = true;
  h.rank = 1;
  const std::string page = report::arms_page(outcome);
  for (const char* part : {"<a href=\"naive/report.html#broken-1\">broken</a>", "value.last = 0",
                           "passed: it broke what it must", "sudo faultline run shop --seed 3</code>"})
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
}

TEST(ArmsAccount, AnArmWithoutARecordIsAnErrorOfItsOwn) {
  record::testing::TemporaryFolder folder;
  report::Arms arms;
  arms.name = "shop";
  arms.arms.resize(2);
  arms.arms[0].arm = "careful";
  arms.arms[1].arm = "naive";
  arms.arms[1].exit_code = static_cast<int>(Exit::cannot_run);
  report::begin_arms(folder.path(), arms);
  write_journal(folder.path() / "careful", "careful");
  EXPECT_EQ(report::derive_arms(folder.path()).arms.arms[1].exit_code, static_cast<int>(Exit::cannot_run));
  const std::string junit = folder.read("junit.xml");
  EXPECT_NE(junit.find("<testsuite name=\"shop.naive\""), std::string::npos) << junit;
  EXPECT_NE(junit.find("there is no record of it"), std::string::npos) << junit;
  EXPECT_EQ(report::derive_arms(folder.path()).arms.arms[1].exit_code, static_cast<int>(Exit::cannot_run)) << "again";
}

TEST(ArmsAccount, OfAnotherFileIsRefused) {
  record::testing::TemporaryFolder folder;
  EXPECT_THROW(report::derive_arms(folder.path()), Failure);
  std::ofstream(folder.path() / "arms.json") << "{\"arms\": 3}";
  EXPECT_THROW(report::derive_arms(folder.path()), Failure);
  write_journal(folder.path() / "outside", "careful");
  const auto inside = folder.path() / "inside";
  std::filesystem::create_directories(inside);
  report::Arms arms;
  arms.arms.resize(1);
  arms.arms[0].arm = "../outside";
  report::begin_arms(inside, arms);
  const auto outcome = report::derive_arms(inside);
  EXPECT_EQ(outcome.exit, Exit::aborted);
  EXPECT_TRUE(outcome.summaries.empty()) << "nothing outside is looked at";
}

}  // namespace
}  // namespace faultline
