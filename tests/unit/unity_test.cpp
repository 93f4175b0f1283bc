// In the optimised build the sources of a library or of a tier are compiled together (CMakeLists.txt), so what two of
// them call by one name clashes, even in anonymous namespaces: whenever a new file moves the batches. Here it is found
// with the names of types and constants alone; functions and the rest are found by .ci/nightly, which compiles each
// library and tier as one.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>

#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

/// Types and constants that a source defines outside of any other, after the namespace that it begins with.
std::set<std::string> names_defined_in(const std::string& text) {
  static const std::regex space(R"(\nnamespace ([\w:]+) \{)");
  static const std::regex type(R"(\n(?:class|struct|enum class|enum) (\w+)(?: final)?(?: : [^;{]*)? \{)");
  static const std::regex constant(R"(\n(?:(?:inline|static|constexpr|const) )+[^=;{}()\n]*\b(k[A-Z]\w*)\b)");
  std::smatch begun;
  const std::string in = std::regex_search(text, begun, space) ? begun.str(1) + "::" : "";
  std::set<std::string> names;
  for (const auto& what : {type, constant})
    for (std::sregex_iterator m(text.begin(), text.end(), what), end; m != end; ++m) names.insert(in + m->str(1));
  return names;
}

TEST(Unity, NoTwoSourcesOfALibraryOrATierDefineTheSameName) {
  const fs::path top = FAULTLINE_SOURCE_DIR;
  std::vector<fs::path> together{top / "tests" / "unit", top / "tests" / "packet", top / "tests" / "netns"};
  for (const auto& library : fs::directory_iterator(top / "injector"))
    if (library.is_directory()) together.push_back(library.path());
  for (const auto& folder : together) {
    std::map<std::string, fs::path> first;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".cpp") continue;
      for (const auto& name : names_defined_in(text_of(entry.path()))) {
        const auto [at, is_new] = first.emplace(name, entry.path());
        EXPECT_TRUE(is_new) << name << " is defined in " << at->second << " and in " << entry.path();
      }
    }
    EXPECT_FALSE(first.empty()) << folder;
  }
}

TEST(Unity, TypesAndConstantsAreSeen) {
  EXPECT_EQ(names_defined_in("\nclass One {\n  struct Inside {};\n};\nstruct Two final : One {\n};\nstruct Later;\n"
                             "constexpr std::size_t kMost = 1;\nconst char* const kName = \"kOther\";\n"
                             "enum class Three { a };\n"),
            (std::set<std::string>{"One", "Two", "Three", "kMost", "kName"}));
  EXPECT_EQ(names_defined_in("\nnamespace faultline::plan {\nnamespace {\n\nconstexpr int kMost = 1;\n"),
            std::set<std::string>{"faultline::plan::kMost"});
}

}  // namespace
}  // namespace faultline::test
