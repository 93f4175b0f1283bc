// The largest delay that a client with a known patience bears, found by the real binary; a search that is broken off
// goes on.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/harness/command.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct MarginTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// An echo that is given 300 ms to come back.
  std::filesystem::path plan(const std::string& more = "") const {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "1600ms";
    plan.timeout = "300ms";
    plan.effect = "kind = \"degrade\"\ndelay = \"1ms\"\ndirection = \"egress\"";
    plan.start = "300ms";
    plan.length = "1s";
    plan.more = R"([[hypotheses]]
probe = "ping"
during = "slow"
success = ">= 50%"
)" + more;
    return folder.write("plan.toml", plan.text());
  }
  Command margin(std::vector<std::string> more, const std::string& seed = "3", const std::string& in_plan = "") const {
    std::vector<std::string> argv{binary(), "margin", plan(in_plan), "--vary", "slow.delay",
                                  "--out",  out,      "--quiet",     "--seed", seed};
    argv.insert(argv.end(), more.begin(), more.end());
    return Command(argv);
  }
  nlohmann::json record() const {
    const auto read = nlohmann::json::parse(text_of(out / "margin.json"), nullptr, false);
    return read.is_discarded() ? nlohmann::json::object() : read;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "margin";
};

TEST_F(MarginTest, APlantedTimeoutIsFound) {
  Command found = margin({"--from", "20ms", "--to", "2s", "--within", "10%", "--min", "100ms"});
  EXPECT_EQ(found.wait(180 * kSecond), 0) << found.errors() << found.out();
  const auto told = record();
  ASSERT_EQ(told["end"], "found") << told;
  EXPECT_EQ(told["within"], "10%");
  EXPECT_EQ(found.errors().find("Run 1:"), std::string::npos) << "--quiet";
  double held = 0, broken = 0;
  for (const auto& run : told["runs"]) {
    if (run["text"] == told["held"]) held = run["value"];
    if (run["text"] == told["broken"]) broken = run["value"];
  }
  EXPECT_GT(held, 240e6);
  EXPECT_LT(held, 301e6);
  EXPECT_GT(broken, 270e6);
  EXPECT_NE(found.out().find("slow.delay holds up to"), std::string::npos) << found.out();
}

TEST_F(MarginTest, BelowWhatIsAskedForItDeviates) {
  Command found = margin({"--from", "250ms", "--to", "400ms", "--within", "30%", "--min", "2s", "--json"});
  EXPECT_EQ(found.wait(180 * kSecond), 1) << found.errors() << found.out();
  EXPECT_EQ(nlohmann::json::parse(found.out(), nullptr, false), record());
  EXPECT_EQ(record()["seed"], 3);
}

TEST_F(MarginTest, AMapHasAMarginForEachValueOfAnotherKey) {
  const std::vector<std::string> words{"--from",   "20ms", "--to",      "2s",
                                       "--within", "80%",  "--against", "slow.loss=0%, 100%"};
  Command found = margin(words);
  EXPECT_EQ(found.wait(180 * kSecond), 0) << found.errors() << found.out();
  const auto map = nlohmann::json::parse(text_of(out / "margin_map.json"), nullptr, false);
  const auto rows = map["rows"];
  ASSERT_EQ(rows.size(), 2u) << map;
  EXPECT_EQ(rows[0]["value"], "0%");
  EXPECT_EQ(rows[0]["end"], "found");
  EXPECT_EQ(rows[1]["value"], "100%");
  EXPECT_EQ(rows[1]["end"], "none held") << "no request survives it, however short the delay";
  EXPECT_NE(found.out().find("breaks at 20ms already"), std::string::npos) << found.out();
  EXPECT_EQ(summary_of(out / "02" / "001")["seed"], 3);

  // What has been searched is not searched again.
  const std::string before = text_of(out / "01" / "margin.json");
  Command again = margin(words);
  EXPECT_EQ(again.wait(60 * kSecond), 0) << again.errors();
  EXPECT_EQ(text_of(out / "01" / "margin.json"), before);

  const std::string map_before = text_of(out / "margin_map.json");
  const auto refused = [&](Command other, const std::string& why) {
    EXPECT_EQ(other.wait(30 * kSecond), 3) << why;
    EXPECT_NE(other.errors().find(why), std::string::npos) << other.errors();
  };
  const auto with = [&](std::size_t which, const char* value) {
    std::vector<std::string> changed = words;
    changed[which] = value;
    return changed;
  };
  refused(margin(with(7, "slow.loss=5%")), "another map: it was --against slow.loss=0%,100%");
  refused(margin(with(1, "30ms")), "another map: it was --from 20ms, and is --from 30ms");
  refused(margin(with(3, "1s")), "another map: it was --to 2s");
  refused(margin(with(5, "70%")), "another map: it was --within 80%");
  refused(margin(words, "4"), "--seed 4: the map that is there has seed 3");
  refused(margin(words, "3", "# another\n"), "has been changed since");
  EXPECT_EQ(text_of(out / "margin_map.json"), map_before);
  Command wrong = margin({"--from", "20ms", "--to", "2s", "--against", "slow.loss=much"});
  EXPECT_EQ(wrong.wait(30 * kSecond), 3);
  EXPECT_NE(wrong.errors().find("does not take much"), std::string::npos) << wrong.errors();
}

TEST_F(MarginTest, HandsOnWhatARunTakes) {
  const std::vector<std::string> handed{"--scale",
                                        "1:1",
                                        "--var",
                                        "who=y",
                                        "--set",
                                        "slow.on_any=true",
                                        "--var-file",
                                        "pass=" + folder.write("secret", "open sesame\n").string(),
                                        "--arm",
                                        "b",
                                        "--engine",
                                        "clsact",
                                        "--tolerance",
                                        "60%",
                                        "--tolerance-of-loss",
                                        "9%"};
  std::vector<std::string> argv{
      binary(),  "margin",     plan("[vars]\nwho = \"x\"\npass = \"none\"\n[arms.a]\n[arms.b]\n"),
      "--vary",  "slow.delay", "--from",
      "40ms",    "--to",       "80ms",
      "--quiet", "--out",      out};
  Command refused(argv);
  EXPECT_EQ(refused.wait(30 * kSecond), 3) << "which of the arms?";
  argv.insert(argv.end(), handed.begin(), handed.end());
  Command played(argv);
  // Not the question here: on a machine that holds packets for too long, a run is inconclusive.
  const auto status = played.wait(60 * kSecond);
  EXPECT_TRUE(status == 0 || status == 2) << played.errors();
  EXPECT_EQ(record()["end"], status == 0 ? "all held" : "unknown");
  const auto summary = summary_of(out / "001");
  EXPECT_EQ(summary["arm"], "b");
  EXPECT_EQ(summary["vars"], json({{"who", "y"}, {"pass", "***"}}));
  EXPECT_EQ(summary["engine"], "clsact");
  EXPECT_EQ(summary["tolerance"]["packets"], 0.6);
  const auto repeat = summary["repeat"].get<std::string>();
  for (std::size_t i = 0; i < handed.size(); i += 2)
    EXPECT_NE(repeat.find(handed[i] + " "), std::string::npos) << handed[i] << " in " << repeat;
}

TEST_F(MarginTest, AnArmThatMustBreakHoldsWhereItDoesNot) {
  const auto path = plan("[arms.naive]\nexpect = \"fails: ping during slow: success >= 50%\"\n");
  Command found({binary(), "margin", path, "--arm", "naive", "--vary", "slow.delay", "--from", "100ms", "--to", "2s",
                 "--within", "90%", "--out", out, "--quiet"});
  EXPECT_EQ(found.wait(120 * kSecond), 0) << found.errors();
  EXPECT_EQ(record()["end"], "found") << record();
  const auto told = record();
  for (const auto& run : told["runs"])
    if (run["tried"] == "held") {
      EXPECT_EQ(run["verdict"], "deviated") << "it held, and this arm must break it";
    }
}

TEST_F(MarginTest, GoesOnWhereItWasBrokenOff) {
  const std::vector<std::string> words{"--from", "20ms", "--to", "2s", "--within", "40%"};
  Command first = margin(words);
  for (int i = 0; i < 3000 && record()["runs"].size() < 2; i++) usleep(20'000);
  first.signal(SIGINT);
  EXPECT_EQ(first.wait(30 * kSecond), 5) << first.errors();
  const auto before = record()["runs"];
  ASSERT_GE(before.size(), 2u);
  EXPECT_EQ(record()["end"], "");
  Command second = margin(words);
  EXPECT_EQ(second.wait(180 * kSecond), 0) << second.errors();
  ASSERT_GT(record()["runs"].size(), before.size());
  for (std::size_t i = 0; i < before.size(); i++) EXPECT_EQ(record()["runs"][i], before[i]) << "not played again";
  EXPECT_NE(record()["runs"][before.size()]["text"], before[0]["text"]) << "and it did not begin anew";
  Command other = margin({"--from", "20ms", "--to", "1s"});
  EXPECT_EQ(other.wait(30 * kSecond), 3);
  EXPECT_NE(other.errors().find("the record of another search"), std::string::npos) << other.errors();
  Command changed = margin(words, "3", "# another\n");
  EXPECT_EQ(changed.wait(30 * kSecond), 3);
  EXPECT_NE(changed.errors().find("has been changed since"), std::string::npos) << changed.errors();
}

}  // namespace
}  // namespace faultline::test
