// The modules of the tree, and who may include whom: docs/architecture.md has the table, CMakeLists.txt links the
// libraries by it, and the includes keep to it. Data flows one way, so a lower module never knows a higher one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/test_names.h"

namespace faultline::test {
namespace {

namespace fs = std::filesystem;

const fs::path kTop = FAULTLINE_SOURCE_DIR;

/// What each module stands on directly: "lab" -> {"plan", "nursery"}.
using Modules = std::map<std::string, std::set<std::string>>;

std::set<std::string> words_in(const std::string& text) {
  static const std::regex word(R"(\w+)");
  std::set<std::string> words;
  for (std::sregex_iterator m(text.begin(), text.end(), word), end; m != end; ++m) words.insert(m->str());
  return words;
}

/// The table below "## The modules", in its order.
std::vector<std::pair<std::string, std::set<std::string>>> table_rows() {
  std::vector<std::pair<std::string, std::set<std::string>>> rows;
  std::istringstream page(text_of(kTop / "docs/architecture.md"));
  static const std::regex row(R"(^\| `(\w+)` \| ([^|]*) \|$)");
  bool there = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) there = line == "## The modules";
    std::smatch cells;
    if (there && std::regex_match(line, cells, row))
      rows.emplace_back(cells[1].str(), cells[2] == "nothing" ? std::set<std::string>() : words_in(cells[2]));
  }
  return rows;
}

Modules table() {
  Modules modules;
  for (const auto& [module, below] : table_rows()) modules[module] = below;
  return modules;
}

/// Each faultline_library(), and those of its links that are modules themselves.
Modules linked() {
  Modules modules;
  for (const char* file : {"CMakeLists.txt", "faults/CMakeLists.txt"}) {
    static const std::regex library(R"(\nfaultline_library\((\w+) [^)]*?LINK ([^)]*)\))");
    const std::string text = "\n" + text_of(kTop / file);
    for (std::sregex_iterator m(text.begin(), text.end(), library), end; m != end; ++m) {
      std::istringstream links((*m)[2].str());
      auto& module = modules[(*m)[1]];
      for (std::string link; links >> link;) module.insert(link);
    }
  }
  for (auto& [module, links] : modules) std::erase_if(links, [&](const auto& link) { return !modules.contains(link); });
  return modules;
}

/// All that a module may include: itself, and what it stands on, directly or through others.
std::set<std::string> reach(const Modules& modules, const std::string& module) {
  std::set<std::string> all;
  std::vector<std::string> next = {module};
  while (!next.empty()) {
    const std::string name = next.back();
    next.pop_back();
    if (!all.insert(name).second || !modules.contains(name)) continue;
    for (const auto& below : modules.at(name)) next.push_back(below);
  }
  return all;
}

/// "injector/lab/lab.h" -> "lab", "faults/bpf/here.bpf.h" -> "faults", "injector/main.cpp" -> "": above all modules.
std::string module_of(const std::string& path) {
  if (path.starts_with("faults/")) return "faults";
  static const std::regex folder(R"(^injector/(\w+)/.*)");
  std::smatch m;
  return std::regex_match(path, m, folder) ? m[1].str() : "";
}

struct Include {
  int line;
  std::string path;
};

/// Each source of faults/ and injector/, and what it includes in quotation marks.
std::map<std::string, std::vector<Include>> sources() {
  static const std::regex include(R"re(^\s*#\s*include\s+"([^"]+)".*)re");
  std::map<std::string, std::vector<Include>> all;
  for (const char* top : {"faults", "injector"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kTop / top)) {
      const std::string kind = entry.path().extension();
      if (kind != ".h" && kind != ".cpp" && kind != ".c") continue;
      auto& found = all[fs::relative(entry.path(), kTop)];
      std::istringstream text(text_of(entry.path()));
      std::string line;
      for (int number = 1; std::getline(text, line); ++number) {
        std::smatch m;
        if (std::regex_match(line, m, include)) found.push_back({number, m[1]});
      }
    }
  }
  return all;
}

bool generated(const std::string& path) { return path.ends_with(".skel.h"); }

/// What breaks the order: "FILE:LINE: why".
std::vector<std::string> violations(const Modules& modules, const std::map<std::string, std::vector<Include>>& files) {
  std::vector<std::string> all;
  for (const auto& [file, includes] : files) {
    const std::string module = module_of(file);
    const auto allowed = reach(modules, module);
    for (const auto& [line, path] : includes) {
      const std::string where = file + ":" + std::to_string(line) + ": ";
      if (generated(path)) continue;
      if (!files.contains(path))
        all.push_back(where + "\"" + path + "\" is not a file of faults/ or injector/: write its path from the top");
      else if (!module.empty() && !allowed.contains(module_of(path)))
        all.push_back(where + "`" + module + "` does not stand on `" + module_of(path) +
                      "`, so it must not include \"" + path + "\"");
    }
  }
  return all;
}

/// Files that include each other in a circle, one line for each: "a.h -> b.h -> a.h".
std::vector<std::string> circles(const std::map<std::string, std::vector<Include>>& files) {
  std::vector<std::string> found, way;
  std::set<std::string> done;
  const std::function<void(const std::string&)> follow = [&](const std::string& file) {
    const auto before = std::find(way.begin(), way.end(), file);
    if (before != way.end()) {
      std::string circle;
      for (auto each = before; each != way.end(); ++each) circle += *each + " -> ";
      found.push_back(circle + file);
      return;
    }
    if (!files.contains(file) || !done.insert(file).second) return;
    way.push_back(file);
    for (const auto& include : files.at(file)) follow(include.path);
    way.pop_back();
  };
  for (const auto& [file, includes] : files) follow(file);
  return found;
}

TEST(Modules, EachFolderHasARowAndEachRowAFolder) {
  std::set<std::string> folders = {"faults"}, listed;
  for (const auto& entry : fs::directory_iterator(kTop / "injector"))
    if (entry.is_directory()) folders.insert(entry.path().filename());
  for (const auto& [module, below] : table_rows()) EXPECT_TRUE(listed.insert(module).second) << "two rows: " << module;
  for (const auto& folder : folders)
    EXPECT_TRUE(listed.contains(folder)) << "docs/architecture.md, \"The modules\": there is no row for " << folder;
  for (const auto& module : listed)
    EXPECT_TRUE(folders.contains(module)) << "docs/architecture.md, \"The modules\": there is no folder of " << module;
}

TEST(Modules, EachStandsOnThoseAboveItInTheTable) {
  std::set<std::string> above;
  for (const auto& [module, below] : table_rows()) {
    for (const auto& name : below) EXPECT_TRUE(above.contains(name)) << "`" << module << "` stands on `" << name << "`";
    above.insert(module);
  }
}

TEST(Modules, AreLinkedAsTheTableSays) { EXPECT_EQ(linked(), table()); }

TEST(Modules, IncludeOnlyWhatTheyStandOn) {
  const auto files = sources();
  EXPECT_GT(files.size(), 200u);
  for (const auto& violation : violations(table(), files)) ADD_FAILURE() << violation;
}

TEST(Modules, NoFilesIncludeEachOtherInACircle) {
  for (const auto& circle : circles(sources())) ADD_FAILURE() << circle;
}

TEST(Modules, WhatBreaksTheOrderIsNamedByFileAndLine) {
  const Modules modules = {{"base", {}}, {"plan", {"base"}}, {"run", {"plan"}}};
  const std::map<std::string, std::vector<Include>> files = {
      {"injector/base/fd.h", {{3, "injector/plan/plan.h"}}},
      {"injector/plan/plan.h", {{7, "player.skel.h"}, {9, "injector/base/fd.h"}}},
      {"injector/run/run.cpp", {{1, "injector/base/fd.h"}, {2, "fd.h"}}},
      {"injector/main.cpp", {{1, "injector/plan/plan.h"}}},
  };
  EXPECT_EQ(
      violations(modules, files),
      (std::vector<std::string>{
          "injector/base/fd.h:3: `base` does not stand on `plan`, so it must not include \"injector/plan/plan.h\"",
          "injector/run/run.cpp:2: \"fd.h\" is not a file of faults/ or injector/: write its path from the top"}));
  EXPECT_EQ(circles(files),
            (std::vector<std::string>{"injector/base/fd.h -> injector/plan/plan.h -> injector/base/fd.h"}));
}

}  // namespace
}  // namespace faultline::test
