#include "injector/run/folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

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
  std::string name = (fs::temp_directory_path() / "faultline-folder-XXXXXX").string();
  const fs::path out = ::mkdtemp(name.data());
  plan::Plan plan;
  plan.text = "title = \"x\"\n";
  plan.inputs = {{"/plans/wan.csv", "time_s,delay_ms\n0,1\n"}, {"/elsewhere/wan.csv", "1\n2\n"}};
  const fs::path folder = run::make_folder(plan, out);
  EXPECT_EQ(read(folder / "plan.toml"), plan.text);
  EXPECT_EQ(read(folder / "inputs/wan.csv"), plan.inputs[0].text);
  EXPECT_EQ(read(folder / "inputs/2-wan.csv"), plan.inputs[1].text);
  fs::remove_all(out);
}
