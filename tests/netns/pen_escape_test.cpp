// What the pen counts of packets that may have gone by its programs: to which fault it is charged, what a wait in front
// of a step leaves out, what a device takes along that leaves. The run's clock is set to where a test needs it.
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "injector/pen/pen.h"
#include "injector/site/devices.h"
#include "tests/harness/command.h"
#include "tests/harness/engines.h"
#include "tests/harness/few_descriptors.h"
#include "tests/harness/passing_program.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/udp.h"

namespace faultline::pen {
namespace {

using Windows = std::vector<faults::Window>;

struct PenEscapeTest : test::EngineTest, test::TwoNamespaces {
  static site::Site site_of(const NetNs& ns, std::size_t rules) {
    site::Site site{"here", ns.duplicate(), {}, {}};
    Inside in(ns);
    site.devices = site::l3_devices();
    for (std::uint32_t i = 0; i < rules; i++) site.rules.push_back({i, "here", {}});
    return site;
  }
  /// Faults of 1 ms, one for each window.
  void play(const Windows& windows) {
    std::vector<faults::RuleSource> rules;
    for (std::uint32_t i = 0; i < windows.size(); i++) {
      faults::RuleSource rule{{}, windows[i], 1000 + i, 0, i};
      faults::add_step(rule.channel.delay, windows[i], 1.0 * kMillisecond);
      rules.push_back(rule);
    }
    PenOptions options;
    options.engine = GetParam();
    options.alias = "faultline test";
    std::vector<site::Site> sites;
    sites.push_back(site_of(here, windows.size()));
    sites.back().every_device = every_device;
    pen = std::make_unique<Pen>(std::move(sites), faults::flatten(rules, 1), options, [](const std::string&) {});
  }
  /// The run's clock shows `t`, and goes on from there.
  void show(Ns t) { pen->arm(monotonic_now() - t); }
  std::vector<Escape> look(Pen::Look how = Pen::Look::all) { return pen->inspect(how); }
  /// Told of what arrives at eth0.
  static std::optional<Escape> arriving(const std::vector<Escape>& escapes) {
    const auto at = std::find_if(escapes.begin(), escapes.end(),
                                 [](const Escape& e) { return e.device == "eth0" && e.hook == "ingress"; });
    return at == escapes.end() ? std::nullopt : std::optional(*at);
  }
  /// A program of somebody else's in front of ours where packets arrive: all of them are counted by the device.
  Fd put_in_front() {
    const Fd program = test::passing_program();
    Inside in(here);
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = 1u << 3;  // BPF_F_BEFORE
    return Fd(
        check_neg("put a program in front", bpf_link_create(program.get(), static_cast<int>(if_nametoindex("eth0")),
                                                            static_cast<bpf_attach_type>(46), &options)));
  }
  void send(std::size_t count) {
    test::send_udp(there, test::address("10.7.0.2", 5000), here, test::address("10.7.0.1", 7000), count, 0);
  }
  void move_away() {
    Inside in(here);
    test::Command command(
        {"sh", "-c", fmt::format("ip link set eth0 netns /proc/{}/fd/{} 2>&1", getpid(), elsewhere.fd())});
    command.wait(30 * kSecond);
    ASSERT_EQ(command.out(), "");
  }
  /// What the pen says of the device that left.
  std::string told_of_leaving() {
    std::string told;
    EXPECT_TRUE(test::eventually([&] {
      for (const auto& news : pen->poll())
        if (news.find("moved out") != std::string::npos) told += news;
      return !told.empty();
    })) << "that the device left";
    return told;
  }

  const NetNs elsewhere = NetNs::create();
  bool every_device = false;  ///< also those that come
  std::unique_ptr<Pen> pen;
};

FAULTLINE_WITH_BOTH_ENGINES(PenEscapeTest);

TEST_P(PenEscapeTest, WhatWentByIsChargedToTheFaultsThatWereInForce) {
  if (!probe_features().tcx) GTEST_SKIP() << "this kernel has no TCX";
  play({{0, 10 * kSecond}, {20 * kSecond, 30 * kSecond}});
  show(5 * kSecond);
  look();
  const Fd link = put_in_front();
  look();
  send(20);
  show(15 * kSecond);
  look();
  show(25 * kSecond);
  send(30);
  const auto escape = arriving(look(Pen::Look::last));
  ASSERT_TRUE(escape);
  EXPECT_TRUE(escape->bounded);
  ASSERT_EQ(escape->faults.size(), 2u);
  EXPECT_GE(escape->faults[0].packets, 20u);
  EXPECT_GE(escape->faults[1].packets, 30u);
  EXPECT_EQ(escape->faults[0].packets + escape->faults[1].packets, escape->packets) << "never both at a time";
  EXPECT_EQ(escape->faults[0].bytes + escape->faults[1].bytes, escape->bytes);
}

TEST_P(PenEscapeTest, OfTwoFaultsAtATimeEachHasAllThatWentBy) {
  if (!probe_features().tcx) GTEST_SKIP() << "this kernel has no TCX";
  play({{0, 600 * kSecond}, {0, 600 * kSecond}});
  show(5 * kSecond);
  look();
  const Fd link = put_in_front();
  look();
  send(20);
  const auto escape = arriving(look(Pen::Look::last));
  ASSERT_TRUE(escape);
  EXPECT_GE(escape->packets, 20u);
  for (const auto& share : escape->faults) EXPECT_EQ(share.packets, escape->packets) << "and the whole is told once";
}

TEST_P(PenEscapeTest, WhatGoesByWhileTheRunWaitsGoesByNoFault) {
  if (!probe_features().tcx) GTEST_SKIP() << "this kernel has no TCX";
  play({{10 * kSecond, 20 * kSecond}});
  pen->hold_at(5 * kSecond);
  show(4 * kSecond);
  look();
  const Fd link = put_in_front();
  look();
  show(15 * kSecond);  // it stands at 5 s since long
  send(20);
  look();
  show(5 * kSecond);  // somebody confirms, and T0 moves on
  pen->hold_at(0);
  const auto waited = arriving(look(Pen::Look::last));
  ASSERT_TRUE(waited);
  EXPECT_EQ(waited->packets, 0u);
  show(15 * kSecond);
  send(20);
  const auto later = arriving(look(Pen::Look::last));
  ASSERT_TRUE(later);
  EXPECT_GE(later->packets, 20u);
}

TEST_P(PenEscapeTest, ADeviceThatLeavesSaysWhatWentByUntilThen) {
  if (!probe_features().tcx) GTEST_SKIP() << "this kernel has no TCX";
  play({{0, 600 * kSecond}});
  show(5 * kSecond);
  look();
  const Fd link = put_in_front();
  look();
  send(20);
  move_away();
  std::optional<Escape> escape;
  test::eventually([&] {
    if (!escape || !escape->until) escape = arriving(look());
    return escape && escape->until;
  });
  ASSERT_TRUE(escape && escape->until);
  EXPECT_GE(escape->packets, 20u) << "since the last look";
  EXPECT_TRUE(escape->bounded);
}

TEST_P(PenEscapeTest, WhatADeviceCarriedUnwatchedBeforeItLeftIsTold) {
  play({{0, 600 * kSecond}});
  show(5 * kSecond);
  look();
  send(20);
  move_away();
  const std::string told = told_of_leaving();
  EXPECT_NE(told.find("since it was looked at last it carried"), std::string::npos) << told;
  EXPECT_FALSE(arriving(look(Pen::Look::last))) << "nothing says that any of it went by";
}

TEST_P(PenEscapeTest, ADeviceThatLeavesWhenNoFaultIsInForceIsNoMatter) {
  play({{10 * kSecond, 20 * kSecond}});
  show(5 * kSecond);
  look();
  send(20);
  move_away();
  const std::string told = told_of_leaving();
  EXPECT_EQ(told.find("since it was looked at last"), std::string::npos) << told;
}

TEST_P(PenEscapeTest, WhereNothingOfOursIsLeftNothingIsToldToBeLeft) {
  play({{0, 600 * kSecond}});
  show(5 * kSecond);
  move_away();
  const std::string told = told_of_leaving();
  EXPECT_EQ(told.find("could not be taken away"), std::string::npos) << told;
  for (const auto& failure : pen->close()) ADD_FAILURE() << failure;
}

/// Descriptors of sockets that this process has.
std::size_t sockets() {
  std::size_t n = 0;
  std::error_code error;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd"))
    n += std::filesystem::read_symlink(one.path(), error).string().starts_with("socket:");
  return n;
}

TEST_P(PenEscapeTest, AMoveThatFailsLeavesNothing) {
  const TwoNamespaces other;
  play({{0, 600 * kSecond}});
  const std::size_t before = sockets();
  for (int i = 0; i < 3; i++) {
    site::Site place = site_of(other.here, 1);
    place.devices.push_back(place.devices.back());
    place.devices.back().index = 9999;  // gone since it was found
    EXPECT_ANY_THROW(pen->move(0, std::move(place)));
  }
  EXPECT_EQ(sockets(), before);
  EXPECT_EQ(test::device_names(other.here), (std::set<std::string>{"lo", "eth0"}));
}

/// A device that comes while descriptors are short: at whichever step one is wanting, it is faulted once there are
/// some.
TEST_P(PenEscapeTest, ADeviceThatComesWhileDescriptorsAreShortIsFaultedOnceThereAreSome) {
  every_device = true;
  play({{0, 600 * kSecond}});
  show(5 * kSecond);
  look();
  std::size_t waited = 0, unseen = 0;
  for (std::size_t left = 0; left < 10; left++) {
    SCOPED_TRACE(fmt::format("{} descriptors are left", left));
    const std::string device = fmt::format("short{}", left);
    std::string told;
    std::vector<Escape> escapes;
    const auto is_told = [&](const std::string& what) {
      for (const auto& news : pen->poll()) told += news + "\n";
      return told.find(what) != std::string::npos;
    };
    const auto of_device = [&](bool ended) {
      for (auto& escape : look()) escapes.push_back(std::move(escape));
      return std::count_if(escapes.begin(), escapes.end(),
                           [&](const Escape& one) { return one.device == device && one.until.has_value() == ended; });
    };
    add_veth({device, &here}, {device, &there});
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const Fd word(ends[0]), say(ends[1]);
    std::optional<test::Command> bring_up;  // before descriptors are short
    {
      Inside in(here);
      const auto script =
          fmt::format("read -r word && ip addr add 10.9.{}.1/24 dev {} && ip link set {} up", left, device, device);
      bring_up.emplace(std::vector<std::string>{"sh", "-c", script}, word.get());
    }
    {
      const test::FewDescriptors few(left);
      ASSERT_EQ(write(say.get(), "now\n", 4), 4);
      EXPECT_TRUE(test::eventually([&] { return is_told("looked at now") || is_told(device); }));
    }
    EXPECT_EQ(bring_up->wait(30 * kSecond), 0);
    EXPECT_TRUE(test::eventually([&] { return is_told(device + " appeared") && is_told("from now on"); })) << told;
    EXPECT_EQ(told.find("not faulted: "), std::string::npos) << told;
    unseen += is_told("looked at now");
    if (!is_told("not faulted yet: ")) continue;
    waited++;
    EXPECT_EQ(of_device(true), 1) << "what went by has ended";
    EXPECT_EQ(of_device(false), 1) << "and had begun";
  }
  EXPECT_GT(unseen, 0u) << "without any the namespace cannot be entered";
  EXPECT_GT(waited, 0u) << "with some it can, and the device cannot be attached to";
}

}  // namespace
}  // namespace faultline::pen
