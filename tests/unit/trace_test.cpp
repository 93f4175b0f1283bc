// trace: from a file's text to a profile, every mistake with its place in the file, and from the profile to a channel.
#include <filesystem>

#include "faults/kind.h"
#include "injector/plan/trace_file.h"
#include "tests/harness/command.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

using faults::Profile;
namespace fs = std::filesystem;

struct ReadTrace {
  std::optional<Profile> profile;
  std::vector<Diagnostic> mistakes;
};

ReadTrace read_rows(const std::string& text, double scale = 1) {
  Issues issues;
  ReadTrace out{read_trace("wan.csv", text, scale, issues), {}};
  out.mistakes = issues.take();
  return out;
}

void expect_trace_mistake(const std::string& text, std::uint32_t line, std::uint32_t column, const std::string& message,
                          const std::string& hint = "") {
  const auto got = read_rows(text);
  EXPECT_FALSE(got.profile);
  ASSERT_EQ(got.mistakes.size(), 1u) << text;
  const Diagnostic& d = got.mistakes[0];
  EXPECT_EQ(d.file, "wan.csv");
  EXPECT_EQ(d.at.line, line) << text << d.message;
  EXPECT_EQ(d.at.column, column) << text << d.message;
  EXPECT_NE(d.message.find(message), std::string::npos) << d.message;
  EXPECT_NE(d.hint.find(hint), std::string::npos) << d.hint;
}

TEST(TraceFile, ReadsColumnsInAnyOrderAndUnit) {
  const auto got = read_rows(
      "# from the lab\r\nloss_percent, time_ms "
      ",delay_us,\"jitter_ms\",rate_mbit\r\n\r\n5,0,1500,0.5,10\r\n0.5,250,2e3,0,1.5\r\n");
  ASSERT_TRUE(got.profile) << got.mistakes[0].message;
  EXPECT_EQ(*got.profile, (Profile{{.at = 0, .delay = 1.5e6, .jitter = 5e5, .loss = 0.05, .rate = 1e7},
                                   {.at = 250 * kMillisecond, .delay = 2e6, .loss = 0.005, .rate = 1.5e6}}));
}

TEST(TraceFile, CellsMayBeWrittenAsInAPlan) {
  const auto got = read_rows("\xef\xbb\xbftime,delay,loss,rate\n0s,10ms,5%,10mbit\n1m30s,1.5s,0%,64kbit\n");
  ASSERT_TRUE(got.profile) << got.mistakes[0].message;
  EXPECT_EQ(*got.profile, (Profile{{.at = 0, .delay = 1e7, .loss = 0.05, .rate = 1e7},
                                   {.at = 90 * kSecond, .delay = 1.5e9, .rate = 64e3}}));
}

TEST(TraceFile, TimesCountFromTheFirstRowAndScale) {
  const auto got = read_rows("time_s,loss_ratio\n1700000000,0.5\n1700000060,1\n", 30);
  ASSERT_TRUE(got.profile);
  EXPECT_EQ(*got.profile, (Profile{{.at = 0, .loss = 0.5}, {.at = 2 * kSecond, .loss = 1}}));
}

TEST(TraceFile, EveryMistakeHasItsPlaceInTheFile) {
  const std::string head = "time_s,delay_ms,loss_percent\n";
  expect_trace_mistake("", 1, 1, "empty");
  expect_trace_mistake(head, 1, 1, "no rows");
  expect_trace_mistake("delay_ms,loss_percent\n1,2\n", 1, 1, "no column for the time");
  expect_trace_mistake("time_s\n1\n", 1, 1, "no column beside the time");
  expect_trace_mistake("time_s,delai_ms\n0,1\n", 1, 8, "unknown column", "\"delay_ms\"");
  expect_trace_mistake("time_s,bandwidth\n0,1\n", 1, 8, "unknown column", "rate_mbit");
  expect_trace_mistake("time_s,delay_mbit\n0,1\n", 1, 8, "unknown column");
  expect_trace_mistake("time_s,delay_ms,delay_us\n0,1,1\n", 1, 17, "say the same");
  expect_trace_mistake(head + "0,1,0\n1,  x,0\n", 3, 5, "delay_ms: this cell is not a number");
  expect_trace_mistake(head + "0,1,0\n1,,0\n", 3, 3, "is empty");
  expect_trace_mistake(head + "0,1,0\n1,2\n", 3, 4, "2 cells, the header 3");
  expect_trace_mistake(head + "0,1,0\n1,2,3,4\n", 3, 7, "4 cells, the header 3");
  expect_trace_mistake(head + "0,-1,0\n", 2, 3, "negative");
  expect_trace_mistake(head + "0,1,101\n", 2, 5, "more than 100 percent");
  expect_trace_mistake(head + "0,100001,0\n", 2, 3, "too long");
  expect_trace_mistake(head + "2,1,0\n\n1,1,0\n", 4, 1, "earlier");
  expect_trace_mistake("time_s,delay\n0,10\n", 2, 3, "not a duration with a unit", "delay_ms");
  expect_trace_mistake("time_s,loss\n0,0.1\n", 2, 3, "not a percentage", "loss_percent");
  expect_trace_mistake("time_s,rate_mbit\n0,0\n", 2, 3, "nothing would ever pass");
  expect_trace_mistake("time_s,rate_bit\n0,999\n", 2, 3, "out of range");
  expect_trace_mistake("time_s,delay_s,jitter_s\n0,60,41\n", 2, 1, "longer than 100 s");
}

TEST(TraceFile, AWrongColumnIsNotToldAMillionTimes) {
  std::string text = "time_s,delay_ms\n";
  for (int i = 0; i < 1000; i++) text += std::to_string(i) + ",x\n";
  EXPECT_EQ(read_rows(text).mistakes.size(), 20u);
}

TEST(TraceFile, MessagesQuoteNothingOfTheFile) {
  for (const char* text : {"time_s,5ecret\n0,1\n", "time_s,delay_ms\n0,5ecret\n", "time_s,delay\n5ecret,1ms\n",
                           "time,loss\n0s,5ecret\n", "time,rate\n0s,5ecret\n", "5ecret\n", "1\n5ecret\n"})
    for (const auto& mistake : read_rows(text).mistakes)
      EXPECT_EQ((mistake.message + mistake.hint).find("5ecret"), std::string::npos) << mistake.message;
}

TEST(TraceFile, HeaderlessNumbersAreExplained) {
  EXPECT_NE(read_rows("0,10\n1,20\n").mistakes.at(0).hint.find("names the columns"), std::string::npos);
}

// A packet every millisecond for 40 ms, a pause, and one at 100 ms.
TEST(TraceFile, AMahimahiTraceBecomesARate) {
  std::string text;
  for (int ms = 1; ms <= 40; ms++) text += std::to_string(ms) + "\n";
  text += "100\n";
  const auto got = read_rows(text);
  ASSERT_TRUE(got.profile) << got.mistakes[0].message;
  ASSERT_EQ(got.profile->size(), 4u);
  const double full = kMahimahiBits * 1000;
  EXPECT_EQ((*got.profile)[0], (faults::ProfilePoint{.at = 0, .rate = full}));
  EXPECT_EQ((*got.profile)[1], (faults::ProfilePoint{.at = 20 * kMillisecond, .rate = full}));
  EXPECT_EQ((*got.profile)[2].at, 40 * kMillisecond);
  EXPECT_NEAR((*got.profile)[2].rate, kMahimahiBits / 0.060, 1);  // one packet in the 60 ms that are left
  EXPECT_EQ((*got.profile)[3].at, 100 * kMillisecond);
  double bits = 0;
  for (std::size_t i = 0; i + 1 < got.profile->size(); i++)
    bits += (*got.profile)[i].rate * static_cast<double>((*got.profile)[i + 1].at - (*got.profile)[i].at) / kSecond;
  EXPECT_NEAR(bits / kMahimahiBits, 41, 1e-6) << "no opportunity is lost, none invented";
}

TEST(TraceFile, MahimahiMistakes) {
  expect_trace_mistake("0\n1\nx\n", 3, 1, "not a number of milliseconds");
  expect_trace_mistake("5\n4\n", 2, 1, "earlier");
  expect_trace_mistake("0\n0\n", 2, 1, "no length");
  expect_trace_mistake("1\n2,3\n", 2, 1, "not a number of milliseconds");
}

/// A folder of its own, with one trace in it.
class TracePlan : public testing::Test {
 protected:
  void write(const std::string& text) const { temporary.write("wan.csv", text); }
  Parsed parse(const std::string& more, const std::string& length = "10s", std::optional<double> scale = {}) const {
    ParseOptions options;
    options.scale = scale;
    return parse_text(
        "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"trace\"\non = \"shop\"\nstart = \"60s\"\nfor = \"" +
            length + "\"\n" + more,
        (folder / "plan.toml").string(), options);
  }
  static faults::Channel channel(const Plan& plan) {
    const Fault& fault = plan.faults.at(0);
    return fault.kind->compile({fault.params, {fault.start, fault.end}, 1, "shop"});
  }
  const test::TemporaryFolder temporary;
  const fs::path folder = temporary.path();
};

TEST_F(TracePlan, PlaysAFileBesideThePlan) {
  write("time_s,delay_ms,rate_mbit\n0,10,1\n2,30,4\n4,20,2\n");
  const auto once = parse("file = \"wan.csv\"\n");
  ASSERT_TRUE(once.ok()) << render(once);
  const auto track = channel(once.plan).delay;
  EXPECT_EQ(track, (faults::Track{{60 * kSecond, 1e7},
                                  {62 * kSecond, 1e7},
                                  {62 * kSecond, 3e7},
                                  {64 * kSecond, 3e7},
                                  {64 * kSecond, 2e7},
                                  {70 * kSecond, 2e7}}));
  EXPECT_EQ(value_at(channel(once.plan).rate, 63 * kSecond), 4e6);
  ASSERT_EQ(once.plan.inputs.size(), 1u);
  EXPECT_EQ(once.plan.inputs[0].path, (folder / "wan.csv").string());
  EXPECT_NE(once.plan.inputs[0].text.find("4,20,2"), std::string::npos);

  const auto again = parse("file = \"wan.csv\"\nrepeat = true\n");
  ASSERT_TRUE(again.ok()) << render(again);
  EXPECT_EQ(value_at(channel(again.plan).delay, 64 * kSecond), 1e7);
  EXPECT_EQ(value_at(channel(again.plan).delay, 67 * kSecond), 3e7);

  const auto lines = parse("file = \"wan.csv\"\nsteps = false\n");
  ASSERT_TRUE(lines.ok()) << render(lines);
  EXPECT_EQ(value_at(channel(lines.plan).delay, 61 * kSecond), 2e7);

  const auto fast = parse("file = \"wan.csv\"\n", "10s", 2);
  ASSERT_TRUE(fast.ok()) << render(fast);
  EXPECT_EQ(value_at(channel(fast.plan).delay, 31 * kSecond + 500 * kMillisecond), 3e7) << "a trace is on the timeline";
}

TEST_F(TracePlan, ItsQueueHasALimit) {
  write("time_s,rate_mbit\n0,1\n");
  const auto plain = parse("file = \"wan.csv\"\n"), bounded = parse("file = \"wan.csv\"\nlimit = \"64kB\"\n");
  ASSERT_TRUE(plain.ok() && bounded.ok()) << render(plain) << render(bounded);
  EXPECT_EQ(channel(plain.plan).queue_time, 100 * kMillisecond) << "the default";
  EXPECT_EQ(channel(plain.plan).queue_bytes, 0u);
  EXPECT_EQ(channel(bounded.plan).queue_time, 0);
  EXPECT_EQ(channel(bounded.plan).queue_bytes, 64000u);
}

TEST_F(TracePlan, MistakesInTheFileNameTheFile) {
  write("time_s,delay_ms\n0,10\n1,fast\n");
  const auto parsed = parse("file = \"wan.csv\"\n");
  ASSERT_EQ(parsed.diagnostics.size(), 1u) << render(parsed);
  const std::string shown = render(parsed);
  EXPECT_NE(shown.find((folder / "wan.csv").string() + ":3:3: error: delay_ms: this cell is not a number"),
            std::string::npos)
      << shown;
  EXPECT_EQ(shown.find("fast"), std::string::npos) << shown;
}

TEST_F(TracePlan, RefusesWhatItCannotReadOrPlay) {
  const auto only = [&](const std::string& more, const std::string& message, const std::string& length = "10s") {
    const auto parsed = parse(more, length);
    EXPECT_EQ(parsed.diagnostics.size(), 1u) << render(parsed);
    EXPECT_TRUE(has_mistake(parsed, message)) << render(parsed);
    for (const auto& d : parsed.diagnostics) EXPECT_EQ(d.at.line, 8u) << render(parsed);
  };
  only("file = \"nowhere.csv\"\n", "No such file");
  only("file = \".\"\n", "not a regular file");
  only("file = \"\"\n", "name is empty");
  write("time_ms,delay_ms\n0,0\n1,0\n");
  const auto idle = parse("file = \"wan.csv\"\n", "10s");
  EXPECT_TRUE(idle.ok() && idle.remarks.size() == 1 && idle.plan.faults.at(0).idle) << render(idle);
  write("time_ms,delay_ms\n0,1\n");
  only("file = \"wan.csv\"\nrepeat = true\n", "no length");
  write("time_ms,delay_ms\n0,1\n1,2\n");
  only("file = \"wan.csv\"\nrepeat = true\n", "100000 points", "60s");
  EXPECT_TRUE(parse("file = \"wan.csv\"\n", "60s").ok());
  EXPECT_TRUE(has_mistake(parse(""), "has no \"file\""));
}

}  // namespace
}  // namespace faultline::plan
