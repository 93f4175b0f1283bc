// What `check` leaves for a CI server: a test case for each plan, and marks at the lines that are wrong.
#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "tests/harness/command.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/say.h"
#include "tests/unit/test_names.h"

namespace faultline::cli {
namespace {

struct CheckForCi : testing::Test {
  test::TemporaryFolder folder;
  std::string good = folder.write("good.toml", plan::kSmall);
  std::string bad = folder.write("bad,1.toml", plan::kSmall + "dellay = \"5%\"\nloss = 5\n");
};

TEST_F(CheckForCi, WritesATestCaseForEachPlan) {
  const std::string file = folder.path() / "check.xml";
  EXPECT_EQ(say({"check", good, bad, "/no/plan.toml", "--junit", file}).status, 3);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(test::text_of(file).c_str(), pugi::parse_full));
  const auto suites = document.child("testsuites");
  EXPECT_EQ(suites.attribute("tests").as_int(), 3);
  EXPECT_EQ(suites.attribute("failures").as_int(), 3 - 1);
  std::vector<pugi::xml_node> cases;
  for (const auto node : suites.child("testsuite").children("testcase")) cases.push_back(node);
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0].attribute("name").as_string(), good);
  EXPECT_TRUE(cases[0].first_child().empty());
  const auto failure = cases[1].child("failure");
  EXPECT_STREQ(failure.attribute("message").as_string(), "unknown key \"dellay\" in fault 1");
  const std::string text = failure.text().as_string();
  EXPECT_NE(text.find(bad + ":11:1: error:"), std::string::npos) << text;
  EXPECT_NE(text.find("2 mistakes"), std::string::npos) << text;
  EXPECT_NE(std::string(cases[2].child("failure").attribute("message").as_string()).find("No such file"),
            std::string::npos);
}

TEST_F(CheckForCi, MarksEachMistakeAtItsPlace) {
  const auto said = say({"check", good, bad, "--annotate", "github"});
  EXPECT_EQ(said.status, 3);
  std::string file = bad;
  file.replace(file.find(','), 1, "%2C");
  EXPECT_NE(said.out.find("::error file=" + file + ",line=11,col=1,title=faultline check::unknown key \"dellay\""),
            std::string::npos)
      << said.out;
  EXPECT_NE(said.out.find(",line=12,"), std::string::npos) << said.out;
  EXPECT_EQ(said.out.find("::error file=" + good), std::string::npos) << said.out;
  EXPECT_NE(said.error.find("2 mistakes"), std::string::npos) << "people are told as ever";
}

TEST_F(CheckForCi, AFileThatCannotBeWrittenIsAnError) {
  const auto said = say({"check", good, "--junit", folder.path() / "none" / "check.xml"});
  EXPECT_EQ(said.status, 4);
  EXPECT_NE(said.error.find("cannot be written"), std::string::npos) << said.error;
}

TEST_F(CheckForCi, ARunOfAnInvalidPlanMarksItsMistakesToo) {
  const auto said = say({"run", bad, "--annotate", "github", "--out", folder.path() / "run"});
  EXPECT_EQ(said.status, 3);
  EXPECT_NE(said.out.find(",line=11,col=1,title=faultline check::"), std::string::npos) << said.out;
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "run"));
}

}  // namespace
}  // namespace faultline::cli
