#include <gtest/gtest.h>

#include "injector/base/error.h"
#include "tests/harness/asking.h"
#include "tests/harness/processes.h"

namespace faultline::test {
namespace {

class ProbeExec : public testing::Test {
 protected:
  static probe::Probe command(std::vector<std::string> argv) {
    auto p = probe_of("exec", std::move(argv));
    p.name = "job";
    p.every = 100 * kMillisecond;
    p.timeout = 20 * kSecond;
    return p;
  }
  Verdicts four(const probe::Probe& probe) {
    const auto samples = ask(probe, ns_, 4 * probe.every, {}, nursery_.get());
    EXPECT_TRUE(complete(samples, probe.every, 4));
    return verdicts(samples);
  }
  const NetNs ns_ = loopback_ns();
  std::unique_ptr<nursery::Nursery> nursery_ = nursery::Nursery::start();
};

TEST_F(ProbeExec, TheExitStatusDecides) {
  EXPECT_EQ(four(command({"true"})), (Verdicts{{"ok", 4}}));
  auto three = command({"sh", "-c", "exit 3"});
  EXPECT_EQ(four(three), (Verdicts{{"exit 3", 4}}));
  three.params.set("expect.exit", 3);
  EXPECT_EQ(four(three), (Verdicts{{"ok", 4}}));
  EXPECT_EQ(four(command({"sh", "-c", "kill -TERM $$"})), (Verdicts{{"signal 15", 4}}));
}

TEST_F(ProbeExec, TheOutputMustHoldWhatIsExpected) {
  auto probe = command({"echo", "balance: 12"});
  probe.params.set("expect.body", "balance");
  EXPECT_EQ(four(probe), (Verdicts{{"ok", 4}}));
  probe.params.set("expect.body", "overdrawn");
  EXPECT_EQ(four(probe), (Verdicts{{"body", 4}}));
}

TEST_F(ProbeExec, SaysWhatWasWantedAndWhatWasSeen) {
  const auto told = [&](const probe::Probe& probe) {
    const auto samples = ask(probe, ns_, probe.every, {}, nursery_.get());
    return samples.empty() || !samples.front().said ? std::string("nothing") : samples.front().said->mismatch;
  };
  EXPECT_EQ(told(command({"sh", "-c", "exit 3"})), "exit status: 0 wanted, 3 seen") << "also of one that wrote nothing";
  EXPECT_EQ(told(command({"sh", "-c", "kill -TERM $$"})), "exit status: 0 wanted, an end by signal 15 seen");
  auto probe = command({"echo", "balance: 12"});
  probe.params.set("expect.body", "overdrawn");
  EXPECT_EQ(told(probe), "output: \"overdrawn\" wanted in it, and not there");
  probe = command({"echo", R"({"sum": "much"})"});
  probe.params.set("value", "/sum");
  EXPECT_EQ(told(probe), R"(JSON field /sum: a number wanted, "much" seen)");
  probe.params.set("value", "/rest");
  EXPECT_EQ(told(probe), "JSON field /rest: a number wanted, no such field seen");
  EXPECT_EQ(told(command({"true"})), "nothing");
}

TEST_F(ProbeExec, OutputBeyondWhatIsKeptHoldsNobodyUp) {
  auto probe = command({"sh", "-c", "echo start; head -c 3000000 /dev/zero; echo end"});
  probe.params.set("expect.body", "start");
  EXPECT_EQ(four(probe), (Verdicts{{"ok", 4}}));
  probe.params.set("expect.body", "end");
  EXPECT_EQ(four(probe), (Verdicts{{"body", 4}}));
}

TEST_F(ProbeExec, AGrandchildThatKeepsTheOutputOpenIsNotAwaited) {
  auto probe = command({"sh", "-c", "sleep 60 & echo done"});
  probe.params.set("expect.body", "done");
  EXPECT_EQ(four(probe), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeExec, RunsInTheNetworkNamespace) {
  auto probe = command({"sh", "-c", "wc -l < /proc/net/dev"});
  probe.params.set("expect.body", "3");  // two lines of heading, and lo
  EXPECT_EQ(four(probe), (Verdicts{{"ok", 4}}));
}

TEST_F(ProbeExec, OneThatDoesNotEndIsKilledAndATimeout) {
  const std::string word = marker();
  auto probe = command({"sh", "-c", "sleep 600; : " + word});
  probe.timeout = 300 * kMillisecond;
  EXPECT_EQ(four(probe), (Verdicts{{"timeout", 4}}));
  EXPECT_TRUE(eventually([&] { return processes_with(word) == 0; }));
}

TEST_F(ProbeExec, AbortKillsWhatIsUnderWay) {
  const std::string word = marker();
  auto probe = command({"sh", "-c", "sleep 600; : " + word});
  probe.timeout = 600 * kSecond;
  Samples samples;
  probe::Prober prober(probe, 0, {&ns_, "", {}}, nursery_.get(), samples.sink());
  prober.start(monotonic_now(), 100 * kSecond);
  ASSERT_TRUE(eventually([&] { return processes_with(word) > 0; }));
  prober.abort();
  EXPECT_TRUE(samples.all().empty());
  EXPECT_TRUE(eventually([&] { return processes_with(word) == 0; }));
}

TEST_F(ProbeExec, SlowCommandsRunSideBySideUpToTheBound) {
  auto probe = command({"sleep", "600"});
  probe.every = 5 * kMillisecond;
  probe.timeout = 5 * kSecond;
  const auto samples = ask(probe, ns_, 400 * kMillisecond, {}, nursery_.get());
  EXPECT_EQ(verdicts(samples), (Verdicts{{"overload", 16}, {"timeout", 64}}));
}

TEST_F(ProbeExec, ACommandThatIsNotThereIsRefusedBeforeTheRun) {
  Samples samples;
  for (const char* program : {"no-such-command-here", "/usr/bin/no-such-command-here", "/etc", "/etc/passwd"}) {
    try {
      probe::Prober prober(command({program}), 0, {&ns_, "", {}}, nursery_.get(), samples.sink());
      ADD_FAILURE() << program;
    } catch (const Failure& f) {
      EXPECT_EQ(f.status(), Exit::cannot_run);
      EXPECT_NE(std::string(f.what()).find(program), std::string::npos) << f.what();
    }
  }
}

}  // namespace
}  // namespace faultline::test
