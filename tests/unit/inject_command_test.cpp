// faultline inject: options that become a plan.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "faults/kind.h"
#include "injector/plan/parse.h"
#include "injector/probe/library.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::cli {
namespace {

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

}  // namespace
}  // namespace faultline::cli
