// The plans that we ship, looked at without running them: each is valid, in scaled and in true time, and their arms
// differ in one thing. The runs themselves are tests/netns/experiments_test.cpp and, for the founding outages, which
// take two minutes for each arm, tests/outages/run.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "injector/plan/asked.h"
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
  EXPECT_GE(names.size(), 24u);  // a folder that is read in part is noticed
  return names;
}

Parsed parse_shipped(const std::string& name, const ParseOptions& options = {}) {
  return parse_file(kFolder / (name + ".toml"), options);
}

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

/// Of the demo services, which are built, and which plans start from ${libexec_dir}.
bool is_source(const fs::path& file) {
  return file.extension() == ".cpp" || file.extension() == ".h" || file.filename() == "CMakeLists.txt";
}

TEST(ShippedPlans, EveryProgramOfOursThatAPlanStartsIsBuilt) {
  const std::string built = text_of(kFolder / "services/CMakeLists.txt"), mark = "${libexec_dir}/";
  int found = 0;
  for (const auto& name : shipped()) {
    const std::string text = text_of(kFolder / (name + ".toml"));
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1), found++) {
      const auto from = at + mark.size();
      std::string program = text.substr(from, text.find('"', from) - from);
      std::replace(program.begin(), program.end(), '/', ' ');
      EXPECT_NE(built.find("demo_service(" + program + " "), std::string::npos) << name << " starts " << program;
    }
  }
  EXPECT_GT(found, 0);
}

TEST(ShippedPlans, EveryFileThatAPlanNamesIsThereAndNoOther) {
  std::set<fs::path> named, there;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder / "services"))
    if (entry.is_regular_file() && !is_source(entry.path())) there.insert(entry.path());
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

/// Those that tests/outages/run plays.
std::vector<std::string> outages() {
  std::istringstream list(text_of(fs::path(FAULTLINE_SOURCE_DIR) / "tests/outages/plans"));
  std::vector<std::string> names;
  for (std::string line; std::getline(list, line);)
    if (!line.empty() && line[0] != '#') names.push_back(line);
  EXPECT_GE(names.size(), 16u);
  return names;
}

/// What is done to the two designs is the same, to the letter, since one plan says it: they differ in their services
/// alone. Arms beyond them are controls of the careful one, to which something else may be done.
TEST(ShippedPlans, AnArmDiffersInOneThing) {
  int compared = 0;
  for (const auto& name : shipped()) {
    const auto arms = parse_shipped(name).plan.arms;
    if (arms.empty()) continue;
    compared++;
    ASSERT_GE(arms.size(), 2u) << name;
    EXPECT_EQ(arms[0].name, "careful") << name;
    EXPECT_TRUE(arms[0].variables.empty() && arms[0].fails.empty()) << name << ": the defaults pass";
    EXPECT_EQ(arms[1].name, "naive") << name;
    EXPECT_EQ(arms[1].variables.size(), 1u) << name;
    EXPECT_FALSE(arms[1].fails.empty()) << name << " shows nothing if nothing breaks";
    const auto careful = parse_shipped(name).plan, naive = parse_shipped(name, {.arm = "naive"}).plan;
    ASSERT_EQ(naive.faults.size(), careful.faults.size()) << name;
    for (std::size_t i = 0; i < naive.faults.size(); i++)
      EXPECT_EQ(asked_text(naive.faults[i]), asked_text(careful.faults[i])) << name;
    EXPECT_LT(arms[1].fails.size(), naive.hypotheses.size()) << name << ": that all fails tells nothing";
  }
  EXPECT_GE(compared, 17);
}

TEST(ShippedPlans, EachArmIsAValidPlan) {
  for (const auto& name : shipped())
    for (const auto& arm : parse_shipped(name).plan.arms) {
      const auto parsed = parse_shipped(name, {.arm = arm.name});
      EXPECT_TRUE(parsed.ok()) << name << ", arm " << arm.name << "\n" << render(parsed);
    }
}

TEST(ShippedPlans, AnOutageTellsFactsFromReconstruction) {
  for (const auto& name : outages()) {
    const std::string text = text_of(kFolder / (name + ".toml")), header = text.substr(0, text.find("title = "));
    for (const char* word : {"\n# Facts", "\n# Reconstruction, ours:", "\n# What compression distorts"})
      EXPECT_NE(header.find(word), std::string::npos) << name << " lacks " << word;
  }
}

TEST(ShippedPlans, EveryFaultOfAnOutageSaysWhereItIsKnownFrom) {
  for (const auto& name : outages())
    for (const auto& fault : parse_shipped(name).plan.faults)
      EXPECT_TRUE(fault.source.has_value()) << name << ": " << fault.name;
}

}  // namespace
}  // namespace faultline::plan
