// The options of `faultline run` that say how a plan is run, as the process takes them.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>

#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/base/text.h"
#include "injector/record/journal.h"
#include "tests/harness/command.h"
#include "tests/harness/statuses.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

using nlohmann::json;

struct RunOptionsTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// 20 % loss from 10 s to 50 s; at a scale of 1:20 that is 500 ms to 2.5 s of 3 s.
  std::string plan() const {
    return fmt::format(R"(
seed = 1
duration = {{ true = "60s", scaled = "30s" }}
[targets.victim]
netns = "{}"
[probes.ping]
icmp = "${{to}}"
from = "victim"
every = "20ms"
timeout = "300ms"
[vars]
to = "10.7.0.99"
[[faults]]
name = "lossy"
kind = "degrade"
on = "victim"
peer = "them"
start = {{ true = "10s", scaled = "5s" }}
for = {{ true = "40s", scaled = "20s" }}
loss = "20%"
[targets.them]
address = "10.7.0.2"
)",
                       net.path());
  }

  Command start(std::vector<std::string> more, int input = -1) {
    out = folder.path() / fmt::format("run{}", ++runs);
    return Command::run(folder.write("plan.toml", plan()), out, std::move(more), input);
  }

  /// One that waits for a line from `answers` before its fault.
  Command start_in_steps(const char* scale = "1:20") {
    int ends[2];
    check("make a pipe", pipe2(ends, O_CLOEXEC));
    const Fd input(ends[0]);
    answers = Fd(ends[1]);
    return start({"--step", "--scale", scale, "--var", "to=10.7.0.2"}, input.get());
  }

  json event(const std::string& name) const {
    for (const auto& e : journal_of(out))
      if (e["event"] == name) return e;
    return nullptr;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out;
  Fd answers;
  int runs = 0;
};

TEST_F(RunOptionsTest, ScaleSeedAndVariablesOfTheProcess) {
  Command run = start({"--scale", "1:20", "--seed", "77", "--var", "to=10.7.0.2", "--json", "--tolerance", "5%",
                       "--tolerance-of-loss", "20%"});
  const auto status = run.wait(60 * kSecond);
  ASSERT_TRUE(status) << run.errors();
  EXPECT_LE(*status, 2) << run.out() << run.errors();
  const json s = summary_of(out);
  EXPECT_EQ(s["seed"], 77);
  EXPECT_EQ(s["scale"], 20);
  EXPECT_EQ(s["duration_s"], 3);
  EXPECT_EQ(s["tolerance"], json({{"packets", 0.05}, {"of_loss", 0.2}}));
  EXPECT_EQ(s["faults"][0]["start_s"], 0.5);
  EXPECT_EQ(s["faults"][0]["end_s"], 2.5);
  EXPECT_EQ(s["probes"][0]["subject"], "10.7.0.2");
  EXPECT_GT(s["faults"][0]["packets_dropped"], 0);
  EXPECT_EQ(run.errors(), "") << "with --quiet";
  // --json prints the summary, and nothing beside it.
  EXPECT_EQ(json::parse(run.out()), s);
  EXPECT_EQ(event("run")["vars"], json({{"to", "10.7.0.2"}}));
}

// What is asked holds it, so that it would stand in the record: among the variables, as the subject, in the report.
TEST_F(RunOptionsTest, AVariableFromAFileIsASecret) {
  Command run = start({"--scale", "1:60", "--var-file", "to=" + folder.write("secret", "10.7.0.2\n").string()});
  ASSERT_LE(run.wait(60 * kSecond), 2) << run.errors();
  EXPECT_EQ(event("run")["vars"], json({{"to", "***"}}));
  EXPECT_EQ(event("run")["secrets_from_files"], true);
  const json s = summary_of(out);
  EXPECT_EQ(s["probes"][0]["subject"], "***");
  EXPECT_GT(s["probes"][0]["phases"][0]["ok"], 0) << "it was asked all the same";
  EXPECT_NE(s["repeat"].get<std::string>().find("--var-file to="), std::string::npos) << s["repeat"];
  EXPECT_EQ(s["repeat_masked"], false);
}

TEST_F(RunOptionsTest, TheRunFolderHasThePlanAndReportMakesTheRestAgain) {
  Command run = start({"--scale", "1:60", "--var", "to=10.7.0.2"});
  ASSERT_LE(run.wait(60 * kSecond), 2) << run.errors();
  std::ifstream kept(out / "plan.toml");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), plan())
      << "as it was written, whatever the variables were";
  const json before = summary_of(out);
  for (const char* name : {"report.html", "summary.json", "junit.xml"})
    EXPECT_TRUE(std::filesystem::remove(out / name)) << name;
  const Said said = say({"report", out});
  EXPECT_EQ(said.status, 0) << said.errors;
  EXPECT_TRUE(std::filesystem::exists(out / "report.html"));
  EXPECT_EQ(summary_of(out), before) << "the journal is the only truth";
  EXPECT_EQ(say({"report", folder.path() / "nothing"}).status, 3);
}

TEST_F(RunOptionsTest, TheReportsCommandRepeatsTheRun) {
  ASSERT_EQ(setenv("SUDO_UID", "0", 1), 0);  // as sudo does
  Command run = start({"--seed", "77", "--scale", "1:60", "--engine", "clsact", "--var", "to=10.7.0.2", "--at",
                       rfc3339(wall_now() + 20 * kSecond)});
  unsetenv("SUDO_UID");
  ASSERT_TRUE(await_event(out, "plan")) << run.errors();
  run.signal(SIGINT);
  ASSERT_EQ(run.wait(60 * kSecond), 5) << run.errors();
  const auto first = event("plan"), began = event("run");
  const std::string repeat = summary_of(out)["repeat"];
  EXPECT_EQ(repeat, fmt::format("sudo {} run {}/plan.toml --scale 1:60 --var to=10.7.0.2 --engine clsact --seed 77",
                                binary(), folder.path().string()));
  for (const std::string& command :
       {repeat, fmt::format("{} run {}/plan.toml --scale 1:60 --var to=10.7.0.2 "
                            "--engine clsact --seed 77",
                            binary(), out.string())}) {  // and so does the copy of the plan
    out = folder.path() / fmt::format("run{}", ++runs);
    const auto words = fmt::format("cd / && sudo() {{ exec \"$@\"; }}; {} --quiet --out {}", command, out.string());
    Command again({"bash", "-c", words});
    ASSERT_TRUE(await_event(out, "plan")) << again.errors();
    again.signal(SIGINT);
    EXPECT_EQ(again.wait(60 * kSecond), 5) << again.errors();
    auto second = event("plan");
    for (const char* changes : {"at", "mono"}) second[changes] = first[changes];
    EXPECT_EQ(second, first);
    EXPECT_EQ(event("run")["seed"], 77);
    EXPECT_EQ(event("run")["engine"], "clsact");
    EXPECT_EQ(event("run")["vars"], began["vars"]);
    EXPECT_TRUE(summary_of(out)["repeat"].get<std::string>().starts_with(binary())) << "sudo did not call it";
    for (const auto& e : journal_of(out))
      if (e["event"] == "warning") {
        EXPECT_EQ(e["message"].get<std::string>().find("for want of"), std::string::npos);
      }
  }
}

TEST_F(RunOptionsTest, WithoutScaleTheScaledValuesRun) {
  Command run = start({"--var", "to=10.7.0.2"});
  ASSERT_TRUE(await_event(out, "plan")) << run.errors();
  EXPECT_EQ(event("plan")["duration"], 30 * kSecond);
  EXPECT_EQ(event("plan")["faults"][0]["start"], 5 * kSecond);
  EXPECT_EQ(event("run")["seed"], 1);
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5);
}

TEST_F(RunOptionsTest, EqualSeedsLoseTheSamePackets) {
  // One request at a time and nobody else: the numbers of the packets are the same, and so are the draws.
  const auto failed = [&](const std::string& seed) {
    Command run = start({"--scale", "1:20", "--seed", seed, "--var", "to=10.7.0.2"});
    EXPECT_TRUE(came_to_its_end(run.wait(60 * kSecond))) << run.errors();
    std::vector<Ns> due;
    for (const auto& e : journal_of(out))
      if (e["event"] == "sample" && e["due"] >= 600 * kMillisecond && e["due"] < 2 * kSecond && !e["ok"].get<bool>())
        due.push_back(e["due"].get<Ns>());
    return due;
  };
  const auto first = failed("5"), again = failed("5"), other = failed("6");
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST_F(RunOptionsTest, AtIsTheInstantOfItsBeginning) {
  const std::time_t at = std::time(nullptr) + 6;
  std::tm utc{};
  gmtime_r(&at, &utc);
  const std::string instant = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                                          utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  Command run = start({"--scale", "1:20", "--var", "to=10.7.0.2", "--at", instant});
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  EXPECT_LT(std::time(nullptr), at) << "it was armed ahead";
  EXPECT_TRUE(came_to_its_end(run.wait(60 * kSecond))) << run.errors();
  const json t0 = event("t0");
  EXPECT_EQ(t0["wall"].get<std::string>().substr(0, 23), instant.substr(0, 19) + ".000")
      << "a clock that steps meanwhile apart";
  const json begin = event("fault_begin");
  EXPECT_GE(begin["mono"].get<Ns>() - t0["epoch"].get<Ns>(), 500 * kMillisecond);
  EXPECT_GT(summary_of(out)["faults"][0]["packets_dropped"], 0);
}

TEST_F(RunOptionsTest, AnInstantThatIsPastIsRefused) {
  Command run = start({"--at", "2019-12-05T02:00:00Z"});
  EXPECT_EQ(run.wait(30 * kSecond), 3);
  EXPECT_NE(run.errors().find("past"), std::string::npos) << run.errors();
}

// The wait is longer than the run: without it everything would be over.
TEST_F(RunOptionsTest, AStepWaitsUntilItIsConfirmedAndTheClockWithIt) {
  Command run = start_in_steps("1:40");
  ASSERT_TRUE(await_event(out, "hold")) << run.errors();
  usleep(2'000'000);
  EXPECT_EQ(event("fault_begin"), nullptr) << "nobody has said so";
  EXPECT_EQ(write(answers.get(), "\n", 1), 1);
  ASSERT_TRUE(came_to_its_end(run.wait(60 * kSecond))) << run.errors();
  const json s = summary_of(out);
  EXPECT_GE(s["waited_s"].get<double>(), 2.0);
  EXPECT_LT(s["observed_s"].get<double>(), 1.95) << "by a clock that stood still";
  EXPECT_GE(s["faults"][0]["first_affected_s"].get<double>(), 0.25);
  EXPECT_LT(s["faults"][0]["last_affected_s"].get<double>(), 1.25);
  EXPECT_EQ(s["probes"][0]["late_sends"], 0);
  EXPECT_EQ(event("hold")["faults"], json({"lossy"}));
  EXPECT_EQ(s["notes"].at(0)["text"].get<std::string>().substr(0, 22), "lossy: confirmed after");
  Ns last = -kSecond;
  for (const auto& e : journal_of(out)) {
    if (!e.contains("t") || e["event"] == "sample" || e["event"] == "samples") continue;
    EXPECT_GE(e["t"].get<Ns>(), last) << e;
    last = e["t"].get<Ns>();
  }
}

TEST_F(RunOptionsTest, AnotherTerminalSeesThatAStepWaits) {
  Command run = start_in_steps();
  ASSERT_TRUE(await_event(out, "hold")) << run.errors();
  const auto line = [&] {
    const std::string all = say({"list", "--runs"}).out, pid = std::to_string(run.pid());
    const auto at = all.find(pid);
    return at == std::string::npos ? "" : all.substr(at, all.find('\n', at) - at);
  };
  EXPECT_NE(line().find("waits for Enter before lossy"), std::string::npos) << line();
  ASSERT_EQ(write(answers.get(), "\n", 1), 1);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_EQ(line().find("waits"), std::string::npos) << line();
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5);
}

TEST_F(RunOptionsTest, AStepThatNobodyCanConfirmHeals) {
  Command run = start({"--step", "--scale", "1:20", "--var", "to=10.7.0.2"});  // its standard input is /dev/null
  EXPECT_EQ(run.wait(60 * kSecond), 5) << run.errors();
  const json s = summary_of(out);
  EXPECT_NE(s["abort"]["reason"].get<std::string>().find("standard input has ended"), std::string::npos);
  EXPECT_EQ(s["faults"][0]["packets_dropped"], 0);
}

TEST_F(RunOptionsTest, AStepCanBeDeclined) {
  Command run = start_in_steps();
  ASSERT_TRUE(await_event(out, "hold")) << run.errors();
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(60 * kSecond), 5) << run.errors();
  EXPECT_EQ(summary_of(out)["faults"][0]["packets_dropped"], 0);
}

}  // namespace
}  // namespace faultline::test
