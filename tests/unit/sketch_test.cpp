// From what is typed to TOML.
#include "injector/sketch/sketch.h"

#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "injector/plan/parse.h"

namespace faultline::sketch {
namespace {

std::string text_of(const std::vector<Line>& lines) {
  std::string out;
  for (const auto& line : lines) out += line.key + " = " + line.value + "; ";
  return out;
}

TEST(Sketch, QuotesWhatTomlWouldMisread) {
  EXPECT_EQ(toml_text("plain"), "\"plain\"");
  EXPECT_EQ(toml_text("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
  EXPECT_EQ(toml_text(std::string(1, '\x01')), "\"\\u0001\"");
}

TEST(Sketch, ValuesTakeTheFormOfTheKeysExample) {
  EXPECT_EQ(toml_value("100ms", "\"20ms\""), "\"100ms\"");
  EXPECT_EQ(toml_value("100", "\"20ms\""), "\"100\"") << "the plan's own error then says that a unit is missing";
  EXPECT_EQ(toml_value("7", "3"), "7");
  EXPECT_EQ(toml_value("true", "false"), "true");
  EXPECT_EQ(toml_value("[1, 2]", "\"x\""), "[1, 2]");
  EXPECT_EQ(toml_value("{ at = \"1s\" }", ""), "{ at = \"1s\" }");
}

TEST(Sketch, TargetsAreReadFromPairs) {
  EXPECT_EQ(text_of(target_lines("--on", "unit=payment.service")), "unit = \"payment.service\"; ");
  EXPECT_EQ(text_of(target_lines("--on", "pid=123")), "pid = 123; ");
  EXPECT_EQ(text_of(target_lines("--peer", "address=10.0.0.0/8,fd00::/8,port=443,protocol=tcp")),
            "address = [\"10.0.0.0/8\", \"fd00::/8\"]; port = 443; protocol = \"tcp\"; ");
  EXPECT_EQ(text_of(target_lines("--peer", "port=80,8000-8080")), "port = \"80,8000-8080\"; ");
  EXPECT_TRUE(target_lines("--on", "web").empty());
  EXPECT_THROW(target_lines("--on", ""), Failure);
}

TEST(Sketch, ProbesAreToldByTheirLooks) {
  const auto said = [](const char* spec) {
    std::string all;
    for (const Line& line : probe_lines(spec)) all += (all.empty() ? "" : ", ") + line.key + " " + line.value;
    return all;
  };
  EXPECT_EQ(said("http://web/"), "http \"http://web/\"");
  EXPECT_EQ(said("10.0.0.1:80"), "tcp \"10.0.0.1:80\"");
  EXPECT_EQ(said("[fd00::1]:80"), "tcp \"[fd00::1]:80\"");
  EXPECT_EQ(said("fd00::1"), "icmp \"fd00::1\"");
  EXPECT_EQ(said("tcp=web:80"), "tcp \"web:80\"");
  EXPECT_EQ(said("exec=curl -s web"), "exec [\"sh\", \"-c\", \"curl -s web\"]");
}

TEST(Sketch, AMistypedKindOfProbeIsNotTakenForAHost) {
  const auto refusal = [](const char* spec) -> std::string {
    try {
      probe_lines(spec);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "taken";
  };
  EXPECT_EQ(refusal("htttp=http://web/"), "\"htttp\" is not a kind of probe; did you mean \"http\"?");
  EXPECT_NE(refusal("memcached=web:11211").find("kinds are http, grpc, tcp"), std::string::npos);
  EXPECT_EQ(refusal("http://web/?a=b"), "taken") << "what stands before = is not a word";
}

TEST(Sketch, WhatIsWrittenIsAPlan) {
  Sketch sketch;
  sketch.tables.push_back(
      {"",
       "Two lines\nof comment",
       {{"title", toml_text("t")}, {"seed", "3", "a remark"}, {"duration", toml_text("40s"), "", true}}});
  sketch.tables.push_back({"[targets.a]", "", target_lines("--on", "netns=a")});
  sketch.tables.push_back(
      {"[[faults]]",
       "",
       {{"kind", toml_text("sever")}, {"on", toml_text("a")}, {"start", toml_text("1s")}, {"for", toml_text("2s")}}});
  const std::string text = sketch.write();
  EXPECT_EQ(text,
            "# Two lines\n# of comment\ntitle = \"t\"\nseed = 3                        # a remark\n# duration = "
            "\"40s\"\n\n[targets.a]\nnetns = \"a\"\n\n[[faults]]\nkind = \"sever\"\non = \"a\"\nstart = \"1s\"\nfor = "
            "\"2s\"\n");
  const auto parsed = plan::parse_text(text, "sketch.toml");
  EXPECT_TRUE(parsed.ok()) << plan::render(parsed);
}

}  // namespace
}  // namespace faultline::sketch
