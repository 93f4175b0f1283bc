#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "injector/run/folder.h"
#include "tests/harness/command.h"

using namespace faultline;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST(RunFolder, KeepsTheFilesThatThePlanNames) {
  const test::TemporaryFolder out;
  plan::Plan plan;
  plan.text = "title = \"x\"\n";
  plan.inputs = {{"/plans/wan.csv", "time_s,delay_ms\n0,1\n"}, {"/elsewhere/wan.csv", "1\n2\n"}};
  const fs::path folder = run::make_folder(plan, out.path());
  EXPECT_EQ(read(folder / "plan.toml"), plan.text);
  EXPECT_EQ(read(folder / "inputs/wan.csv"), plan.inputs[0].text);
  EXPECT_EQ(read(folder / "inputs/2-wan.csv"), plan.inputs[1].text);
}
