// Which failures are played again, and that none is lost by it: this binary, run by itself in a part that the
// environment gives it.
#include "tests/harness/steadiness.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/harness/command.h"

namespace faultline::test {
namespace {

std::string of_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

TEST(SteadinessPart, First) {
  const std::string part = of_environment("FAULTLINE_TEST_PART"), play = of_environment("FAULTLINE_TEST_PLAY");
  if (part.empty() || part.starts_with("a set-up")) return;  // nobody asked, or of the suite below
  if (part == "fails") FAIL() << "for good";
  if (part == "disturbed thrice" || (part != "passes" && play != "3")) {
    disturbed("it says so");
    FAIL() << "this time";
  }
}
TEST(SteadinessPart, Second) {
  if (of_environment("FAULTLINE_TEST_PART") == "disturbed twice beside a failure" &&
      of_environment("FAULTLINE_TEST_PLAY").empty())
    FAIL() << "for good";
}

/// A suite with a server, say, that may not come up.
class SteadinessPartOfASuite : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string part = of_environment("FAULTLINE_TEST_PART"), play = of_environment("FAULTLINE_TEST_PLAY");
    if (part == "a set-up disturbed once" && play.empty()) disturbed("it says so");
    ASSERT_FALSE(part == "a set-up fails" || (part == "a set-up disturbed once" && play.empty()));
  }
};
TEST_F(SteadinessPartOfASuite, First) {}

/// On a machine that counts as calm, whatever it is.
Said play(const std::string& part) {
  return say_all({"env", "-u", "FAULTLINE_TEST_PLAY", "-u", "FAULTLINE_TEST_FAILED", "-u", "FAULTLINE_TEST_BEGAN",
                  "FAULTLINE_TEST_CALM=1", "FAULTLINE_TEST_PART=" + part,
                  std::filesystem::read_symlink("/proc/self/exe"), "--gtest_filter=SteadinessPart*"});
}

std::size_t times(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) found++;
  return found;
}

TEST(Steadiness, WhatPassesIsPlayedOnce) {
  const Said said = play("passes");
  EXPECT_EQ(said.status, 0) << said.out;
  EXPECT_EQ(times(said.out, "[   AGAIN  ]"), 0u) << said.out;
}

TEST(Steadiness, AFailureOnACalmMachineCountsAtOnce) {
  const Said said = play("fails");
  EXPECT_EQ(said.status, 1) << said.out;
  EXPECT_EQ(times(said.out, "[   AGAIN  ]"), 0u) << said.out;
}

TEST(Steadiness, WhatWasDisturbedIsPlayedAgainAlone) {
  const Said said = play("disturbed twice");
  EXPECT_EQ(said.status, 0) << said.out;
  EXPECT_EQ(times(said.out, "[DISTURBED ]"), 2u) << said.out;
  EXPECT_EQ(times(said.out, "[ RUN      ] SteadinessPart.First"), 3u) << said.out;
  EXPECT_EQ(times(said.out, "[ RUN      ] SteadinessPart.Second"), 1u) << said.out;
}

TEST(Steadiness, WhatWasDisturbedEachTimeFailsAndSaysSo) {
  const Said said = play("disturbed thrice");
  EXPECT_EQ(said.status, 1) << said.out;
  EXPECT_NE(said.out.find("3 plays, and each time the machine was disturbed"), std::string::npos) << said.out;
}

TEST(Steadiness, AFailureBesideOneThatIsPlayedAgainStillCounts) {
  const Said said = play("disturbed twice beside a failure");
  EXPECT_EQ(said.status, 1) << said.out;
  EXPECT_EQ(times(said.out, "[   AGAIN  ]"), 2u) << said.out;
}

TEST(Steadiness, WhatCouldNotBeSetUpIsNotSkipped) {
  const Said said = play("a set-up fails");
  EXPECT_EQ(said.status, 1) << said.out;
  EXPECT_EQ(times(said.out, "[  SKIPPED ]"), 0u) << "ctest would take it for skipped\n" << said.out;
  EXPECT_NE(said.out.find("[  FAILED  ] SteadinessPartOfASuite.First"), std::string::npos) << said.out;
  EXPECT_EQ(times(said.out, "[   AGAIN  ]"), 0u) << said.out;
}

TEST(Steadiness, ASetUpThatWasDisturbedIsPlayedAgain) {
  const Said said = play("a set-up disturbed once");
  EXPECT_EQ(said.status, 0) << said.out;
  EXPECT_EQ(times(said.out, "[  SKIPPED ]"), 0u) << said.out;
  EXPECT_EQ(times(said.out, "[   AGAIN  ]"), 1u) << said.out;
}

}  // namespace
}  // namespace faultline::test
