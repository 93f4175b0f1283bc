// docs/status.md says of each promise which test shows it. A test that is named there must exist.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/test_names.h"

namespace {

using faultline::test::suites;
using faultline::test::text_of;

const char* const kPage = FAULTLINE_SOURCE_DIR "/docs/status.md";

/// The third cell of a row of three; empty when there is none.
std::string shown_by(const std::string& line) {
  static const std::regex row(R"(^\|.*\|.*\|(.*)\|$)");
  std::smatch cells;
  return std::regex_match(line, cells, row) ? cells[1].str() : "";
}

TEST(StatusPage, EveryTestItNamesExists) {
  const auto all = suites();
  // `Suite.test`, `Suite.*`, and of a test with parameters `Suite.*/case`
  static const std::regex name(R"(`(\w+)\.(\w+|\*)(?:/(\w+))?`)");
  std::istringstream page(text_of(kPage));
  int found = 0;
  for (std::string line; std::getline(page, line);) {
    const std::string cell = shown_by(line);
    for (std::sregex_iterator m(cell.begin(), cell.end(), name), end; m != end; ++m, ++found) {
      const auto suite = all.find((*m)[1]);
      EXPECT_NE(suite, all.end()) << m->str();
      if (suite == all.end()) continue;
      const bool test_exists = (*m)[2] == "*" || suite->second.tests.contains((*m)[2]);
      const bool case_exists =
          !(*m)[3].matched || suite->second.text.find('"' + (*m)[3].str() + '"') != std::string::npos;
      EXPECT_TRUE(test_exists && case_exists) << m->str();
    }
  }
  EXPECT_GT(found, 50);
}

// What is said to be shown must name what shows it.
TEST(StatusPage, WhatIsDoneNamesATest) {
  std::istringstream page(text_of(kPage));
  int done = 0;
  for (std::string line; std::getline(page, line);) {
    if (line.find("| yes") == std::string::npos) continue;
    done++;
    EXPECT_NE(shown_by(line).find('`'), std::string::npos) << line;
  }
  EXPECT_GT(done, 50);
}

}  // namespace
