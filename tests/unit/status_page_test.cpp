// docs/status.md says of each promise which test shows it. A test that is named there must exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;
const fs::path kSource = FAULTLINE_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Suite -> the names of its tests, and the text of the files that they are in.
struct Suite {
  std::map<std::string, bool> tests;
  std::string text;
};

std::map<std::string, Suite> suites() {
  static const std::regex macro(R"(\bTEST(?:_F|_P)?\((\w+), *(\w+)\))"), added(R"(add_test\(NAME (\w+)\.(\w+))");
  std::map<std::string, Suite> all;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / "tests")) {
    const bool cmake = entry.path().filename() == "CMakeLists.txt";
    if (!cmake && entry.path().extension() != ".cpp") continue;
    const std::string text = read(entry.path());
    for (std::sregex_iterator m(text.begin(), text.end(), cmake ? added : macro), end; m != end; ++m) {
      Suite& suite = all[(*m)[1]];
      suite.tests[(*m)[2]] = true;
      if (suite.text.find(text) == std::string::npos) suite.text += text;
    }
  }
  return all;
}

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
  std::istringstream page(read(kSource / "docs/status.md"));
  int found = 0;
  for (std::string line; std::getline(page, line);) {
    const std::string cell = shown_by(line);
    for (std::sregex_iterator m(cell.begin(), cell.end(), name), end; m != end; ++m, ++found) {
      const auto suite = all.find((*m)[1]);
      EXPECT_NE(suite, all.end()) << m->str();
      if (suite == all.end()) continue;
      const bool test_exists = (*m)[2] == "*" || suite->second.tests.contains((*m)[2]);
      const bool case_exists = !(*m)[3].matched || suite->second.text.find('"' + (*m)[3].str() + '"') != std::string::npos;
      EXPECT_TRUE(test_exists && case_exists) << m->str();
    }
  }
  EXPECT_GT(found, 50);
}

// What is said to be shown must name what shows it.
TEST(StatusPage, WhatIsDoneNamesATest) {
  std::istringstream page(read(kSource / "docs/status.md"));
  for (std::string line; std::getline(page, line);) {
    if (line.find("| yes") == std::string::npos) continue;
    EXPECT_NE(shown_by(line).find('`'), std::string::npos) << line;
  }
}

}  // namespace
