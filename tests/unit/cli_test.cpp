// The command line as a user types it: the exit status, and what is said about a mistake.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "injector/cli/app.h"
#include "injector/cli/experiments.h"
#include "injector/cli/terminal.h"
#include "tests/harness/command.h"
#include "tests/unit/say.h"

namespace faultline::cli {
namespace {

std::string shipped(const std::string& name) { return std::string(FAULTLINE_SOURCE_DIR "/experiments/") + name; }

TEST(CommandLine, HelpTellsTheExitStatuses) {
  for (const auto& words : {std::vector<std::string>{"--help"},
                            {"run", "--help"},
                            {"check", "--help"},
                            {"stop", "--help"},
                            {"note", "--help"},
                            {"lab", "exec", "--help"},
                            {"report", "--help"},
                            {"compare", "--help"}}) {
    const Said said = say(words);
    EXPECT_EQ(said.status, 0);
    EXPECT_NE(said.out.find("xit status"), std::string::npos) << said.out;
  }
  EXPECT_EQ(say({"--version"}).status, 0);
}

TEST(CommandLine, AnExperimentIsKnownByAPartOfItsName) {
  const std::vector<std::string> names{"alipay-2019-machine-room-jitter", "alipay-2021-flash-crowd", "hello"};
  std::vector<std::string> others;
  EXPECT_EQ(cli::named_by_part("alipay-2019", names, others), names[0]);
  EXPECT_EQ(cli::named_by_part("Flash", names, others), names[1]);
  EXPECT_EQ(cli::named_by_part("he", names, others), "") << "too short to be meant";
  EXPECT_TRUE(others.empty());
  EXPECT_EQ(cli::named_by_part("alipay", names, others), "");
  EXPECT_EQ(others, (std::vector<std::string>{names[0], names[1]}));
  EXPECT_EQ(say({"explain", "flash-crowd"}).status, 0);
}

TEST(CommandLine, MistakesInArgumentsAreInvalid) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{}, "faultline explain hello"},  // not 0: a script that lost its words has not passed
      {{"chek", "x"}, "did you mean `check`"},
      {{"explain", "x"}, "no shipped experiment `x`"},
      {{"run", "helo"}, "did you mean `hello`"},
      {{"run", "Alipay"}, "`Alipay` may be any of alipay-2015-fibre-cut, alipay-2019-machine-room-jitter"},
      {{"frobnicate"}, "no command `frobnicate`"},
      {{"stop"}, "say which run"},
      {{"stop", "hello", "--all"}, "say which run"},
      {{"note"}, "TEXT is required"},
      {{"note", "  "}, "empty"},
      {{"lab"}, "subcommand"},
      {{"lab", "exec"}, "HOST is required"},
      {{"run"}, "PLAN is required"},
      {{"run", "/no/such/plan.toml"}, "/no/such/plan.toml"},
      {{"run", shipped("hello.toml"), "--out", ""}, "--out: the value is empty"},
      {{"run", shipped("hello.toml"), "--out="}, "--out"},
      {{"run", shipped("hello.toml"), "--seed", ""}, "--seed: the value is empty"},
      {{"run", shipped("hello.toml"), "--at", ""}, "--at: the value is empty"},
      {{"inject", "sever", "--on", "netns=a", "--for", "1s", "--out", ""}, "--out: the value is empty"},
      {{"inject", "sever", "--on", "netns=a", "--until-stopped", "--peer", ""}, "--peer: the value is empty"},
      {{"new", "--output", ""}, "--output: the value is empty"},
      {{"run", shipped("hello.toml"), "--seed", "many"},
       "--seed many: write a whole number from 0 to 9223372036854775807"},
      {{"run", shipped("hello.toml"), "--seed", "-1"}, "--seed -1: write a whole number"},
      {{"run", shipped("hello.toml"), "--seed", "99999999999999999999"},
       "--seed 99999999999999999999: write a whole number"},
      {{"run", shipped("hello.toml"), "--sede", "1"}, "did you mean `--seed`"},
      {{"inject", "sevr", "--on", "netns=a"}, "did you mean `inject sever`"},
      {{"inject", "degrade", "--on", "netns=a", "--dealy", "3ms", "--for", "1s"},
       "`faultline inject degrade` has no option `--dealy`; did you mean `--delay`?"},
      {{"lab", "exce"}, "did you mean `lab exec`"},
      {{"run", shipped("hello.toml"), "--scale", "30"}, "--scale"},
      {{"run", shipped("hello.toml"), "--at", "noon"}, "RFC 3339"},
      {{"run", shipped("hello.toml"), "--var", "room"}, "name=value"},
      {{"check", shipped("hello.toml"), "--set", "slow"}, "FAULT.KEY=VALUE"},
      {{"run", shipped("hello.toml"), "--engine", "magic"}, "--engine"},
      {{"run", shipped("hello.toml"), "--tolerance", "1"}, "--tolerance 1"},
      {{"inject", "sever", "--on", "netns=a", "--for", "1s", "--tolerance", "1"}, "--tolerance 1"},
      {{"inject", "sever", "--on", "netns=a", "--for", "1s", "--tolerance-of-loss", "few"}, "--tolerance-of-loss few"},
      {{"run", shipped("hello.toml"), "--tolerance-of-loss", "few"}, "--tolerance-of-loss few"},
      {{"check", "/no/such/plan.toml"}, "/no/such/plan.toml"},
  };
  for (const auto& [words, what] : mistakes) {
    const Said said = say(words);
    EXPECT_EQ(said.status, 3) << what;
    EXPECT_NE(said.error.find(what), std::string::npos) << what << " is missing in: " << said.error;
    EXPECT_EQ(said.out, "") << "mistakes go to stderr";
  }
}

TEST(CommandLine, CheckSaysOkForPeopleAndForMachines) {
  const Said people = say({"check", shipped("hello.toml")});
  EXPECT_EQ(people.status, 0) << people.error;
  EXPECT_NE(people.out.find("hello.toml: ok"), std::string::npos) << people.out;
  const Said machines = say({"check", "--json", shipped("hello.toml"), "/no/such/plan.toml"});
  EXPECT_EQ(machines.status, 3);
  EXPECT_NE(machines.out.find("\"ok\": true"), std::string::npos) << machines.out;
  EXPECT_NE(machines.out.find("\"ok\": false"), std::string::npos) << machines.out;
}

TEST(CommandLine, WhoAsksForJsonIsToldMistakesInItByEveryCommand) {
  const test::TemporaryFolder folder;
  const std::string wrong = folder.write("wrong.toml", "nonsense = 1\n");
  const auto checked = nlohmann::json::parse(say({"check", "--json", wrong}).out)[0];
  ASSERT_FALSE(checked["diagnostics"].empty());
  const std::vector<std::vector<std::string>> commands{
      {"run", wrong},
      {"explain", wrong},
      {"margin", wrong, "--vary", "cut.delay", "--from", "1ms", "--to", "2ms"},
      {"margin", wrong, "--vary", "cut.delay", "--from", "1ms", "--to", "2ms", "--against", "cut.loss=1%,2%"}};
  for (auto command : commands) {
    command.emplace_back("--json");
    const Said said = say(command);
    EXPECT_EQ(said.status, 3) << command[0];
    auto found = nlohmann::json::parse(said.out, nullptr, false);
    ASSERT_TRUE(found.is_object() && !found["diagnostics"].empty()) << command[0] << ": " << said.out;
    EXPECT_EQ(found["diagnostics"].back(), checked["diagnostics"].back()) << command[0];
    found["diagnostics"] = checked["diagnostics"];  // of margin also that there is nothing to vary
    EXPECT_EQ(found["exit_code"], 3) << command[0];
    found.erase("exit_code");
    EXPECT_EQ(found, checked) << command[0];
    EXPECT_NE(said.error.find("nonsense"), std::string::npos) << command[0] << ": " << said.error;
  }
}

TEST(CommandLine, WhoAsksForJsonIsToldInItWhyNothingCame) {
  const std::vector<std::vector<std::string>> commands{{"run", "no-such-plan", "--json"},
                                                       {"report", "/nowhere", "--json"},
                                                       {"compare", "/nowhere", "/nowhere", "--json"},
                                                       {"stop", "no-such-run", "--json"},
                                                       {"run", "--json", "--no-such-option"}};
  for (const auto& command : commands) {
    const Said said = say(command);
    const auto told = nlohmann::json::parse(said.out, nullptr, false);
    ASSERT_TRUE(told.is_object()) << command[0] << ": " << said.out;
    EXPECT_EQ(told["exit_code"], said.status) << command[0];
    EXPECT_NE(said.status, 0) << command[0];
    EXPECT_EQ("faultline: " + told["error"].get<std::string>() + "\n", said.error) << command[0];
  }
  EXPECT_EQ(say({"run", "no-such-plan"}).out, "");
  const Said found = say({"check", "hello", "--json", "--junit", "/nowhere/x.xml"});
  EXPECT_EQ(found.status, 4);
  EXPECT_TRUE(nlohmann::json::parse(found.out, nullptr, false).is_array()) << "what was found, and no second document";
}

TEST(CommandLine, CheckReadsAPlanAsARunWould) {
  const Said scaled = say({"check", shipped("hello.toml"), "--seed", "77", "--scale", "1:2"});
  EXPECT_EQ(scaled.status, 0) << scaled.error;
  EXPECT_NE(scaled.out.find("6s long"), std::string::npos) << scaled.out;
  EXPECT_EQ(say({"check", shipped("hello.toml"), "--seed", "many"}).status, 3);
}

TEST(CommandLine, CheckHereFindsWhatAPlanLacks) {
  const test::TemporaryFolder folder;
  const std::string lab = "[probes.ping]\nicmp = \"127.0.0.1\"\n[lab.rooms.r]\n[lab.hosts.h]\nroom = \"r\"\n";
  const std::string lacks = folder.write("lacks.toml", lab + "command = [\"no-such-server\"]\n"),
                    whole = folder.write("whole.toml", lab + "command = [\"sh\"]\n"),
                    wrong = folder.write("wrong.toml", "nonsense = 1\n");
  EXPECT_EQ(say({"check", lacks}).status, 0) << "it looks at this machine unasked";
  const Said said = say({"check", "--here", whole, lacks});
  EXPECT_EQ(said.status, 4) << said.error;
  EXPECT_NE(said.error.find("lacks.toml:4: lab host \"h\" needs the program \"no-such-server\""), std::string::npos)
      << said.error;
  EXPECT_EQ(say({"check", "--here", whole}).status, 0);
  EXPECT_EQ(say({"check", "--here", lacks, wrong}).status, 3) << "a mistake is worse";
  const Said machines = say({"check", "--here", "--json", lacks});
  EXPECT_EQ(machines.status, 4);
  EXPECT_NE(machines.out.find("no-such-server"), std::string::npos) << machines.out;
}

TEST(CommandLine, ALongLabelKeepsApartFromItsText) {
  EXPECT_EQ(beside("short", 5, "one two", 16, 8), "short   one two\n");
  EXPECT_EQ(beside("rather long", 11, "one two", 16, 8), "rather long one\n        two\n");
}

TEST(CommandLine, AVariableDoesNotSwallowThePlan) {
  const Said said = say({"check", "--var", "no=such", shipped("hello.toml")});
  EXPECT_EQ(said.status, 3);
  EXPECT_NE(said.error.find("no such variable"), std::string::npos) << said.error;
}

TEST(CommandLine, AVariableFromAFileIsASecret) {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
    return "value=" + (folder.path() / name).string();
  };
  const std::string path = folder.path() / "plan.toml";
  std::ofstream(path)
      << "[vars]\nvalue = \"5s\"\n[targets.a]\nnetns = \"a\"\n[[faults]]\nkind = \"sever\"\non = \"a\"\n"
         "start = \"1s\"\nfor = \"${value}\"\n";
  EXPECT_EQ(say({"check", "--var-file", file("good", "7s\r\n"), path}).status, 0);
  EXPECT_NE(say({"explain", "--var-file", file("good", "7s\n"), path}).out.find("1s to 8s"), std::string::npos);
  const Said wrong = say({"check", "--var-file", file("wrong", "hunter2-hunter2\n"), path});
  EXPECT_EQ(wrong.status, 3);
  EXPECT_NE(wrong.error.find("for"), std::string::npos) << wrong.error;
  EXPECT_EQ(wrong.error.find("hunter2"), std::string::npos) << wrong.error;
  for (const auto& [given, said] :
       {std::pair<std::string, const char*>{"value=/nowhere/at/all", "cannot be read"},
        {file("empty", "\n"), "is empty"},
        {file("binary", std::string("a\0b", 3)), "NUL"},
        {file("huge", std::string(70000, 'x')), "64 KiB"},
        {"value", "write --var-file"},
        {"no" + file("good", "7s\n"), "--var-file novalue: the plan has no such variable"}}) {
    const Said refused = say({"check", "--var-file", given, path});
    EXPECT_EQ(refused.status, 3) << given;
    EXPECT_NE(refused.error.find(said), std::string::npos) << refused.error;
  }
  EXPECT_NE(say({"check", "--var", "value=1s", "--var-file", file("good", "7s\n"), path}).error.find("leave one out"),
            std::string::npos);
}

}  // namespace
}  // namespace faultline::cli
