// tests/keys says of each key of each fault kind which tests would fail without it: a row for every key, a key for every row, and
// tests that exist.
#include <gtest/gtest.h>

#include "faults/kind.h"
#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

/// "degrade.delay" -> the tests of its row.
std::map<std::string, std::vector<std::string>> rows() {
  std::map<std::string, std::vector<std::string>> all;
  std::istringstream table(text_of(FAULTLINE_SOURCE_DIR "/tests/keys"));
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto bar = line.find(" | ");
    EXPECT_NE(bar, std::string::npos) << line;
    if (bar == std::string::npos) continue;
    EXPECT_FALSE(all.contains(line.substr(0, bar))) << "two rows: " << line;
    auto& tests = all[line.substr(0, bar)];
    std::istringstream names(line.substr(bar + 3));
    for (std::string name; names >> name;) tests.push_back(name);
    EXPECT_FALSE(tests.empty()) << "no test: " << line;
  }
  return all;
}

TEST(Keys, EveryKeyHasARowAndEveryRowAKey) {
  std::set<std::string> keys, rowed;
  for (const auto& kind : faults::catalogue())
    for (const auto& key : kind.keys)
      keys.insert(std::string(kind.name) + "." + std::string(key.name));
  for (const auto& [key, tests] : rows()) rowed.insert(key);
  EXPECT_EQ(rowed, keys);
}

TEST(Keys, EveryTestThatARowNamesExists) {
  const auto all = suites();
  for (const auto& [key, tests] : rows()) {
    for (const auto& test : tests) {
      const auto suite = all.find(test.substr(0, test.find('.')));
      EXPECT_TRUE(suite != all.end() && suite->second.tests.contains(test.substr(test.find('.') + 1))) << key << ": " << test;
    }
  }
}

}  // namespace
}  // namespace faultline::test
