// The commands before a run: list, inject, new, completion, man. (explain and doctor: explain_test, doctor_test.)
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "faults/kind.h"
#include "injector/plan/parse.h"
#include "injector/probe/library.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::cli {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

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

std::string plan_of(std::vector<std::string> words) {
  words.insert(words.begin(), "inject");
  words.push_back("--print-plan");
  const Said said = say(words);
  EXPECT_EQ(said.status, 0) << said.error;
  return said.out;
}

TEST(InjectCommand, EveryKeyOfEveryKindIsAnOption) {
  for (const auto& kind : faults::catalogue()) {
    const std::string help = say({"inject", std::string(kind.name), "--help"}).out;
    for (const auto& key : kind.keys)
      EXPECT_TRUE(has(help, "--" + std::string(key.name))) << kind.name << "." << key.name;
  }
}

TEST(InjectCommand, OptionsBecomeAPlanThatPassesCheck) {
  const std::string text = plan_of({"degrade", "--on", "netns=shop", "--peer", "address=10.0.0.0/8,port=443", "--delay",
                                    "100ms", "--jitter", "20ms", "--for", "60s", "--direction", "egress",
                                    "--probe-http", "http://10.0.0.1/", "--success", ">= 99%", "--seed", "7"});
  const auto parsed = plan::parse_text(text, "inject.toml");
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  const auto& fault = parsed.plan.faults.at(0);
  EXPECT_EQ(fault.kind->name, "degrade");
  EXPECT_EQ(fault.params.duration("delay"), 100 * kMillisecond);
  EXPECT_EQ(fault.params.duration("jitter"), 20 * kMillisecond);
  EXPECT_EQ(fault.direction, plan::Direction::egress);
  EXPECT_EQ(fault.start, 5 * kSecond) << "with a probe there is a baseline";
  EXPECT_EQ(fault.end, 65 * kSecond);
  EXPECT_EQ(parsed.plan.seed, 7u);
  EXPECT_EQ(parsed.plan.hypotheses.size(), 1u);
}

TEST(InjectCommand, EveryOptionIsInItsPlan) {
  const std::string text = plan_of({"sever",
                                    "--on",
                                    "netns=shop",
                                    "--on",
                                    "netns=shop,port=80",
                                    "--peer",
                                    "address=10.0.0.0/8",
                                    "--start",
                                    "7s",
                                    "--for",
                                    "60s",
                                    "--direction",
                                    "ingress",
                                    "--no-loopback",
                                    "--on-any",
                                    "--telemetry",
                                    "--mode",
                                    "reset",
                                    "--probe-icmp",
                                    "10.0.0.1",
                                    "--probe-every",
                                    "50ms",
                                    "--probe-timeout",
                                    "3s",
                                    "--probe-from",
                                    "here",
                                    "--p99",
                                    "<= 250ms",
                                    "--success",
                                    ">= 1%",
                                    "--seed",
                                    "7"});
  const auto parsed = plan::parse_text(text, "inject.toml");
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  const auto& fault = parsed.plan.faults.at(0);
  EXPECT_EQ(fault.on.size(), 2u);
  EXPECT_EQ(parsed.plan.find_target(fault.on.at(0))->subject, "shop");
  ASSERT_EQ(fault.peer.size(), 1u);
  EXPECT_EQ(parsed.plan.find_target(fault.peer[0])->addresses, std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_EQ(fault.start, 7 * kSecond);
  EXPECT_EQ(fault.end, 67 * kSecond);
  EXPECT_EQ(fault.direction, plan::Direction::ingress);
  EXPECT_TRUE(fault.common.has("loopback") && !fault.common.boolean("loopback"));
  EXPECT_TRUE(fault.common.boolean("on_any"));
  EXPECT_EQ(fault.params.text("mode"), "reset");
  const auto& probe = parsed.plan.probes.at(0);
  EXPECT_EQ(probe.every, 50 * kMillisecond);
  EXPECT_EQ(probe.timeout, 3 * kSecond);
  EXPECT_EQ(probe.from, "here");
  EXPECT_EQ(parsed.plan.hypotheses.at(0).p99->text, "<= 250ms");
  EXPECT_EQ(parsed.plan.hypotheses.at(0).success->text, ">= 1%");
  EXPECT_EQ(parsed.plan.seed, 7u);
  EXPECT_EQ(parsed.plan.telemetry, fault.on);
}

TEST(InjectCommand, LoopbackIsLeftToTheKindUnlessSaid) {
  for (const auto& [option, expected] : {std::pair{"--loopback", true}, std::pair{"--no-loopback", false}}) {
    const auto parsed =
        plan::parse_text(plan_of({"sever", "--on", "netns=shop", "--for", "1s", option}), "inject.toml");
    ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
    ASSERT_TRUE(parsed.plan.faults.at(0).common.has("loopback"));
    EXPECT_EQ(parsed.plan.faults.at(0).common.boolean("loopback"), expected);
  }
  const auto parsed = plan::parse_text(plan_of({"sever", "--on", "netns=shop", "--for", "1s"}), "inject.toml");
  EXPECT_FALSE(parsed.plan.faults.at(0).common.has("loopback"));
  EXPECT_EQ(say({"inject", "sever", "--on", "netns=shop", "--for", "1s", "--loopback", "--no-loopback"}).status, 3);
}

TEST(InjectCommand, EachKindOfProbeHasItsOption) {
  for (const auto& [kind, what] : {std::pair{"http", "http://10.0.0.1/"},
                                   {"grpc", "http://10.0.0.1:50051"},
                                   {"mqtt", "10.0.0.1:1883"},
                                   {"tcp", "10.0.0.1:80"},
                                   {"icmp", "10.0.0.1"},
                                   {"dns", "bank"},
                                   {"redis", "10.0.0.1:6379"},
                                   {"postgresql", "postgresql://10.0.0.1/shop"},
                                   {"mysql", "mysql://app@10.0.0.1/shop"},
                                   {"kafka", "10.0.0.1:9092"},
                                   {"exec", "curl -s shop"}}) {
    if (probe::lacking(*probe::find_kind(kind)) != nullptr) continue;
    const auto parsed = plan::parse_text(
        plan_of({"sever", "--on", "netns=shop", "--for", "60s", std::string("--probe-") + kind, what}), "inject.toml");
    ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
    ASSERT_EQ(parsed.plan.probes.size(), 1u) << kind;
    const plan::Probe& probe = parsed.plan.probes[0];
    EXPECT_EQ(probe.kind->name(), kind);
    EXPECT_EQ(probe.kind->runs_program() ? probe.program().back() : probe.subject(), what);
  }
}

// The namespace is not there, so that nothing would come of it anyway.
TEST(InjectCommand, ADryRunIsAnExplanation) {
  const std::vector<std::string> words = {"inject", "sever", "--on",     "netns=faultline-no-such",
                                          "--for",  "1s",    "--dry-run"};
  EXPECT_TRUE(has(say(words).out, "nothing is touched"));
  auto as_json = words;
  as_json.push_back("--json");
  EXPECT_EQ(nlohmann::json::parse(say(as_json).out).at("faults").at(0).at("kind"), "sever");
}

TEST(InjectCommand, ADryRunLooksWhenAskedTo) {
  const std::vector<std::string> words = {"inject", "sever",     "--on",  "netns=faultline-no-such", "--for", "1s",
                                          "--json", "--dry-run", "--look"};
  const Said said = say(words);
  const auto now = nlohmann::json::parse(said.out).at("faults").at(0).at("now");
  EXPECT_EQ(said.status == 4, now.at("missing")) << "as root";
  EXPECT_TRUE(has(now.at("why_not").get<std::string>(), "faultline-no-such")) << now.dump();
  const Said without = say({words.begin(), words.end() - 1});
  EXPECT_EQ(without.status, 0) << "nothing was looked up";
  EXPECT_FALSE(nlohmann::json::parse(without.out).at("faults").at(0).at("now").at("looked"));
  EXPECT_EQ(say({"inject", "sever", "--on", "netns=x", "--for", "1s", "--look"}).status, 3) << "it needs --dry-run";
}

TEST(InjectCommand, ALookupMayNameItsServer) {
  for (const auto& [what, name, server] : {std::tuple{"shop.example@10.0.0.53", "shop.example", "10.0.0.53"},
                                           {"shop.example@[fd00::53]:5353", "shop.example", "[fd00::53]:5353"},
                                           {"shop.example", "shop.example", ""}}) {
    const auto parsed =
        plan::parse_text(plan_of({"sever", "--on", "netns=shop", "--for", "60s", "--probe-dns", what}), "inject.toml");
    ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
    EXPECT_EQ(parsed.plan.probes.at(0).subject(), name);
    EXPECT_EQ(parsed.plan.probes.at(0).params.text("server"), server);
  }
}

TEST(InjectCommand, APartitionsGroupsNameWhatOnSays) {
  const std::vector<std::string> members{"partition", "--on",    "netns=a", "--on", "netns=b",
                                         "--on",      "netns=c", "--for",   "60s"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> words = members;
    words.insert(words.end(), more.begin(), more.end());
    const auto parsed = plan::parse_text(plan_of(words), "inject.toml");
    EXPECT_TRUE(parsed.ok()) << plan::render(parsed);
    return parsed.plan.faults.at(0).legs.size();
  };
  EXPECT_EQ(with({"--groups", R"([["on1", "on2"], ["on3"]])"}), 3u) << "each member has its own";
  EXPECT_EQ(with({"--edges", R"([["on1", "on3"]])"}), 2u);
  EXPECT_GT(with({"--shape", "halves"}), 0u);
  EXPECT_TRUE(has(say({"inject", "partition", "--help"}).out, R"('[["on1", "on2"], ["on3"]]')"))
      << "as it is to be typed";
}

TEST(InjectCommand, WhatIsAListMayBeRepeated) {
  for (const auto& names : {std::vector<std::string>{"--names", "*.internal", "--names", "shop.example"},
                            {"--names", "*.internal,shop.example"},
                            {"--names", R"(["*.internal", "shop.example"])"}}) {
    std::vector<std::string> words{"dns", "--on", "netns=shop", "--for", "60s", "--answer", "nxdomain"};
    words.insert(words.end(), names.begin(), names.end());
    const std::string text = plan_of(words);
    EXPECT_TRUE(has(text, R"(["*.internal", "shop.example"])")) << text;
  }
}

TEST(InjectCommand, AProbeAsksFromTheTargetWhereThatIsNotClear) {
  const auto from = [](std::vector<std::string> where) {
    std::vector<std::string> words{"sever", "--for", "60s", "--probe-icmp", "10.0.0.1"};
    words.insert(words.end(), where.begin(), where.end());
    const auto parsed = plan::parse_text(plan_of(words), "inject.toml");
    EXPECT_TRUE(parsed.ok()) << plan::render(parsed);
    return parsed.plan.probes.at(0).from;
  };
  EXPECT_EQ(from({"--on", "netns=a", "--on", "netns=b"}), "on1");
  EXPECT_EQ(from({"--on", "netns=a", "--peer", "netns=b"}), "on");
  EXPECT_EQ(from({"--on", "netns=a", "--peer", "netns=b", "--probe-from", "peer"}), "peer");
}

TEST(InjectCommand, APlanThatIsNotValidIsPrintedWithWhatIsWrong) {
  const Said said = say({"inject", "degrade", "--on", "netns=shop", "--for", "60s", "--delay", "fast", "--print-plan"});
  EXPECT_EQ(said.status, 3);
  EXPECT_TRUE(has(said.out, "\"fast\""));
  EXPECT_TRUE(has(said.error, "inject-degrade.toml"));
}

TEST(InjectCommand, DottedKeysAndRunsWithoutAProbeEndSoonAfterTheFault) {
  const std::string text = plan_of({"machine-room-jitter", "--on", "netns=shop", "--episodes.every", "5s",
                                    "--episodes.last", "1s", "--delay", "100ms", "--for", "60s"});
  const auto parsed = plan::parse_text(text, "inject.toml");
  ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
  EXPECT_EQ(parsed.plan.faults.at(0).start, 0);
  EXPECT_EQ(parsed.plan.duration, 61 * kSecond);
}

TEST(InjectCommand, RefusesWhatHasNoEndOrNoPlace) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"inject"}, "subcommand"},
      {{"inject", "degrade", "--delay", "1ms", "--for", "1s"}, "--on is required"},
      {{"inject", "degrade", "--on", "netns=shop", "--delay", "1ms"}, "--until-stopped"},
      {{"inject", "degrade", "--on", "netns=shop", "--delay", "1ms", "--for", "1s", "--until-stopped"}, "exclude"},
      {{"inject", "degrade", "--on", "netns=shop", "--delay", "1ms", "--for", "1s", "--probe-tcp", "a:1",
        "--probe-icmp", "a"},
       "inject has one probe"},
      {{"inject", "degrade", "--on", "shop", "--delay", "1ms", "--for", "1s"}, "netns=shop"},
      {{"inject", "degrade", "--on", "netns=shop", "--delay", "100", "--for", "1s", "--dry-run"},
       "inject-degrade.toml:"},
      {{"inject", "degrade", "--on", "netns=shop", "--for", "1s", "--dry-run"}, "does nothing"},
      {{"inject", "degrade", "--on", "nets=shop", "--delay", "1ms", "--for", "1s", "--dry-run"}, "netns"},
      {{"inject", "degrade", "--on", "netns=shop", "--delay", "1ms", "--for", "1s", "--success", ">= 1%"},
       "need a probe"},
  };
  for (const auto& [words, what] : mistakes) {
    const Said said = say(words);
    EXPECT_EQ(said.status, 3) << what;
    EXPECT_TRUE(has(said.error, what)) << what << " is missing in: " << said.error;
  }
  const auto endless = plan::parse_text(plan_of({"sever", "--on", "netns=shop", "--until-stopped"}), "inject.toml");
  EXPECT_TRUE(endless.ok()) << plan::render(endless);
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
  const Said said = say({"new", "--kind", "sever", "--target", "netns=shop", "--peer", "address=10.0.0.0/8", "--probe",
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
