// Nothing outlives us: the real binary is killed, stopped or asked to end at various instants of a run, under either
// kind of attachment. Traffic must be untouched at once, and a little later nothing of the run may be left.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "tests/harness/command.h"
#include "tests/harness/leftovers.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp_stream.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

/// Well below the lease of 250 ms: what ends the fault must be the owner check or the gate, not the lease. A noisy
/// machine may take this long to deliver the signal alone.
constexpr Ns kPrompt = 200 * kMillisecond;
/// Where user space must first hear of it.
constexpr Ns kSoon = kSecond;

struct KillTest : testing::TestWithParam<const char*> {
  static constexpr Ns kDelay = 100 * kMillisecond;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == std::string("tcx") && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
    devices = device_names(net.here);
  }

  /// A fault from 500 ms on that the whole run is in.
  std::string plan(const std::string& more = "") const { return VictimPlan{.netns = net.path(), .more = more}.text(); }

  Command start(const std::string& text) {
    return Command::run(folder.write("plan.toml", text), out, {"--engine", GetParam()});
  }

  /// What of the run is still in the target's namespace: devices, qdiscs, filters, programs.
  std::vector<std::string> left_in_target() const { return left_in(net.here, devices); }

  bool is_left(const std::string& what) const {
    const auto left = left_in_target();
    return std::any_of(left.begin(), left.end(), [&](const auto& one) { return one.find(what) != std::string::npos; });
  }
  /// How far a run has come, as can be seen from outside. Once there it stays, whatever becomes of the run.
  struct Sign {
    const char* what;
    std::function<bool(const Command&)> is_there;
  };
  /// Looks often, as it is the moment that counts; but a look takes locks of the kernel that the run wants as well.
  static void await(const Sign& sign, const Command& run) {
    for (const Ns end = monotonic_now() + 60 * kSecond; !sign.is_there(run); sleep(kMillisecond))
      ASSERT_LT(monotonic_now(), end) << run.errors();
  }

  /// Nothing of `had` within 5 s, and the target as it was.
  void expect_nothing_left(const Belongings& had) {
    std::vector<std::string> left;
    const Ns end = monotonic_now() + 5 * kSecond;
    do {
      left = left_in_target();
      for (auto& more : had.left({net.here.inode(), net.there.inode()})) left.push_back(std::move(more));
    } while (!left.empty() && monotonic_now() < end);
    for (const auto& one : left) ADD_FAILURE() << one;
  }

  /// That the fault bit before `instant`, and packets sent more than `limit` after it were untouched.
  static void expect_untouched_after(const std::vector<UdpStream::Packet>& packets, Ns instant, Ns limit) {
    std::size_t held = 0, touched_later = 0, later = 0;
    for (const auto& p : packets) {
      held += p.sent > instant - 400 * kMillisecond && p.sent < instant - 150 * kMillisecond && p.took() >= kDelay;
      if (p.sent < instant + limit) continue;
      later++;
      touched_later += p.took() >= kDelay / 2;
    }
    EXPECT_GT(held, 20u) << "the fault was not in force";
    EXPECT_GT(later, 20u);
    EXPECT_LT(touched_later, later / 10 + 1);  // a noisy machine may be slow at times
    const auto first = first_quick(packets, instant, kDelay / 2);
    ASSERT_TRUE(first);
    EXPECT_LT(*first, limit);
  }

  static void sleep(Ns time) {
    const timespec t{time / kSecond, time % kSecond};
    nanosleep(&t, nullptr);
  }

  /// A stream for 500 ms before `act` and 500 ms after it; what came of it is expected to be untouched.
  void expect_prompt(const std::function<void()>& act, Ns limit) {
    UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 1000);
    sleep(500 * kMillisecond);
    const Ns instant = monotonic_now();
    act();
    sleep(limit + 300 * kMillisecond);
    expect_untouched_after(stream.finish(), instant, limit);
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
  std::set<std::string> devices;
};

INSTANTIATE_TEST_SUITE_P(Engines, KillTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(KillTest, InTheMiddleOfAFault) {
  Command run = start(plan());
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  EXPECT_FALSE(had.programs.empty());
  EXPECT_EQ(had.links.empty(), GetParam() == std::string("clsact"));
  EXPECT_FALSE(left_in_target().empty());
  EXPECT_FALSE(had.left({net.here.inode(), net.there.inode()}).empty());
  expect_prompt([&] { run.signal(SIGKILL); }, kPrompt);
  EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  expect_nothing_left(had);
}

TEST_P(KillTest, WhilePreparing) {
  // Each comes after the one before it, from before the first step of the preparation to the last.
  const Sign signs[] = {
      {"begun", [](const Command&) { return true; }},
      {"a run folder", [&](const Command&) { return std::filesystem::exists(out); }},
      {"a journal", [&](const Command&) { return !journal_of(out).empty(); }},
      {"maps", [](const Command& run) { return !run.belongings().maps.empty(); }},
      {"programs", [](const Command& run) { return !run.belongings().programs.empty(); }},
      {"something at the target", [&](const Command&) { return !left_in_target().empty(); }},
      {"programs at the target", [&](const Command&) { return is_left("on eth0"); }},
      {"t0", [&](const Command&) { return await_event(out, "t0", "", 0); }},
  };
  for (const Sign& sign : signs) {
    SCOPED_TRACE(sign.what);
    out = folder.path() / sign.what;
    Command run = start(plan());
    await(sign, run);
    const Belongings had = run.belongings();
    run.signal(SIGKILL);
    EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
    expect_nothing_left(had);
  }
}

TEST_P(KillTest, InTheBaseline) {
  Command run = start(plan());
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  const Belongings had = run.belongings();
  run.signal(SIGKILL);
  EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  expect_nothing_left(had);
}

TEST_P(KillTest, WhileItTakesThingsApart) {
  const Sign signs[] = {
      {"healed", [](const Command&) { return true; }},
      {"no program at the target", [&](const Command&) { return !is_left("on eth0"); }},
      {"nothing at the target", [&](const Command&) { return left_in_target().empty(); }},
      {"no program", [](const Command& run) { return run.belongings().programs.empty(); }},
      {"cleanup", [&](const Command&) { return await_event(out, "cleanup", "", 0); }},
      {"a summary", [&](const Command&) { return std::filesystem::exists(out / "summary.json"); }},
  };
  for (const Sign& sign : signs) {
    SCOPED_TRACE(sign.what);
    out = folder.path() / sign.what;
    Command run = start(plan());
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    const Belongings had = run.belongings();
    run.signal(SIGTERM);
    ASSERT_TRUE(await_event(out, "healed"));
    await(sign, run);
    run.signal(SIGKILL);
    const auto status = run.wait(5 * kSecond);
    EXPECT_TRUE(status == 128 + SIGKILL || status == 5) << "killed, or just before that at its own end";
    expect_nothing_left(had);
  }
}

TEST_P(KillTest, WithServicesAndExecProbes) {
  const std::string word = marker();
  Command run = start(plan(fmt::format(R"(
[probes.asks]
exec = ["sleep", "0.05"]
from = "victim"
every = "100ms"
[lab.rooms.east]
[lab.hosts.one]
room = "east"
command = ["sh", "-c", "(setsid sleep 1000 &) ; exec sleep 1000; : {0}"]
[lab.hosts.two]
room = "east"
command = ["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done; : {0}"]
)",
                                       word)));
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  EXPECT_GE(had.processes.size(), 5u);
  EXPECT_TRUE(had.spaces.contains("net") && had.spaces.contains("pid") && had.spaces.contains("mnt"));
  EXPECT_EQ(had.cgroups.size(), 1u) << "services in cgroups of their own would outlive a kill";
  EXPECT_GT(processes_with(word), 0);
  run.signal(SIGKILL);
  EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  expect_nothing_left(had);
  EXPECT_EQ(processes_with(word), 0);
}

TEST_P(KillTest, StoppedMeansUntouchedAndContinuedMeansAborted) {
  Command run = start(plan());
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  // Under clsact a stop is seen by the lease alone.
  const bool owner_check = GetParam() == std::string("tcx");
  expect_prompt([&] { run.signal(SIGSTOP); }, owner_check ? kPrompt : kSoon);
  {  // and stays so while the run finds out that it had been stopped
    UdpStream stream(net.here, "10.7.0.1", net.there, "10.7.0.2", 1000);
    sleep(100 * kMillisecond);
    run.signal(SIGCONT);
    sleep(300 * kMillisecond);
    const auto& packets = stream.finish();
    EXPECT_GT(packets.size(), 100u);
    EXPECT_LT(std::count_if(packets.begin(), packets.end(), [](const auto& p) { return p.took() >= kDelay; }), 10);
  }
  EXPECT_EQ(run.wait(10 * kSecond), 5) << run.errors();
  expect_nothing_left(had);
  const auto summary = summary_of(out);
  ASSERT_TRUE(summary.is_object());
  EXPECT_EQ(summary["verdict"], "aborted");
  EXPECT_EQ(summary["abort"]["by"], "lease");
  EXPECT_GT(summary["faults"][0]["packets_passed_by_safety"], 0) << summary.dump();
  EXPECT_EQ(summary["cleanup"]["ok"], true);
}

TEST_P(KillTest, SignalsHealAndLeaveAWholeRecord) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    SCOPED_TRACE(strsignal(signal));
    out = folder.path() / fmt::format("run{}", signal);
    Command run = start(plan());
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    const Belongings had = run.belongings();
    expect_prompt([&] { run.signal(signal); }, kSoon);
    EXPECT_EQ(run.wait(10 * kSecond), 5) << run.errors();
    expect_nothing_left(had);
    const auto summary = summary_of(out);
    ASSERT_TRUE(summary.is_object());
    EXPECT_EQ(summary["exit_code"], 5);
    EXPECT_EQ(summary["interrupted"], false);
    EXPECT_EQ(summary["abort"]["by"], "signal");
    EXPECT_EQ(summary["cleanup"]["ok"], true);
    EXPECT_GT(summary["faults"][0]["packets_delayed"], 0);
    EXPECT_EQ(summary["faults"][0]["packets_undelivered"], 0) << summary["faults"][0].dump();
    EXPECT_EQ(journal_of(out).back()["event"], "end");
    EXPECT_TRUE(std::filesystem::exists(out / "junit.xml"));
  }
}

TEST_P(KillTest, ASignalWhileTheLabStartsIsHeardAtOnce) {
  Command run = start(plan(R"(
[lab.rooms.east]
[lab.hosts.one]
room = "east"
command = ["sleep", "1000"]
ready = { tcp = 8080, within = "60s" }
)"));
  ASSERT_TRUE(await_event(out, "service", "started")) << run.errors();
  const Belongings had = run.belongings();
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(10 * kSecond), 5) << run.errors();
  expect_nothing_left(had);
}

}  // namespace
}  // namespace faultline::test
