// The commands before a run: list, new, completion, man. (Others: explain_test, doctor_test, inject_command_test.)
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "faults/kind.h"
#include "injector/plan/parse.h"
#include "injector/plan/values.h"
#include "injector/probe/library.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::cli {
namespace {

TEST(ListCommand, ShowsExperimentsAndKinds) {
  const Said said = say({"list"});
  EXPECT_EQ(said.status, 0);
  EXPECT_TRUE(has(said.out, "hello")) << said.out;
  EXPECT_TRUE(has(said.out, "12s; needs nginx")) << said.out;
  for (const auto& kind : faults::catalogue())
    EXPECT_TRUE(has(said.out, std::string(kind.summary).substr(0, 20))) << said.out;
  EXPECT_FALSE(has(say({"list", "kinds"}).out, "hello"));
  const auto out = nlohmann::json::parse(say({"list", "--json"}).out);
  EXPECT_GE(out.at("experiments").size(), 3u);
  EXPECT_EQ(out.at("kinds").size(), faults::catalogue().size());
  EXPECT_TRUE(has(say({"list", "--names"}).out, "hello\n"));
  const std::string kinds = say({"list", "kinds", "--names"}).out;
  EXPECT_TRUE(has(kinds, "sever\n") && !has(kinds, "hello")) << kinds;
  EXPECT_EQ(say({"list", "runs", "--names"}).status, 3);
}

/// Whoever runs a plan with arms waits for all of them.
TEST(ListCommand, TellsTheArmsAndHowLongAllOfThemTake) {
  const auto parsed = plan::parse_file(FAULTLINE_SOURCE_DIR "/experiments/wechat-pay-2022.toml");
  ASSERT_TRUE(parsed.ok());
  ASSERT_GE(parsed.plan.arms.size(), 2u);
  const auto all = nlohmann::json::parse(say({"list", "experiments", "--json"}).out);
  Ns whole = 0;
  std::string names;
  std::size_t with_arms = 0;
  for (const auto& one : all) {
    with_arms += one.contains("arms");
    if (one.at("name") == "hello") {
      EXPECT_FALSE(one.contains("arms")) << one;
    }
    if (one.at("name") != parsed.plan.name) continue;
    EXPECT_EQ(one.at("duration_s"), one.at("arms").at(0).at("duration_s")) << "as ever, that of the first";
    ASSERT_EQ(one.at("arms").size(), parsed.plan.arms.size());
    for (std::size_t i = 0; i < parsed.plan.arms.size(); i++) {
      const auto& arm = one.at("arms").at(i);
      EXPECT_EQ(arm.at("name"), parsed.plan.arms[i].name);
      const auto& fails = parsed.plan.arms[i].fails;
      EXPECT_EQ(arm.at("expect").size(), std::max<std::size_t>(1, fails.size()));
      EXPECT_EQ(arm.at("expect").at(0), fails.empty() ? "passes" : "fails: " + fails.front());
      names += (names.empty() ? "" : ", ") + parsed.plan.arms[i].name;
      whole += static_cast<Ns>(std::llround(arm.at("duration_s").get<double>() * kSecond));
    }
  }
  EXPECT_GT(with_arms, 10u);
  std::istringstream words(say({"list", "experiments"}).out);  // wherever its lines are broken
  std::string text;
  for (std::string word; words >> word;) text += word + " ";
  EXPECT_TRUE(has(
      text, fmt::format("{} arms: {}; {} in all; needs", parsed.plan.arms.size(), names, plan::format_duration(whole))))
      << text;
}

// What is put into a message is a stranger's text: its line breaks are shown as "\\n". Ours must not be put in that
// way.
TEST(Commands, BreakTheirOwnLines) {
  const std::string hello = FAULTLINE_SOURCE_DIR "/experiments/hello.toml";
  const std::string arms = FAULTLINE_SOURCE_DIR "/experiments/wechat-pay-2022.toml";
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"list"}, {"doctor"}, {"explain", hello}, {"explain", arms}, {"check", hello, arms}, {"explain", "none"}}) {
    const Said said = say(words);
    EXPECT_FALSE(has(said.out + said.error, "\\n")) << said.out << said.error;
    EXPECT_FALSE((said.out + said.error).empty());
  }
}

TEST(ExplainCommand, SaysWhatIsBelievedAndWhatEndsTheRun) {
  const test::TemporaryFolder folder;
  const auto path =
      folder.write("p.toml",
                   "[targets.a]\nnetns = \"a\"\n[probes.pay]\nicmp = \"10.0.0.1\"\nstart = \"2s\"\n[[faults]]\nname = "
                   "\"cut\"\nkind = \"sever\"\non = \"a\"\nstart = \"5s\"\nfor = \"5s\"\n"
                   "[[hypotheses]]\nname = \"it bears it\"\nprobe = \"pay\"\nduring = \"cut\"\nsuccess = \">= 90%\"\n"
                   "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"3s\"\n[[guards]]\nname = \"lost\"\nprobe = "
                   "\"pay\"\nsuccess = \"< 20%\"\nfor = \"2s\"\n");
  const std::string text = say({"explain", path}).out;
  for (const char* part : {"it bears it: pay during cut: success >= 90%", "recovers within 3s",
                           "lost: pay: success < 20% for 2s", "from 2s to 20s", "silent."})
    EXPECT_TRUE(has(text, part)) << part << " in\n" << text;
  const auto json = nlohmann::json::parse(say({"explain", "--json", path}).out);
  EXPECT_EQ(json.at("hypotheses").at(0).at("expected"), "success >= 90%");
  EXPECT_EQ(json.at("guards").at(0).at("condition"), "success < 20% for 2s");
  EXPECT_EQ(json.at("probes").at(0).at("start_s"), 2.0);
  EXPECT_EQ(json.at("probes").at(0).at("end_s"), 20.0);
}

TEST(ExplainCommand, SaysWhatIsCountedOfConnections) {
  const test::TemporaryFolder folder;
  const std::string plan =
      "[targets.a]\nnetns = \"a\"\n[probes.pay]\nicmp = \"10.0.0.1\"\nfrom = \"here\"\n[[hypotheses]]\ntelemetry = "
      "\"a\"\nname = \"few\"\nretransmits = \"<= 20\"\n[[guards]]\ntelemetry = \"a\"\nname = \"all\"\nturns.p99 = \"> "
      "1s\"\nfor "
      "= \"2s\"\n";
  const auto path = folder.write("p.toml", "duration = \"9s\"\n" + plan);
  const std::string text = say({"explain", path}).out;
  for (const char* part :
       {"the TCP connections of a, each 100 ms, by 8 peers at most, with how long\n    answers take",
        "few: a's connections during run: retransmits <= 20", "all: a's connections: turns.p99 > 1s for 2s"})
    EXPECT_TRUE(has(text, part)) << part << " in\n" << text;
  const auto json = nlohmann::json::parse(say({"explain", "--json", path}).out);
  EXPECT_EQ(json.at("telemetry"), nlohmann::json({"a"}));
  EXPECT_EQ(json.at("hypotheses").at(0).at("telemetry"), "a");
  EXPECT_EQ(json.at("guards").at(0).at("telemetry"), "a");
}

TEST(ListCommand, RunsAreAListOfTheirOwn) {
  for (const auto& words : {std::vector<std::string>{"list", "--runs", "--json"}, {"list", "runs", "--json"}})
    EXPECT_TRUE(nlohmann::json::parse(say(words).out).is_array());
}

// A lab's plan, so that nothing of this machine matters.
TEST(ExplainCommand, ReadsThePlanAsARunWould) {
  const test::TemporaryFolder folder;
  const std::string plan = folder.write(
      "p.toml",
      "duration = \"60s\"\nseed = 1\n[vars]\nslow = \"100ms\"\n[lab.rooms.east]\n[lab.hosts.web]\nroom = \"east\"\n"
      "[[faults]]\nkind = \"degrade\"\non = \"web\"\nstart = \"10s\"\nfor = \"20s\"\ndelay = \"${slow}\"\n");
  const auto out = nlohmann::json::parse(say({"explain", plan, "--json", "--seed", "77", "--scale", "1:2", "--var",
                                              "slow=300ms", "--set", "degrade.for=10s"})
                                             .out);
  EXPECT_EQ(out.at("seed"), 77);
  EXPECT_EQ(out.at("duration_s"), 30.0);
  EXPECT_EQ(out.at("faults").at(0).at("packet_ms").at("middle"), 300.0);
  EXPECT_EQ(out.at("faults").at(0).at("end_s"), 10.0);
}

TEST(ExplainCommand, SaysWhatTheEngineWouldDo) {
  EXPECT_TRUE(has(say({"explain", "hello", "--engine", "clsact"}).out, "empties its"));
  const auto out = nlohmann::json::parse(say({"explain", "hello", "--engine", "clsact", "--json"}).out);
  EXPECT_TRUE(has(out.at("attaching").get<std::string>(), "the kernel empties its queue"));
}

TEST(ExplainCommand, SaysWhatAShippedExperimentWouldDo) {
  const Said said = say({"explain", "hello"});
  EXPECT_EQ(said.status, 0) << said.error;
  for (const char* part :
       {"nothing is touched", "+400 ms with a new connection", "Blast radius", "169.254.169.254", "250 ms"})
    EXPECT_TRUE(has(said.out, part)) << part;
  EXPECT_FALSE(has(said.out, "\x1b")) << "no colours in a pipe";
  for (const char c : said.out) ASSERT_EQ(c & 0x80, 0) << "ASCII in a pipe: " << said.out;
  std::istringstream lines(said.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  const std::string titled = say({"explain", "alipay-2015"}).out;  // longer than a line
  EXPECT_TRUE(
      titled.starts_with("Alipay 2015: a fibre cut, a change-over, and what becomes of acknowledged\npayments\n"))
      << titled;
  const auto out = nlohmann::json::parse(say({"explain", "--json", "hello"}).out);
  EXPECT_EQ(out.at("faults").at(0).at("round_trip_ms").at("middle"), 200.0);
  EXPECT_TRUE(out.at("faults").at(0).at("of").is_null());
  const test::TemporaryFolder folder;
  const auto few = folder.write("few.toml",
                                "[targets.a]\nnetns = \"a\"\n[[faults]]\nkind = \"idle-timeout\"\nidle = \"5s\"\non = "
                                "\"a\"\nstart = \"5s\"\nfor = \"60s\"\n");
  const auto fault = nlohmann::json::parse(say({"explain", "--json", few}).out).at("faults").at(0);
  EXPECT_TRUE(has(fault.at("of").get<std::string>(), "on which nothing passed for 5.00 s"));
  EXPECT_EQ(fault.at("loss"), 1) << "of these";
}

TEST(NewCommand, WritesAPlanOfEveryKindThatPassesCheck) {
  const test::TemporaryFolder folder;
  std::set<std::string_view> unknowable;
  for (const auto& kind : faults::catalogue()) {
    for (const std::string target : {"lab", "netns=shop"}) {
      const std::string path = folder.path() / (std::string(kind.name) + target + ".toml");
      std::vector<std::string> words{"new", "--kind", std::string(kind.name), "--target", target, "--output", path};
      if (target != "lab") words.insert(words.end(), {"--probe", "http://10.0.0.1/", "--peer", "address=10.0.0.0/8"});
      const Said said = say(words);
      if (kind.port != 0 && target == "lab") {
        EXPECT_EQ(said.status, 3) << kind.name;
        EXPECT_TRUE(has(said.error, "no name server")) << said.error;
        continue;
      }
      if (said.status == 3 && has(said.error, "--set key=value")) {  // needs what only its user knows
        unknowable.insert(kind.name);
        continue;
      }
      ASSERT_EQ(said.status, 0) << kind.name << ": " << said.error;
      const auto parsed = plan::parse_file(path);
      EXPECT_TRUE(parsed.ok()) << plan::render(parsed);
      EXPECT_EQ(parsed.plan.faults.at(0).kind, &kind);
      EXPECT_TRUE(plan::parse_file(path, {.scale = 10}).ok()) << "rehearsed in a tenth of the time";
    }
  }
  EXPECT_EQ(unknowable, std::set<std::string_view>{"trace"}) << "a file";
}

TEST(NewCommand, WritesOverNothingAndSaysWhatIsWrong) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() / "p.toml";
  EXPECT_EQ(say({"new", "--output", path}).status, 0);
  const Said again = say({"new", "--output", path});
  EXPECT_EQ(again.status, 3);
  EXPECT_TRUE(has(again.error, "--force")) << again.error;
  EXPECT_EQ(say({"new", "--output", path, "--force", "--set", "delay=300ms"}).status, 0);
  EXPECT_EQ(plan::parse_file(path).plan.faults.at(0).params.duration("delay"), 300 * kMillisecond);
  EXPECT_TRUE(has(say({"new", "--kind", "degrad"}).error, "did you mean `degrade`"));
  EXPECT_TRUE(has(say({"new", "--target", "netns=shop"}).error, "--probe is needed"));
  EXPECT_EQ(say({"new", "--set", "delay=soon"}).status, 3);
}

TEST(NewCommand, AFileThatCannotBeWritten) {
  const test::TemporaryFolder folder;
  const auto file = folder.write("file", "");
  for (const std::filesystem::path& path : {file / "below.toml", std::filesystem::path("/proc/p.toml"), folder.path()})
    EXPECT_EQ(say({"new", "--force", "--output", path}).status, 4) << path;
  EXPECT_EQ(say({"man", "--all", file / "below"}).status, 4);
}

TEST(NewCommand, WhatItIsToldIsInThePlan) {
  const Said said = say({"new", "--kind", "sever", "--on", "netns=shop", "--peer", "address=10.0.0.0/8", "--probe",
                         "10.0.0.1:80", "--title", "Who is \"there\"?"});
  const auto parsed = plan::parse_text(said.out, "new.toml");
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  const auto& fault = parsed.plan.faults.at(0);
  EXPECT_EQ(fault.kind->name, "sever");
  EXPECT_EQ(parsed.plan.find_target(fault.on.at(0))->subject, "shop");
  ASSERT_EQ(fault.peer.size(), 1u);
  EXPECT_EQ(parsed.plan.find_target(fault.peer[0])->addresses, std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_EQ(parsed.plan.probes.at(0).subject(), "10.0.0.1:80");
  EXPECT_EQ(parsed.plan.title, "Who is \"there\"?");
  EXPECT_TRUE(parsed.plan.telemetry.empty());
  EXPECT_TRUE(has(said.out, "\n# telemetry = \"service\"")) << said.out;
}

TEST(CompletionCommand, KnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Said said = say({"completion", shell});
    EXPECT_EQ(said.status, 0);
    for (const char* word : {"explain", "inject", "probe-http", "until-stopped"})
      EXPECT_TRUE(has(said.out, word)) << shell << ": " << word;
    for (const auto& kind : faults::catalogue()) {
      EXPECT_TRUE(has(said.out, std::string(kind.name))) << shell << ": " << kind.name;
      for (const auto& key : kind.keys) EXPECT_TRUE(has(said.out, std::string(key.name))) << shell << ": " << key.name;
    }
  }
  EXPECT_EQ(say({"completion", "tcsh"}).status, 3);
}

/// What bash offers for a line whose last word is being typed.
std::string offered(const std::string& line) {
  const test::TemporaryFolder folder;
  const auto script = folder.write("completion", say({"completion", "bash"}).out);
  const auto ask =
      folder.write("ask", "faultline() { echo hello; }\nsource " + script.string() + "\nCOMP_WORDS=(" + line +
                              ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_faultline\necho \"${COMPREPLY[*]}\"\n");
  test::Command bash({"bash", "--norc", ask});
  EXPECT_EQ(bash.wait(20 * kSecond), 0) << bash.errors();
  return bash.out();
}

TEST(CompletionCommand, BashOffersWhatFits) {
  EXPECT_TRUE(has(offered("faultline exp"), "explain"));
  EXPECT_TRUE(has(offered("faultline inject deg"), "degrade"));
  EXPECT_TRUE(has(offered("faultline inject degrade --del"), "--delay"));
  EXPECT_TRUE(has(offered("faultline run --engine t"), "tcx"));
  EXPECT_TRUE(has(offered("faultline run hel"), "hello"));
  EXPECT_TRUE(has(offered("faultline explain --engine c"), "clsact"));
  EXPECT_EQ(offered("faultline check --engine"), "\n") << "check has no such option";
}

TEST(ManCommand, HasAPageForEveryCommandInRoff) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(say({"man", "--all", folder.path() / "man"}).status, 0);
  for (const char* page : {"faultline.1", "faultline-run.1", "faultline-explain.1", "faultline-doctor.1",
                           "faultline-inject.1", "faultline-new.1"})
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "man" / page)) << page;
  for (const auto& kind : faults::catalogue())
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "man" / ("faultline-inject-" + std::string(kind.name) + ".1")))
        << kind.name;
  const std::string page = say({"man", "inject", "degrade"}).out;
  EXPECT_TRUE(page.starts_with(".TH FAULTLINE\\-INJECT\\-DEGRADE 1")) << page;
  EXPECT_TRUE(has(page, "\\fB\\-\\-delay\\fR")) << page;
  EXPECT_TRUE(has(say({"man"}).out, "inconclusive")) << "exit statuses";
  EXPECT_EQ(say({"man", "frob"}).status, 3);
}

}  // namespace
}  // namespace faultline::cli
