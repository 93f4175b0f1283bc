// Tests are named in one way, so that one is found by what it says: Suite.DoesThisWhenThat.
#include <gtest/gtest.h>

#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

TEST(TestNames, AreInOneCase) {
  static const std::regex one_case("([A-Z]|[0-9]+[A-Z]?)[A-Za-z0-9]*");
  const auto there = suites();
  EXPECT_GT(there.size(), 100u);
  for (const auto& [suite, all] : there) {
    if (suite == "vm") continue;  // each is named after its script
    EXPECT_TRUE(std::regex_match(suite, one_case)) << suite;
    for (const auto& test : all.tests) EXPECT_TRUE(std::regex_match(test, one_case)) << suite << "." << test;
  }
}

}  // namespace
}  // namespace faultline::test
