// In the optimised build the sources of a library or of a tier are compiled together (CMakeLists.txt), so what two of
// them call by one name clashes, even in anonymous namespaces: whenever a new file moves the batches. Here it is found
// with the names of types, aliases and constants alone; functions and the rest are found by .ci/nightly, which compiles
// each library and tier as one.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

/// Types and constants that a source defines outside of any other, after the namespace that it begins with; of an alias
/// also what it stands for, as the same one may stand in two sources.
std::map<std::string, std::string> names_defined_in(const std::string& text) {
  static const std::regex space(R"(\nnamespace ([\w:]+) \{)");
  static const std::regex type(R"(\n(?:class|struct|enum class|enum) (\w+)(?: final)?(?: : [^;{]*)? \{)");
  static const std::regex constant(R"(\n(?:(?:inline|static|constexpr|const) )+[^=;{}()\n]*\b(k[A-Z]\w*)\b)");
  static const std::regex alias(R"(\nusing (\w+) = ([^;]*);)");
  std::smatch begun;
  const std::string in = std::regex_search(text, begun, space) ? begun.str(1) + "::" : "";
  std::map<std::string, std::string> names;
  for (const auto& what : {type, constant, alias})
    for (std::sregex_iterator m(text.begin(), text.end(), what), end; m != end; ++m)
      names.emplace(in + m->str(1), m->size() > 2 ? m->str(2) : "");
  return names;
}

TEST(Unity, NoTwoSourcesOfALibraryOrATierDefineTheSameName) {
  const fs::path top = FAULTLINE_SOURCE_DIR;
  std::vector<fs::path> together{top / "tests" / "unit", top / "tests" / "packet", top / "tests" / "netns"};
  for (const auto& library : fs::directory_iterator(top / "injector"))
    if (library.is_directory()) together.push_back(library.path());
  for (const auto& folder : together) {
    std::map<std::string, std::pair<fs::path, std::string>> first;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".cpp") continue;
      for (const auto& [name, stands_for] : names_defined_in(text_of(entry.path()))) {
        const auto [at, is_new] = first.emplace(name, std::pair(entry.path(), stands_for));
        EXPECT_TRUE(is_new || (!stands_for.empty() && at->second.second == stands_for))
            << name << " is defined in " << at->second.first << " and in " << entry.path();
      }
    }
    EXPECT_FALSE(first.empty()) << folder;
  }
}

TEST(Unity, TypesAliasesAndConstantsAreSeen) {
  const auto names = [](const std::string& text) {
    std::set<std::string> all;
    for (const auto& [name, stands_for] : names_defined_in(text)) all.insert(name + stands_for);
    return all;
  };
  EXPECT_EQ(names("\nclass One {\n  struct Inside {};\n};\nstruct Two final : One {\n};\nstruct Later;\n"
                  "constexpr std::size_t kMost = 1;\nconst char* const kName = \"kOther\";\n"
                  "enum class Three { a };\nusing Four = int;\n"),
            (std::set<std::string>{"One", "Two", "Three", "Fourint", "kMost", "kName"}));
  EXPECT_EQ(names("\nnamespace faultline::plan {\nnamespace {\n\nconstexpr int kMost = 1;\n"),
            std::set<std::string>{"faultline::plan::kMost"});
}

}  // namespace
}  // namespace faultline::test
