#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "injector/base/error.h"
#include "injector/plan/parse.h"
#include "injector/run/folder.h"
#include "tests/harness/command.h"

namespace faultline {
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

TEST(RunFolder, ItsPlanChecksThereAsItDidWhereItWas) {
  const test::TemporaryFolder place, out;
  const fs::path path = place.write("wide area.toml",
                                    "[vars]\nfile = \"wan.csv\"\n[targets.a]\nnetns = "
                                    "\"${plan_dir}/ns\"\n[[faults]]\nkind = \"trace\"\non = \"a\"\nfile "
                                    "= \"${file}\"\nstart = \"1s\"\nfor = \"2s\"\n");
  place.write("wan.csv", "time_s,delay_ms\n0,1\n1,2\n");
  const auto parsed = plan::parse_file(path);
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  const fs::path folder = run::make_folder(parsed.plan, out.path());
  fs::remove(place.path() / "wan.csv");  // the copy is what counts
  const auto again = plan::parse_file(folder / "plan.toml");
  ASSERT_TRUE(again.ok()) << plan::render(again);
  EXPECT_EQ(again.plan.name, "wide area");
  EXPECT_EQ(again.plan.find_target("a")->subject, (place.path() / "ns").string());
  EXPECT_EQ(again.plan.faults.at(0).params.trace("file").points, parsed.plan.faults.at(0).params.trace("file").points);
  // And what is played there has a record that checks in its turn.
  const test::TemporaryFolder out2;
  EXPECT_TRUE(plan::parse_file(run::make_folder(again.plan, out2.path()) / "plan.toml").ok());
}

TEST(RunFolder, WhatCannotBeWrittenCannotRunHereWhereverItIs) {
  const test::TemporaryFolder place;
  const fs::path file = place.write("file", "");
  plan::Plan plan;
  plan.name = "x";
  for (const fs::path& out : {file / "below", file / "far/below", fs::path("/proc/no-such/run"), fs::path("/sys/run"),
                              place.path() / std::string(300, 'x')}) {
    try {
      run::make_folder(plan, out);
      ADD_FAILURE() << out;
    } catch (const Failure& e) {
      EXPECT_EQ(e.status(), Exit::cannot_run) << out << ": " << e.what();
    }
  }
  try {  // that it holds something already is a mistake in the words, not of the machine
    run::make_folder(plan, place.path());
    ADD_FAILURE();
  } catch (const Failure& e) {
    EXPECT_EQ(e.status(), Exit::invalid);
  }
}

}  // namespace faultline
