// Rules by cgroup and by device, one packet at a time: the packet carries a socket that was made in a group, or is for
// one.
#include <gtest/gtest.h>

#include "injector/base/clock.h"
#include "injector/base/rtnetlink.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"
#include "tests/harness/scratch_cgroup.h"

namespace faultline::test {
namespace {

struct SelectorCgroup : EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    in.emplace(ns);
    set_up("lo");
  }

  static site::Cgroup cgroup(const std::string& path) { return *site::CgroupTree::of_this_machine().find(path); }
  static site::Match of(const std::vector<site::Cgroup>& cgroups, bool egress = true, bool ingress = true) {
    site::Match match;
    match.egress = egress;
    match.ingress = ingress;
    match.cgroups = cgroups;
    return match;
  }
  void load(const std::vector<site::Match>& matches) {
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < matches.size(); i++)
      rules.push_back({.match = matches[i], .channel = steady(kHour, kMicrosecond), .fault = i});
    programs = std::make_unique<Programs>(GetParam(), rules);
  }
  /// The rules that take the packet; 0: it passes.
  std::uint64_t taken(const Packet& packet, const char* program) {
    const Skb run = programs->select(program, {.frame = build(packet)});
    return run.verdict == kNext ? 0 : programs->slot(stamp_of(run.frame).slot).rules;
  }
  /// A packet that the kernel makes for a test carries a socket of this process, of where it is now.
  std::uint64_t sent_in(const ScratchCgroup& group, const Packet& packet, const char* program = "select_out") {
    std::uint64_t rules = 0;
    group.in([&] { rules = taken(packet, program); });
    return rules;
  }

  NetNs ns = NetNs::create();
  std::optional<Inside> in;
  ScratchCgroup shop{"shop.service"}, bank{"bank.service"};
  std::unique_ptr<Programs> programs;
};

const Packet kUdp4{.source = "127.0.0.1", .destination = "127.0.0.1"};
const Packet kUdp6{.source = "::1", .destination = "::1"};

TEST_P(SelectorCgroup, WhatLeavesIsToldByItsSocket) {
  load({of({cgroup(shop.path())}), of({cgroup(shop.top())}), of({cgroup(bank.path())}), {}});
  EXPECT_EQ(sent_in(shop, kUdp4), 0b1011u)
      << "its own group's rule, that of the group above, and the one without a group";
  EXPECT_EQ(sent_in(bank, kUdp4), 0b1100u);
  EXPECT_EQ(sent_in(bank, kUdp6), 0b1100u);
  EXPECT_EQ(taken(kUdp4, "select_out"), 0b1000u);
}

TEST_P(SelectorCgroup, AGroupHasManyRulesAndARuleManyGroups) {
  load({of({cgroup(shop.path()), cgroup(bank.path())}), of({cgroup(shop.path())}, false, true),
        of({cgroup(shop.path())}), of({})});
  EXPECT_EQ(sent_in(shop, kUdp4), 0b0101u) << "not the rule for what arrives, nor the one whose group is gone";
  EXPECT_EQ(sent_in(bank, kUdp4), 0b0001u);
}

TEST_P(SelectorCgroup, WhatArrivesIsToldByTheSocketItIsFor) {
  load({of({cgroup(shop.path())}, false), of({cgroup(shop.top())}), of({cgroup(bank.path())}), {}});
  EchoProcess server(&shop, ns, 7000), other(&bank, ns, 7001);
  for (Packet packet : {kUdp4, kUdp6}) {
    for (const L4 l4 : {L4::udp, L4::tcp}) {
      packet.l4 = l4;
      packet.tcp_flags = 0x02;
      packet.destination_port = 7000;
      EXPECT_EQ(taken(packet, "select_in"), 0b1011u);
      packet.destination_port = 7001;
      EXPECT_EQ(taken(packet, "select_in"), 0b1100u);
      packet.destination_port = 7002;
      EXPECT_EQ(taken(packet, "select_in"), 0b1000u) << "nobody is there";
    }
  }
  Packet ping = kUdp4;
  ping.l4 = L4::icmp;
  EXPECT_EQ(taken(ping, "select_in"), 0b1000u) << "an echo request is the kernel's";
  Packet fragment = kUdp4;
  fragment.destination_port = 7000;
  fragment.more_fragments = true;
  EXPECT_EQ(taken(fragment, "select_in"), 0b1011u);
  fragment.fragment_offset = 8;
  EXPECT_EQ(taken(fragment, "select_in"), 0b1000u) << "without ports no socket is found";
}

TEST_P(SelectorCgroup, OnLoEitherEndCounts) {
  load({of({cgroup(shop.path())}, true, false), of({cgroup(shop.path())}, false, true), of({cgroup(bank.path())})});
  EchoProcess server(&shop, ns, 7000);
  EXPECT_EQ(taken(kUdp4, "select_lo"), 0b010u);
  EXPECT_EQ(sent_in(bank, kUdp6, "select_lo"), 0b110u);
  Packet answer = kUdp4;
  answer.source_port = 7000;
  answer.destination_port = 5000;
  EXPECT_EQ(sent_in(shop, answer, "select_lo"), 0b001u);
}

TEST_P(SelectorCgroup, AreReplacedWhileItRuns) {
  load({of({cgroup(shop.path())}), of({cgroup(bank.path())})});
  ScratchCgroup deep("a.service", shop.path());
  EXPECT_EQ(sent_in(bank, kUdp4), 0b10u);
  site::Rule first{0, "", of({cgroup(deep.path())})}, second{1, "", of({cgroup(bank.path()), cgroup(shop.path())})};
  programs->selectors().set_cgroups(0, site::compile_cgroups({first, second}));
  EXPECT_EQ(sent_in(deep, kUdp4), 0b11u) << "at another level than before";
  EXPECT_EQ(sent_in(shop, kUdp4), 0b10u);
  programs->selectors().set_cgroups(0, site::compile_cgroups({first}));
  EXPECT_EQ(sent_in(bank, kUdp4), 0u);
  EXPECT_EQ(sent_in(deep, kUdp4), 0b01u);
}

TEST_P(SelectorCgroup, OfUnknownDepth) {
  auto group = cgroup(shop.path());
  group.level = site::kAnyLevel;
  load({of({group})});
  EchoProcess server(&shop, ns, 7000);
  EXPECT_EQ(sent_in(shop, kUdp4), 1u);
  EXPECT_EQ(sent_in(bank, kUdp4, "select_out"), 0u);
  EXPECT_EQ(taken(kUdp4, "select_in"), 1u);
}

TEST_P(SelectorCgroup, ARuleForOneDeviceLeavesOthersAlone) {
  site::Match lo, other;
  lo.device = 1;  // the device of packets that are made for a test
  other.device = 4711;
  load({lo, other, {}});
  EXPECT_EQ(taken(kUdp4, "select_out"), 0b101u);
  EXPECT_EQ(taken(kUdp4, "select_lo"), 0b101u);
}

FAULTLINE_WITH_BOTH_ENGINES(SelectorCgroup);

}  // namespace
}  // namespace faultline::test
