// Somebody puts a program in front of ours, or takes ours off, while a run is under way: the run says so at once, and a
// fault that was in force meanwhile shows nothing. What came before a fault began or after it ended does not spoil it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <time.h>

#include "injector/base/clock.h"
#include "injector/pen/chain.h"
#include "injector/pen/tc.h"
#include "tests/harness/command.h"
#include "tests/harness/passing_program.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

struct EscapeTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  /// A fault from 2 s to 4 s of 6 s.
  Command start(const std::string& engine, const std::string& delay = "20ms") {
    VictimPlan plan{.netns = net.path()};
    plan.duration = "6s";
    plan.start = "2s";
    plan.length = "2s";
    plan.effect = "kind = \"degrade\"\ndelay = \"" + delay + "\"";
    return Command::run(folder.write("plan.toml", plan.text()), out, {"--engine", engine});
  }
  /// Takes our program off a device of `net.here`, with TCX.
  void take_off(const char* device, pen::Hook hook) {
    Inside in(net.here);
    const auto chain = pen::tcx_chain(static_cast<int>(if_nametoindex(device)), hook);
    ASSERT_TRUE(chain);
    ASSERT_EQ(chain->entries.size(), 1u);
    const Fd link(bpf_link_get_fd_by_id(chain->entries[0].link));
    ASSERT_EQ(bpf_link_detach(link.get()), 0);
  }
  bool has_tcx() const { return pen::probe_features().tcx; }
  int eth0() const { return static_cast<int>(if_nametoindex("eth0")); }

  /// In front of all others.
  Fd put_in_front(int program, pen::Hook hook) const {
    Inside in(net.here);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = 1u << 3;  // BPF_F_BEFORE
    const auto type = static_cast<bpf_attach_type>(hook == pen::Hook::ingress ? 46 : 47);
    return Fd(check_neg("put a program in front", bpf_link_create(program, eth0(), type, &options)));
  }
  static void wait(Ns length) {
    const timespec pause{length / kSecond, length % kSecond};
    nanosleep(&pause, nullptr);
  }

  /// Reasons that are not about how busy the machine was.
  std::string reasons() {
    std::string all;
    summary = summary_of(out);
    for (const auto& reason : summary["reasons"])
      if (const auto text = reason.get<std::string>(); text.find("late") == std::string::npos) all += text + "\n";
    return all;
  }

  TwoNamespaces net;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
  nlohmann::json summary;
};

TEST_F(EscapeTest, AProgramPutInFrontDuringTheFaultSpoilsIt) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  const Fd program = passing_program();
  for (const std::string engine : {"tcx", "clsact"}) {  // TCX runs before the classic filters, too
    SCOPED_TRACE(engine);
    out = folder.path() / engine;
    Command run = start(engine);
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    Fd link = put_in_front(program.get(), pen::Hook::egress);
    EXPECT_TRUE(await_event(out, "escape")) << "said at once";
    wait(300 * kMillisecond);
    link.reset();
    EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
    EXPECT_NE(reasons().find("program passing"), std::string::npos) << reasons();
    EXPECT_NE(reasons().find("egress of eth0"), std::string::npos) << reasons();
    ASSERT_EQ(summary["escapes"].size(), 1u) << summary["escapes"];
    const auto& escape = summary["escapes"][0];
    EXPECT_GT(escape["packets_at_most"], 0) << "the ping's";
    EXPECT_FALSE(escape["until_s"].is_null());
    EXPECT_EQ(escape["faults"], nlohmann::json::array({"slow"}));
  }
}

TEST_F(EscapeTest, OneThatComesAndGoesBetweenTwoLooksIsSeen) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  const Fd program = passing_program();
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  wait(700 * kMillisecond);
  for (int i = 0; i < 3; i++) put_in_front(program.get(), pen::Hook::ingress).reset();
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("ingress of eth0"), std::string::npos) << reasons();
}

TEST_F(EscapeTest, BeforeTheFaultAndAfterItSpoilsNothing) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  const Fd program = passing_program();
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "t0")) << run.errors();
  Fd link = put_in_front(program.get(), pen::Hook::egress);
  EXPECT_TRUE(await_event(out, "escape"));
  link.reset();
  ASSERT_TRUE(await_event(out, "fault_end")) << run.errors();
  wait(50 * kMillisecond);
  link = put_in_front(program.get(), pen::Hook::egress);
  run.wait(30 * kSecond);
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(summary["escapes"].size(), 2u) << summary["escapes"];
}

TEST_F(EscapeTest, OneBehindOursIsNoMatter) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  const Fd program = passing_program();
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  {
    Inside in(net.here);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = 1u << 4;  // BPF_F_AFTER
    const Fd link(bpf_link_create(program.get(), eth0(), static_cast<bpf_attach_type>(47), &options));
    ASSERT_TRUE(link);
    wait(600 * kMillisecond);
  }
  run.wait(30 * kSecond);
  EXPECT_EQ(reasons(), "");
  EXPECT_EQ(summary["escapes"].size(), 0u) << summary["escapes"];
}

TEST_F(EscapeTest, OursTakenOffDuringTheFaultSpoilsIt) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  take_off("eth0", pen::Hook::ingress);
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("taken off"), std::string::npos) << reasons();
  ASSERT_EQ(summary["escapes"].size(), 1u) << summary["escapes"];
  EXPECT_TRUE(summary["escapes"][0]["until_s"].is_null()) << "to the end";
  EXPECT_GT(summary["escapes"][0]["packets_at_most"], 0);
}

TEST_F(EscapeTest, TheFaultsGoOffBeforeTheLastLook) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  take_off("eth0", pen::Hook::ingress);
  ASSERT_TRUE(await_event(out, "escape"));
  run.signal(SIGTERM);
  EXPECT_EQ(run.wait(30 * kSecond), 5) << run.errors();
  std::vector<std::string> order;
  for (const auto& event : journal_of(out))
    if (const std::string name = event["event"]; name == "healed" || name == "escape") order.push_back(name);
  EXPECT_EQ(order, (std::vector<std::string>{"escape", "healed", "escape"})) << "no look keeps the faults in force";
  EXPECT_NE(reasons().find("taken off"), std::string::npos) << reasons();
}

TEST_F(EscapeTest, WhatGoesBackWhereOursWasTakenOffIsNotToldAsLost) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  Command run = start("tcx", "400ms");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  wait(600 * kMillisecond);  // some are held each way
  take_off("eth0", pen::Hook::egress);
  take_off("eth0", pen::Hook::ingress);
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_EQ(reasons().find("never gave back"), std::string::npos) << reasons();
  EXPECT_NE(reasons().find("left there uncounted"), std::string::npos) << reasons();
  EXPECT_GT(summary["faults"][0]["undelivered"]["unaccounted"], 0) << "the books say what was not seen";
}

TEST_F(EscapeTest, OursTakenOffWhereNothingPassedIsAWarning) {
  if (!has_tcx()) GTEST_SKIP() << "this kernel has no TCX";
  Command run = start("tcx");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  take_off("lo", pen::Hook::egress);
  run.wait(30 * kSecond);
  EXPECT_EQ(reasons(), "");
  ASSERT_EQ(summary["escapes"].size(), 1u) << summary["escapes"];
  EXPECT_EQ(summary["escapes"][0]["packets_at_most"], 0);
  EXPECT_NE(summary["warnings"].dump().find("egress of lo"), std::string::npos) << summary["warnings"];
}

TEST_F(EscapeTest, ARateThatNothingReachesShowsNothing) {
  VictimPlan plan{.netns = net.path()};
  plan.duration = "2500ms";
  plan.length = "1s";
  plan.effect = "kind = \"degrade\"\nrate = \"1gbit\"";
  Command run = Command::run(folder.write("plan.toml", plan.text()), out);
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("the traffic never reached it"), std::string::npos) << reasons();
}

TEST_F(EscapeTest, AFilterTakenOffWithItsQdiscSpoilsIt) {
  Command run = start("clsact");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  {
    Inside in(net.here);
    pen::tc::delete_clsact(eth0(), "eth0");
  }
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("taken off"), std::string::npos) << reasons();
}

TEST_F(EscapeTest, AFilterThatWasThereBeforeTheRunSpoilsWhatComesBehindIt) {
  const Fd program = passing_program();
  {
    Inside in(net.here);
    ASSERT_TRUE(pen::tc::add_clsact(eth0(), "eth0"));
    ASSERT_TRUE(pen::tc::add_filter(eth0(), "eth0", pen::Hook::egress, 1, program.get(), "another's"));
  }
  Command run = start("clsact");
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("filter bpf another's of priority 1"), std::string::npos) << reasons();
  EXPECT_NE(reasons().find("from the start"), std::string::npos) << reasons();
}

TEST_F(EscapeTest, AFilterOfEqualPriorityThatComesLaterRunsFirstAndSpoilsIt) {
  const Fd program = passing_program();
  Command run = start("clsact");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  {
    Inside in(net.here);
    ASSERT_TRUE(pen::tc::add_filter(eth0(), "eth0", pen::Hook::egress, 1, program.get(), "newcomer", 2));
  }
  EXPECT_TRUE(await_event(out, "escape")) << "said at once";
  EXPECT_EQ(run.wait(30 * kSecond), 2) << run.errors();
  EXPECT_NE(reasons().find("filter bpf newcomer of priority 1"), std::string::npos) << reasons();
}

}  // namespace
}  // namespace faultline::test
