// The plans that we ship, looked at without running them: each is valid, in scaled and in true time, and a naive twin
// differs from the plan that it is the twin of in one service or command, and in nothing that is done to it. The runs
// themselves are tests/netns/ experiments_test.cpp and, for the founding outages, which take two minutes each,
// tests/outages/run.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(FAULTLINE_SOURCE_DIR) / "experiments";

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> shipped() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".toml") names.insert(entry.path().stem());
  EXPECT_GE(names.size(), 17u) << "hello, machine-room jitter, seven outages, and the twins of these eight";
  return names;
}

Parsed parse_shipped(const std::string& name, const ParseOptions& options = {}) {
  return parse_file(kFolder / (name + ".toml"), options);
}

/// A plan's text from one mark to the hypotheses.
std::string before_the_hypotheses(const std::string& name, const std::string& mark) {
  const std::string text = text_of(kFolder / (name + ".toml"));
  const auto from = text.find(mark), to = text.find("# ---- The hypotheses");
  EXPECT_LT(from, to) << name << " has no " << mark;
  return from < to ? text.substr(from, to - from) : "";
}

/// What stands before the hypotheses, from the seed on: lines, each with the table that it is in.
struct Line {
  std::string table, text;
  bool operator==(const Line&) const = default;
};
std::vector<Line> what_is_done(const std::string& name) {
  std::vector<Line> lines;
  std::istringstream in(before_the_hypotheses(name, "seed = "));
  std::string table;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("[")) table = line.substr(0, line.find(']'));
    lines.push_back({table, line});
  }
  return lines;
}

bool is_said_only(const Line& line) { return line.text.empty() || line.text.starts_with("#"); }
bool is_command(const Line& line) { return line.text.starts_with("command = ") || line.text.starts_with("exec = "); }

TEST(ShippedPlans, EachIsAValidPlanScaledAndTrue) {
  for (const auto& name : shipped()) {
    for (const double scale : {0.0, 1.0, 10.0}) {
      ParseOptions options;
      if (scale > 0) options.scale = scale;
      const auto parsed = parse_shipped(name, options);
      EXPECT_TRUE(parsed.ok()) << name << " at 1:" << scale << "\n" << render(parsed);
    }
  }
}

TEST(ShippedPlans, EveryFileThatAPlanNamesIsThereAndNoOther) {
  std::set<fs::path> named, there;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder / "services"))
    if (entry.is_regular_file()) there.insert(entry.path());
  for (const auto& name : shipped()) {
    const std::string text = text_of(kFolder / (name + ".toml")), mark = "${plan_dir}/";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      const auto from = at + mark.size();
      const fs::path file = kFolder / text.substr(from, text.find('"', from) - from);
      EXPECT_TRUE(fs::is_regular_file(file)) << name << " names " << file;
      named.insert(file);
      if (file.extension() == ".sh") {
        EXPECT_NE(fs::status(file).permissions() & fs::perms::others_exec, fs::perms::none)
            << file << " cannot be executed";
      }
    }
  }
  EXPECT_EQ(there, named);
}

// A twin may leave out a probe that only the other's hypotheses need, and has one line or two of its own: the command
// that makes it naive, and the comment on it. What is done to it is the same, to the letter.
TEST(ShippedPlans, ATwinDiffersInOneThing) {
  int twins = 0;
  for (const auto& name : shipped()) {
    if (!name.ends_with("-naive")) continue;
    twins++;
    const std::string base = name.substr(0, name.size() - 6);
    auto others = what_is_done(base);
    std::vector<Line> own;
    for (const auto& line : what_is_done(name)) {
      const auto found = std::find(others.begin(), others.end(), line);
      if (found == others.end())
        own.push_back(line);
      else
        others.erase(found);
    }
    std::string changed;  // the table whose command it is
    for (const auto& line : own) {
      if (!is_command(line)) {
        EXPECT_TRUE(is_said_only(line)) << name << ": " << line.text;
        continue;
      }
      EXPECT_EQ(changed, "") << name << " differs in two commands";
      changed = line.table;
    }
    EXPECT_NE(changed, "") << name << " differs in no command";
    for (const auto& line : others) {
      const bool replaced = is_command(line) && line.table == changed;
      EXPECT_TRUE(replaced || is_said_only(line) || line.table.starts_with("[probes."))
          << name << " lacks a line of its twin: " << line.text;
    }
    EXPECT_EQ(before_the_hypotheses(name, "[[faults]]"), before_the_hypotheses(base, "[[faults]]")) << name;

    const auto naive = parse_shipped(name).plan, careful = parse_shipped(base).plan;
    EXPECT_EQ(naive.seed, careful.seed) << name;
    EXPECT_EQ(naive.duration, careful.duration) << name;
    ASSERT_EQ(naive.faults.size(), careful.faults.size()) << name;
    for (std::size_t i = 0; i < naive.faults.size(); i++) {
      EXPECT_EQ(naive.faults[i].name, careful.faults[i].name);
      EXPECT_EQ(naive.faults[i].start, careful.faults[i].start);
      EXPECT_EQ(naive.faults[i].end, careful.faults[i].end);
    }
  }
  EXPECT_GE(twins, 8);
}

TEST(ShippedPlans, AnOutageTellsFactsFromReconstruction) {
  std::istringstream list(text_of(fs::path(FAULTLINE_SOURCE_DIR) / "tests/outages/expected"));
  for (std::string line; std::getline(list, line);) {
    const std::string name = line.substr(0, line.find(" |"));
    if (name.empty() || name[0] == '#') continue;
    const std::string text = text_of(kFolder / (name + ".toml")), header = text.substr(0, text.find("title = "));
    if (name.ends_with("-naive")) {
      EXPECT_NE(header.find(name.substr(0, name.size() - 6) + ".toml, which tells the facts"), std::string::npos)
          << name;
    } else {
      for (const char* word : {"\n# Facts", "\n# Reconstruction, ours:", "\n# What compression distorts"})
        EXPECT_NE(header.find(word), std::string::npos) << name << " lacks " << word;
    }
  }
}

TEST(ShippedPlans, TheListOfOutagesNamesHypothesesThatAreThere) {
  std::istringstream list(text_of(fs::path(FAULTLINE_SOURCE_DIR) / "tests/outages/expected"));
  int outages = 0;
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto bar = line.find(" |");
    ASSERT_NE(bar, std::string::npos) << line;
    const std::string name = line.substr(0, bar), fails = bar + 3 < line.size() ? line.substr(bar + 3) : "";
    EXPECT_EQ(fails.empty(), !name.ends_with("-naive")) << line;
    outages++;
    const auto plan = parse_shipped(name).plan;
    const auto named = [&](const Hypothesis& h) { return h.name == fails; };
    EXPECT_TRUE(fails.empty() || std::any_of(plan.hypotheses.begin(), plan.hypotheses.end(), named)) << line;
  }
  EXPECT_EQ(outages, 14);
}

}  // namespace
}  // namespace faultline::plan
