// Packets that begin with the IP header, as tun, WireGuard and IP tunnels have them: they meet what they would meet as
// Ethernet frames, and enter the pen as such.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/harness/answers.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

Rule held(const site::Match& match, std::uint32_t fault = 0) {
  return {.match = match, .channel = steady(kHour, kMicrosecond), .fault = fault};
}
Rule losing(const site::Match& match = {}) { return {.match = match, .channel = steady(kHour, 0, 0, 1)}; }

Packet from(bool v6) {
  Packet p;
  p.source = v6 ? kBare6 : kBare4;
  if (v6) p.destination = "fd00::2";
  return p;
}

struct Bare : EngineTest {
  void load(const std::vector<Rule>& rules, site::Tunnels tunnels = {}) {
    programs = std::make_unique<Programs>(GetParam(), rules, Programs::Owner::us,
                                          pen::SelectorPlace{.bare = true, .tunnels = std::move(tunnels)});
  }
  /// The rules that take the packet; 0: it passes, untouched.
  std::uint64_t taken(const Packet& packet, const char* program = "select_bare_out", std::uint32_t gso_size = 0) {
    const Frame sent = build_bare(packet);
    const Skb run = programs->select(program, {.frame = sent, .gso_size = gso_size});
    if (run.verdict == kNext) {
      EXPECT_EQ(run.frame, sent);
      return 0;
    }
    EXPECT_EQ(run.verdict, kRedirect);
    EXPECT_EQ(run.gso_size, gso_size) << "a bundle stays one";
    const fl_stamp stamp = stamp_of(run.frame);
    EXPECT_EQ(stamp.magic, FL_STAMP_MAGIC);
    EXPECT_EQ(stamp.hold, 0u);
    EXPECT_EQ(be16(run.frame, 12), packet.source == kBare6 ? 0x86ddu : 0x0800u);
    EXPECT_EQ(Frame(run.frame.begin() + 14, run.frame.end()), sent) << "an Ethernet header in front, and nothing else";
    slot = programs->slot(stamp.slot);
    number = stamp.slot;
    EXPECT_TRUE(std::all_of(std::begin(slot.mac), std::end(slot.mac), [](auto byte) { return byte == 0; }));
    return slot.rules;
  }
  /// What the packet is answered, as an Ethernet frame for those who take frames apart.
  Parsed answer(const Packet& packet, const char* program) {
    const Skb run = programs->select(program, {.frame = build_bare(packet)});
    EXPECT_EQ(run.verdict, kRedirect);
    Frame frame(12);
    frame.push_back(packet.source == kBare6 ? 0x86 : 0x08);
    frame.push_back(packet.source == kBare6 ? 0xdd : 0x00);
    frame.insert(frame.end(), run.frame.begin(), run.frame.end());
    const Parsed parsed = parse(frame);
    EXPECT_EQ(parsed.mistake, "");
    EXPECT_EQ(parsed.source, packet.destination);
    EXPECT_EQ(parsed.destination, packet.source);
    return parsed;
  }

  std::unique_ptr<Programs> programs;
  fl_slot slot{};
  std::uint32_t number = 0;
};

TEST_P(Bare, APacketEntersThePenWithAnEthernetHeader) {
  load({held({})});
  for (const bool v6 : {false, true}) {
    EXPECT_EQ(taken(from(v6)), 1u);
    EXPECT_FALSE(slot.ingress);
    EXPECT_EQ(taken(from(v6), "select_bare_in"), 1u);
    EXPECT_TRUE(slot.ingress);
    EXPECT_FALSE(slot.loopback);
  }
}

TEST_P(Bare, ItIsReadAsAnyOther) {
  site::Match tcp, to, port, far;
  tcp.protocol = "tcp";
  to.any_peer = far.any_peer = false;
  to.peers = {*IpPrefix::parse("10.0.0.2"), *IpPrefix::parse("fd00::2")};
  far.peers = {*IpPrefix::parse("192.0.2.1")};
  port.peer_ports = {{7000, 7000}};
  load({held(tcp, 0), held(to, 1), held(port, 2), held(far, 3)});
  for (const bool v6 : {false, true}) {
    Packet p = from(v6);
    EXPECT_EQ(taken(p), 0b0110u);
    p.l4 = L4::tcp;
    EXPECT_EQ(taken(p), 0b0111u);
    p.destination_port = 7001;
    EXPECT_EQ(taken(p), 0b0011u);
    p.destination_port = 7000;
    p.option_words = v6 ? 0 : 3;
    if (v6) p.extensions = {Extension::hop_by_hop, Extension::routing};
    EXPECT_EQ(taken(p), 0b0111u) << "behind options and extension headers";
    EXPECT_EQ(taken(p, "select_bare_in"), 0b0001u) << "its peer is the source";
  }
  EXPECT_EQ(taken({.source = kBare4, .destination = "169.254.169.254"}), 0u);
  EXPECT_EQ(taken({.source = kBare6, .destination = "fd00::2", .l4 = L4::icmp6, .icmp_type = 135}), 0u);
}

TEST_P(Bare, ABundleIsCountedByWirePackets) {
  load({held({})});
  for (const bool v6 : {false, true}) {
    for (const L4 l4 : {L4::tcp, L4::udp}) {
      Packet p = from(v6);
      p.l4 = l4;
      p.payload = 2500;
      ASSERT_EQ(taken(p, "select_bare_out", 600), 1u);
      EXPECT_EQ(programs->ledger(number).selected, (l4 == L4::tcp ? 5u : 10u)) << "five each, in one slot";
    }
    load({held({})});
  }
}

TEST_P(Bare, ALossIsSilentAndCountsEthernetFrames) {
  load({losing()});
  Packet p = from(false);
  EXPECT_EQ(programs->select("select_bare_out", {.frame = build_bare(p)}).verdict, kRedirect);
  EXPECT_EQ(programs->select("select_bare_in", {.frame = build_bare(p)}).verdict, kDrop);
  EXPECT_EQ(programs->tally(0).dropped, 2u);
  EXPECT_EQ(programs->tally(0).bytes, 2 * build(p).size());
}

TEST_P(Bare, WhatIsRefusedIsTold) {
  Rule refuse = losing();
  refuse.channel.answer.reply = FL_REPLY_REFUSE;
  load({refuse});
  for (const bool v6 : {false, true}) {
    for (const char* program : {"select_bare_out", "select_bare_in"}) {
      Packet p = from(v6);
      p.l4 = L4::tcp;
      p.tcp_flags = 0x02;
      const Parsed reset = answer(p, program);
      EXPECT_EQ(reset.protocol, 6);
      EXPECT_EQ(be32(reset.carried, 8), p.sequence + p.payload + 1);  // data with a SYN, as TCP fast open has it
      EXPECT_EQ(reset.carried[13], 0x14);
      p.l4 = L4::udp;
      const Parsed unreachable = answer(p, program);
      EXPECT_EQ(unreachable.protocol, v6 ? 58 : 1);
      const Frame sent = build_bare(p), quoted(unreachable.carried.begin() + 8, unreachable.carried.end());
      EXPECT_TRUE(std::equal(quoted.begin(), quoted.end(), sent.begin()));
    }
  }
  EXPECT_EQ(programs->tally(0).answered, 8u);
}

TEST_P(Bare, TheGuardLetsPassWhatWasInThePen) {
  load({held({})});
  const Frame sent = build_bare(from(false));
  std::uint32_t seen = 0;
  const Skb run =
      programs->select_beside("select_bare_out", {.frame = sent, .cb0 = 7}, {.tc_index = Programs::kGuard}, &seen);
  EXPECT_EQ(run.verdict, kNext);
  EXPECT_EQ(run.frame, sent);
  EXPECT_EQ(seen, 7u) << "its tc_index before the pen";
}

TEST_P(Bare, ItsProgramsAreLoadedWhereThereIsSuchADevice) {
  load({held({})});
  EXPECT_GT(programs->selector().program("select_bare_out"), 0);
  Programs without(GetParam(), {held({})});
  EXPECT_EQ(without.selector().program("select_bare_out"), -1);
  EXPECT_EQ(without.selector().program("answer_bare_in"), -1);
}

// ---- tunnels: a rule meets what they carry, or what carries them ----

TEST_P(Bare, WhatCarriesATunnelMeetsRulesThatNameIt) {
  site::Match udp, peer, port, device;
  udp.protocol = "udp";
  peer.any_peer = false;
  peer.peers = {*IpPrefix::parse("10.0.0.0/8")};
  port.peer_ports = {{51820, 51820}};
  device.device = 1;
  load({held({}, 0), held(udp, 1), held(peer, 2), held(port, 3), held(device, 4)},
       {.protocols = 1ull << 47, .ports = {51820, 4789}});
  const auto rules = [&](const Packet& p, const char* program) {
    return programs->slot(stamp_of(programs->select(program, {.frame = build(p)}).frame).slot).rules;
  };
  for (const char* program : {"select_out", "select_in"}) {
    const std::uint64_t out = std::string(program) == "select_out" ? ~0ull : ~0b01000ull;
    EXPECT_EQ(rules({}, program) & 0b10111, 0b10111u & out) << "another's datagram";
    EXPECT_EQ(rules({.destination_port = 4789}, program), 0b10100u) << program;
    EXPECT_EQ(rules({.source_port = 51820}, program) & 0b10111, 0b10100u) << program;
    EXPECT_EQ(rules({.source_port = 51820, .destination_port = 51820}, program), 0b11100u)
        << "a rule may name the port";
    EXPECT_EQ(rules({.l4 = L4::gre}, program), 0b10100u) << program;
    EXPECT_EQ(rules({.l4 = L4::tcp, .source_port = 51820}, program) & 0b10111, 0b10101u) << "the ports are UDP's";
  }
  load({held({}, 0)});
  EXPECT_EQ(rules({.l4 = L4::gre}, "select_out"), 1u) << "without such a tunnel here, it is traffic as any other";
}

FAULTLINE_WITH_BOTH_ENGINES(Bare);

}  // namespace
}  // namespace faultline::test
