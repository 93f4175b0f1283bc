// A target that comes back in another network namespace, as a container does that is made again, is followed there: by
// the real binary, with real processes whose answers show how often they were delayed. What it leaves behind is let go
// of at once, and a kill at any instant of the move leaves nothing in either place.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>

#include <algorithm>
#include <functional>

#include "injector/pen/chain.h"
#include "injector/pen/tc.h"
#include "injector/run/lock.h"
#include "tests/harness/command.h"
#include "tests/harness/leftovers.h"
#include "tests/harness/processes.h"
#include "tests/harness/scratch_cgroup.h"
#include "tests/harness/two_namespaces.h"

namespace faultline::test {
namespace {

class MovedTargetTest : public testing::TestWithParam<const char*> {
 protected:
  static constexpr Ns kDelay = 100 * kMillisecond;
  static constexpr std::uint16_t kPort = 7000;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == std::string("tcx") && pen::probe_features().engine() != pen::Engine::tcx)
      GTEST_SKIP() << "this kernel has no TCX";
  }

  Command start(const std::string& target, const std::string& duration = "60s", const std::string& more = "") {
    return Command::run(
        folder.write("plan.toml",
                     fmt::format("duration = \"{}\"\n[targets.a]\n{}\n{}\n[[faults]]\nkind = \"degrade\"\non = "
                                 "\"a\"\nstart = \"0s\"\nfor = \"run\"\ndelay = \"100ms\"\n",
                                 duration, target, more)),
        out, {"--engine", GetParam()});
  }
  /// The service, in one place or the other.
  std::unique_ptr<EchoProcess> serve(const TwoNamespaces& place, const ScratchCgroup* group = nullptr) {
    return std::make_unique<EchoProcess>(group, place.here, kPort, [this] { prctl(PR_SET_NAME, name.c_str()); });
  }
  static bool is_delayed(const TwoNamespaces& place) {
    return echo_time(place.there, SOCK_DGRAM, address("10.7.0.1", kPort)) >= 2 * kDelay - kMillisecond;
  }
  static bool is_quick(const TwoNamespaces& place) {
    const Ns took = echo_time(place.there, SOCK_DGRAM, address("10.7.0.1", kPort));
    return took >= 0 && took < kDelay;
  }
  void expect_nothing_left(const Belongings& had) {
    std::vector<std::string> left;
    eventually([&] {
      left = left_in(first.here, kDevices);
      for (auto& one : left_in(second.here, kDevices)) left.push_back(std::move(one));
      for (auto& one : had.left({first.here.inode(), first.there.inode(), second.here.inode(), second.there.inode()}))
        left.push_back(std::move(one));
      return left.empty();
    });
    for (const auto& one : left) ADD_FAILURE() << one;
  }
  /// From when to when its traffic was not faulted, the last time it moved; CLOCK_MONOTONIC.
  std::pair<Ns, Ns> last_gap() const {
    Ns epoch = 0;
    std::pair<Ns, Ns> gap;
    for (const auto& event : journal_of(out)) {
      if (event["event"] == "t0") epoch = event["epoch"];
      if (event["event"] == "target" && event["what"] == "replaced") gap = {event["gap"][0], event["gap"][1]};
    }
    return {gap.first + epoch, gap.second + epoch};
  }
  /// As somebody else would: our programs where packets arrive at eth0, or, with clsact, both ways.
  static void take_off(const NetNs& ns) {
    Inside in(ns);
    const int eth0 = static_cast<int>(if_nametoindex("eth0"));
    if (GetParam() == std::string("clsact")) return pen::tc::delete_clsact(eth0, "eth0");
    const auto chain = pen::tcx_chain(eth0, pen::Hook::ingress);
    ASSERT_TRUE(chain && chain->entries.size() == 1);
    const Fd link(bpf_link_get_fd_by_id(chain->entries[0].link));
    ASSERT_EQ(bpf_link_detach(link.get()), 0);
  }
  std::size_t times_replaced() const {
    std::size_t times = 0;
    for (const auto& event : journal_of(out)) times += event["event"] == "target" && event["what"] == "replaced";
    return times;
  }

  const std::set<std::string> kDevices{"lo", "eth0"};
  const std::string name = fmt::format("fl-mv-{}", getpid());
  TwoNamespaces first, second;
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

INSTANTIATE_TEST_SUITE_P(Engines, MovedTargetTest, testing::Values("tcx", "clsact"),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(MovedTargetTest, AProcessIsFollowedWithinASecond) {
  auto server = serve(first);
  Command run = start("process = \"" + name + "\"");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  ASSERT_TRUE(eventually([&] { return is_delayed(first); }));
  Ns quickest = INT64_MAX;
  const TwoNamespaces* places[] = {&second, &first, &second};  // a busy machine may be slow once
  for (std::size_t i = 0; i < 3; i++) {
    const Ns ended = monotonic_now();
    server.reset();
    server = serve(*places[i]);
    const Ns there = monotonic_now();
    ASSERT_TRUE(eventually([&] { return times_replaced() == i + 1; })) << run.errors();
    ASSERT_TRUE(eventually([&] { return is_delayed(*places[i]); }));
    const auto [from, to] = last_gap();
    EXPECT_LE(from, ended + kMillisecond);  // the gap is never told too short
    EXPECT_GE(to, there);
    quickest = std::min(quickest, to - there);
    const TwoNamespaces& old = places[i] == &first ? second : first;
    EXPECT_EQ(left_in(old.here, kDevices), std::vector<std::string>{});
    EXPECT_NO_THROW(run::lock_namespace(old.here, "the old namespace"));
    EXPECT_THROW(run::lock_namespace(places[i]->here, "the new one"), Failure);
  }
  EXPECT_LT(quickest, kSecond);
  RecordProperty("quickest_ms", static_cast<int>(quickest / kMillisecond));
  const Belongings had = run.belongings();
  run.signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return is_quick(second); }));
  run.signal(SIGKILL);
  EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
  EXPECT_TRUE(is_quick(second));
  expect_nothing_left(had);
}

TEST_P(MovedTargetTest, ACgroupIsFollowedAndCountsAddUp) {
  ScratchCgroup group("moved.service");
  auto server = serve(first, &group);
  Command run = start("cgroup = \"" + group.path() + "\"", "6s");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  EXPECT_TRUE(eventually([&] { return is_delayed(first); }));
  server.reset();
  server = serve(second, &group);
  ASSERT_TRUE(await_event(out, "target", "replaced")) << run.errors();
  int answered = 0;
  for (int i = 0; i < 5; i++) answered += is_delayed(second);
  EXPECT_GE(answered, 4);
  EXPECT_EQ(run.wait(30 * kSecond), 0) << run.errors();
  const auto fault = summary_of(out)["faults"][0];
  EXPECT_GE(fault["packets_delayed"].get<int>(), 2 + 2 * answered);  // of both places
  EXPECT_EQ(fault["packets_undelivered"], 0) << fault.dump(1);
  EXPECT_EQ(left_in(first.here, kDevices), std::vector<std::string>{});
  EXPECT_EQ(left_in(second.here, kDevices), std::vector<std::string>{});
}

TEST_P(MovedTargetTest, AKillAtAnyInstantOfTheMoveLeavesNothing) {
  const auto is_at = [&](const TwoNamespaces& place, const std::string& what) {
    const auto left = left_in(place.here, kDevices);
    return std::any_of(left.begin(), left.end(), [&](const auto& one) { return one.find(what) != std::string::npos; });
  };
  // How far the move is, as can be seen from outside.
  const std::pair<const char*, std::function<bool()>> signs[] = {
      {"begun", [] { return true; }},
      {"a device in the new place", [&] { return is_at(second, "device"); }},
      {"programs in the new place", [&] { return is_at(second, "on eth0"); }},
      {"no programs in the old place", [&] { return !is_at(first, "on eth0"); }},
      {"nothing in the old place", [&] { return left_in(first.here, kDevices).empty(); }},
      {"told", [&] { return times_replaced() == 1; }},
  };
  for (const auto& [what, is_there] : signs) {
    SCOPED_TRACE(what);
    out = folder.path() / what;
    auto server = serve(first);
    Command run = start("process = \"" + name + "\"");
    ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
    server.reset();
    server = serve(second);
    // Often, as it is the moment that counts; but a look takes locks of the kernel that the run wants as well.
    for (const Ns end = monotonic_now() + 60 * kSecond; !is_there(); usleep(1000))
      ASSERT_LT(monotonic_now(), end) << run.errors();
    const Belongings had = run.belongings();
    run.signal(SIGKILL);
    EXPECT_EQ(run.wait(5 * kSecond), 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return is_quick(second); }));
    expect_nothing_left(had);
  }
}

TEST_P(MovedTargetTest, ANamespaceThatAnotherRunHasIsNotTaken) {
  auto server = serve(first);
  const Fd lock = run::lock_namespace(second.here, "the test");
  Command run = start("process = \"" + name + "\"\nif_gone = \"abort\"");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  server.reset();
  server = serve(second);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
  EXPECT_TRUE(await_event(out, "target", "lost"));
  EXPECT_TRUE(await_event(out, "target", "already has a run under way"));
  EXPECT_TRUE(is_quick(second));
}

/// The new place is looked after like the old one, whose escapes end with it.
TEST_P(MovedTargetTest, WhatWentByInEachPlaceIsToldAndEndsWhereItWas) {
  auto server = serve(first);
  Command run = start("process = \"" + name + "\"");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  ASSERT_TRUE(eventually([&] { return is_delayed(first); }));
  take_off(first.here);
  ASSERT_TRUE(await_event(out, "escape")) << run.errors();
  EXPECT_TRUE(is_quick(first) || GetParam() == std::string("tcx")) << "one way is left";
  for (int i = 0; i < 3; i++) is_delayed(first);
  server.reset();
  server = serve(second);
  ASSERT_TRUE(await_event(out, "target", "replaced")) << run.errors();
  ASSERT_TRUE(eventually([&] { return is_delayed(second); }));
  take_off(second.here);
  for (int i = 0; i < 3; i++) is_delayed(second);
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
  std::vector<nlohmann::json> arriving;
  const auto summary = summary_of(out);
  for (const auto& escape : summary["escapes"])
    if (escape["hook"] == "ingress") arriving.push_back(escape);
  ASSERT_EQ(arriving.size(), 2u) << summary["escapes"];
  for (const auto& escape : arriving) {
    EXPECT_EQ(escape["device"], "eth0");
    EXPECT_EQ(escape["faults"], nlohmann::json::array({"degrade"}));
    EXPECT_NE(escape["why"].dump().find("taken off"), std::string::npos) << escape;
    EXPECT_GE(escape["packets_at_most"], 3) << escape;
    EXPECT_EQ(escape["bounded"], true) << escape;
  }
  ASSERT_FALSE(arriving[0]["until_s"].is_null()) << "it ended where the target was";
  EXPECT_LT(arriving[0]["from_s"], arriving[0]["until_s"]);
  EXPECT_TRUE(arriving[1]["until_s"].is_null()) << "it goes on to the end";
  EXPECT_GE(arriving[1]["from_s"], arriving[0]["from_s"]);
  EXPECT_EQ(left_in(first.here, kDevices), std::vector<std::string>{});
  EXPECT_EQ(left_in(second.here, kDevices), std::vector<std::string>{});
}

TEST_P(MovedTargetTest, ADeviceThatComesLaterIsFaultedToo) {
  auto server = serve(first);
  Command run = start("process = \"" + name + "\"");
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  server.reset();
  TwoNamespaces bare(TwoNamespaces::Apart{});
  server = serve(bare);
  ASSERT_TRUE(await_event(out, "target", "replaced")) << run.errors();
  bare.join();
  EXPECT_TRUE(eventually([&] { return is_delayed(bare); }));
  EXPECT_TRUE(await_event(out, "warning", "eth0 appeared"));
  run.signal(SIGINT);
  EXPECT_EQ(run.wait(20 * kSecond), 5) << run.errors();
  EXPECT_EQ(left_in(bare.here, kDevices), std::vector<std::string>{});
}

}  // namespace
}  // namespace faultline::test
