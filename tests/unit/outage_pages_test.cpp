// Each outage has a page, with the shape that its plan has: tests/outages/pages draws them, and this looks whether it
// was called since the plan was changed.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;
const fs::path kSource = FAULTLINE_SOURCE_DIR;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> outages() {
  std::vector<std::string> names;
  for (const auto& line : lines_of(test::text_of(kSource / "tests/outages/plans")))
    if (!line.empty() && line[0] != '#') names.push_back(line);
  return names;
}

/// The lines of `explain` that draw the faults on the time axis: those with a "#" below "When".
std::vector<std::string> shape(const std::string& name) {
  const auto lines = lines_of(say({"explain", kSource / "experiments" / (name + ".toml")}).out);
  std::vector<std::string> rows;
  bool within = false;
  for (const auto& line : lines) {
    if (within && line.empty()) break;
    if (within && line.size() > 32 && line.find('#', 32) != std::string::npos) rows.push_back(line);
    if (line == "When") within = true;
  }
  if (!rows.empty() && rows.back().find("acts") != std::string::npos) rows.pop_back();  // the legend
  return rows;
}

TEST(OutagePages, EachOutageHasOneWithItsShape) {
  const std::string index = test::text_of(kSource / "docs/outages/README.md");
  ASSERT_GE(outages().size(), 7u);
  for (const auto& name : outages()) {
    const std::string page = test::text_of(kSource / "docs/outages" / (name + ".md"));
    const auto rows = shape(name);
    EXPECT_FALSE(rows.empty()) << name;
    for (const auto& row : rows)
      EXPECT_NE(page.find("\n" + row + "\n"), std::string::npos) << "docs/outages/" << name << ".md has not the line\n"
                                                                 << row << "\nTo mend it: tests/outages/pages";
    for (const char* section : {"## Shape", "## Run it", "## What the arms show", "## Lesson"})
      EXPECT_NE(page.find(section), std::string::npos) << name << ": " << section;
    const auto explained =
        nlohmann::json::parse(say({"explain", "--json", kSource / "experiments" / (name + ".toml")}).out);
    const std::string row = "| [" + name + "](" + name + ".md) | " + explained.at("title").get<std::string>() + " | `";
    EXPECT_NE(index.find(row), std::string::npos) << "docs/outages/README.md has not the row\n" << row;
  }
}

}  // namespace
}  // namespace faultline::cli
