#include "injector/plan/samples_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "faults/kind.h"
#include "injector/plan/parse.h"
#include "tests/harness/command.h"

namespace faultline::plan {
namespace {

struct Got {
  std::optional<std::vector<double>> values;
  std::vector<Diagnostic> mistakes;
};

Got read(std::string_view text) {
  Issues issues;
  Got got;
  got.values = read_samples("wan.dist", text, issues);
  got.mistakes = issues.take();
  return got;
}

void expect_mistake(const std::string& text, std::uint32_t line, std::uint32_t column, const std::string& message) {
  const auto got = read(text);
  EXPECT_FALSE(got.values);
  ASSERT_EQ(got.mistakes.size(), 1u) << text;
  EXPECT_EQ(got.mistakes[0].file, "wan.dist");
  EXPECT_EQ(got.mistakes[0].at.line, line) << text;
  EXPECT_EQ(got.mistakes[0].at.column, column) << text;
  EXPECT_NE(got.mistakes[0].message.find(message), std::string::npos) << got.mistakes[0].message;
}

TEST(SamplesFile, ReadsTheTablesOfTc) {
  const auto got = read("# made by maketable\r\n -8192 0  16384\r\n4096 # the last one\n");
  ASSERT_TRUE(got.values) << got.mistakes[0].message;
  EXPECT_EQ(*got.values, (std::vector<double>{-1, 0, 0.5, 2})) << "in order, and not brought to another mean";
}

TEST(SamplesFile, BringsMeasuredDelaysToMean0AndDeviation1) {
  const auto got = read("10ms, 30ms\n20ms\t20ms\n0.02s 20ms\n20ms 20ms");
  ASSERT_TRUE(got.values) << got.mistakes[0].message;
  ASSERT_EQ(got.values->size(), 8u);
  EXPECT_DOUBLE_EQ(got.values->front(), -2);
  EXPECT_DOUBLE_EQ(got.values->back(), 2);
  for (std::size_t i = 1; i < 7; i++) EXPECT_EQ((*got.values)[i], 0);
}

TEST(SamplesFile, EveryMistakeHasItsPlaceInTheFile) {
  expect_mistake("", 1, 1, "two values or more");
  expect_mistake("# nothing\n", 1, 1, "two values or more");
  expect_mistake("5ms 5ms\n5ms\n", 2, 1, "all values are the same");
  expect_mistake("5ms\n7ms 12\n", 2, 5, "this value has not a unit, those before it have");
  expect_mistake("12.4 13.1 11.9 40.2\n", 1, 1, "not a table of tc's");
  expect_mistake("5 12\n 7ms\n", 2, 2, "this value has a unit");
  expect_mistake("5 40000\n", 1, 3, "outside of -32768 to 32767");
  expect_mistake("5ms\n6ms 7parsecs\n", 2, 5, "expected a delay");
}

TEST(SamplesFile, OfAPlanIsReadBesideItAndKept) {
  const test::TemporaryFolder folder;
  folder.write("wan.dist", "10ms\n30ms\n");
  const std::string head =
      "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nname = \"f\"\nkind = \"degrade\"\non = \"shop\"\nstart = "
      "\"1s\"\nfor = \"1s\"\ndelay = \"20ms\"\n";
  const std::string good = head + "jitter = \"10ms\"\ndistribution = \"table\"\ntable = \"wan.dist\"\n";
  const auto parsed = parse_file(folder.write("p.toml", good));
  ASSERT_TRUE(parsed.ok()) << render(parsed);
  const auto channel =
      parsed.plan.faults[0].kind->compile({parsed.plan.faults[0].params, {kSecond, 2 * kSecond}, 1, ""});
  EXPECT_EQ(channel.shape, faults::JitterShape::table);
  EXPECT_EQ(*channel.table, (std::vector<double>{-1, 1}));
  ASSERT_EQ(parsed.plan.inputs.size(), 1u);
  EXPECT_EQ(parsed.plan.inputs[0].text, "10ms\n30ms\n");

  const auto mistake = [&](const std::string& more) {
    return render(parse_file(folder.write("bad.toml", head + more)));
  };
  EXPECT_NE(mistake("jitter = \"1ms\"\ndistribution = \"table\"\n").find("there is no table to draw from"),
            std::string::npos);
  EXPECT_NE(mistake("jitter = \"1ms\"\ntable = \"wan.dist\"\n").find("nothing draws from the table"),
            std::string::npos);
  EXPECT_NE(mistake("distribution = \"table\"\ntable = \"wan.dist\"\n").find("there is no jitter to be distributed"),
            std::string::npos);
  EXPECT_NE(mistake("jitter = \"1ms\"\ndistribution = \"table\"\ntable = \"none\"\n").find("cannot read"),
            std::string::npos);
  folder.write("tail.dist", "-8192 0 0 24576\n");  // three deviations
  EXPECT_TRUE(parse_file(folder.write("long.toml",
                                      head + "jitter = \"33s\"\ndistribution = \"table\"\ntable = \"tail.dist\"\n"))
                  .ok());
  EXPECT_NE(
      mistake("jitter = \"34s\"\ndistribution = \"table\"\ntable = \"tail.dist\"\n").find("held for longer than 100 s"),
      std::string::npos);
}

}  // namespace
}  // namespace faultline::plan
