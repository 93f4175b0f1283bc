// The tests that there are, from the text of their files: for pages and tables that say what shows what.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/harness/command.h"

namespace faultline::test {

/// A suite's tests, and the text of the files that they are in.
struct Suite {
  std::set<std::string> tests;
  std::string text;
};

/// All of them, by name; those in other languages are named by their add_test().
inline std::map<std::string, Suite> suites() {
  static const std::regex macro(R"(\bTEST(?:_F|_P)?\((\w+), *(\w+)\))"), added(R"(add_test\(NAME (\w+)\.(\w+))");
  std::map<std::string, Suite> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(FAULTLINE_SOURCE_DIR "/tests")) {
    const bool cmake = entry.path().filename() == "CMakeLists.txt";
    if (!cmake && entry.path().extension() != ".cpp") continue;
    std::string text = text_of(entry.path());
    if (text.find("FAULTLINE_WITH_BOTH_ENGINES") != std::string::npos)
      text += R"("tcx", "clsact")";  // what that names its cases
    for (std::sregex_iterator m(text.begin(), text.end(), cmake ? added : macro), end; m != end; ++m) {
      Suite& suite = all[(*m)[1]];
      suite.tests.insert((*m)[2]);
      if (suite.text.find(text) == std::string::npos) suite.text += text;
    }
  }
  return all;
}

}  // namespace faultline::test
