// Which packets the selector takes: one packet, one verdict. A packet that is not taken must come out exactly as it
// went in.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/packet/selector_bed.h"

namespace faultline::test {
namespace {

TEST_P(Selector, Protocols) {
  load({match_of(), match_of("tcp"), match_of("udp"), match_of("icmp")});
  for (const bool v6 : {false, true}) {
    Packet p;
    if (v6) p.source = "fd00::1", p.destination = "fd00::2";
    const auto with = [&](L4 l4) {
      p.l4 = l4;
      return taken(p);
    };
    EXPECT_EQ(with(L4::tcp), 0b0011u) << v6;
    EXPECT_EQ(with(L4::udp), 0b0101u) << v6;
    EXPECT_EQ(with(v6 ? L4::icmp6 : L4::icmp), 0b1001u) << v6;
    EXPECT_EQ(with(L4::gre), 0b0001u) << v6;
    EXPECT_EQ(with(L4::none), 0b0001u) << v6;
  }
}

TEST_P(Selector, Directions) {
  site::Match out = match_of(), in = match_of();
  out.ingress = false;
  in.egress = false;
  load({match_of(), out, in});
  EXPECT_EQ(taken(Packet{}, "select_out"), 0b011u);
  EXPECT_FALSE(slot.ingress);
  EXPECT_EQ(taken(Packet{}, "select_in"), 0b101u);
  EXPECT_TRUE(slot.ingress);
  EXPECT_FALSE(slot.loopback);
  EXPECT_EQ(taken(Packet{}, "select_lo"), 0b111u) << "on lo a packet leaves and arrives";
  EXPECT_TRUE(slot.loopback);
  EXPECT_FALSE(slot.ingress);
}

TEST_P(Selector, LoopbackIsLeftAloneWhenAsked) {
  site::Match outside = match_of();
  outside.loopback = false;
  load({outside, match_of("udp")});
  EXPECT_EQ(taken(Packet{}, "select_out"), 0b11u);
  EXPECT_EQ(taken(Packet{}, "select_lo"), 0b10u);
  EXPECT_EQ(taken(Packet{.l4 = L4::tcp}, "select_lo"), 0u);
}

TEST_P(Selector, NothingIsTakenInAnotherNetworkNamespace) {
  // As on a device that has moved there: a program runs where its device is, in a test where its caller is.
  const auto take_where = [&](std::uint64_t home) {
    pen::SelectorPlace place;
    place.netns = static_cast<std::uint32_t>(home);
    programs =
        std::make_unique<Programs>(GetParam(), std::vector<Rule>{holding(match_of())}, Programs::Owner::us, place);
    return programs->select("select_out", {.frame = build(Packet{})}).verdict;
  };
  const NetNs home = NetNs::current(), other = NetNs::create();
  EXPECT_EQ(take_where(home.inode()), kRedirect);
  EXPECT_EQ(take_where(other.inode()), kNext);
  Inside in(other);
  EXPECT_EQ(take_where(home.inode()), kNext);
  EXPECT_EQ(take_where(other.inode()), kRedirect);
}

TEST_P(Selector, LoopbackPeersBothWays) {
  site::Match out = peers({"127.0.0.9/32", "::9/128"}), in = out;
  out.ingress = false;
  in.egress = false;
  load({out, in});
  EXPECT_EQ(taken(Packet{.source = "127.0.0.1", .destination = "127.0.0.9"}, "select_lo"), 0b01u);
  EXPECT_EQ(taken(Packet{.source = "127.0.0.9", .destination = "127.0.0.1"}, "select_lo"), 0b10u);
  EXPECT_EQ(taken(Packet{.source = "127.0.0.9", .destination = "127.0.0.9"}, "select_lo"), 0b11u);
  EXPECT_EQ(taken(Packet{.source = "127.0.0.1", .destination = "127.0.0.1"}, "select_lo"), 0u);
  EXPECT_EQ(taken(Packet{.source = "::1", .destination = "::9"}, "select_lo"), 0b01u);
  EXPECT_EQ(taken(Packet{.source = "::9", .destination = "::1"}, "select_lo"), 0b10u);
}

TEST_P(Selector, NestedPrefixes) {
  load({peers({"10.0.0.0/8"}), peers({"10.1.0.0/16", "fd00:1::/32"}), peers({"10.1.2.3", "fd00:1::3"}),
        peers({"fd00::/8"}), match_of("tcp"), peers({"0.0.0.0/0"}), peers({"10.1.2.2/31"})});
  const auto to = [&](const char* peer) {
    const bool v6 = std::strchr(peer, ':') != nullptr;
    const std::uint64_t out = taken(Packet{.source = v6 ? "2001:db8::1" : "192.0.2.1", .destination = peer});
    EXPECT_EQ(taken(Packet{.source = peer, .destination = v6 ? "2001:db8::1" : "192.0.2.1"}, "select_in"), out) << peer;
    return out;
  };
  EXPECT_EQ(to("10.1.2.3"), 0b1100111u);
  EXPECT_EQ(to("10.1.2.2"), 0b1100011u);
  EXPECT_EQ(to("10.1.2.4"), 0b0100011u);
  EXPECT_EQ(to("10.2.0.1"), 0b0100001u);
  EXPECT_EQ(to("11.0.0.1"), 0b0100000u);
  EXPECT_EQ(to("fd00:1::3"), 0b0001110u);
  EXPECT_EQ(to("fd00:1::4"), 0b0001010u);
  EXPECT_EQ(to("fd00:2::3"), 0b0001000u);
  EXPECT_EQ(to("fe80::3"), 0u);
  EXPECT_EQ(taken(Packet{.source = "10.1.2.3", .destination = "198.51.100.1"}), 0b0100000u)
      << "the peer is where it goes to";
}

TEST_P(Selector, NotFromLeavesOutWhatAnotherSiteActsOn) {
  site::Match all = match_of(), some = peers({"10.0.0.0/8", "fd00::/8"});
  all.not_from = some.not_from = {*IpPrefix::parse("10.0.0.7/32"), *IpPrefix::parse("fd00::7/128")};
  load({all, some});
  EXPECT_EQ(taken(Packet{.source = "10.0.0.8", .destination = "10.0.0.1"}, "select_in"), 0b11u);
  EXPECT_EQ(taken(Packet{.source = "10.0.0.7", .destination = "10.0.0.1"}, "select_in"), 0u);
  EXPECT_EQ(taken(Packet{.source = "10.0.0.1", .destination = "10.0.0.7"}, "select_out"), 0b11u)
      << "only what comes in";
  EXPECT_EQ(taken(Packet{.source = "192.0.2.1", .destination = "10.0.0.1"}, "select_in"), 0b01u);
  EXPECT_EQ(taken(Packet{.source = "fd00::7", .destination = "fd00::1"}, "select_in"), 0u);
  EXPECT_EQ(taken(Packet{.source = "fd00::8", .destination = "fd00::1"}, "select_in"), 0b11u);
}

TEST_P(Selector, Ports) {
  site::Match peer = match_of(), own = match_of("tcp"), both = match_of("udp");
  peer.peer_ports = {{7000, 7002}, {53, 53}};
  own.own_ports = {{443, 443}};
  both.peer_ports = {{7001, 7001}};
  both.own_ports = {{5000, 5000}};
  load({peer, own, both, match_of()});
  for (const bool v6 : {false, true}) {
    const auto ports = [&](L4 l4, std::uint16_t source, std::uint16_t destination, const char* program = "select_out") {
      Packet p{.l4 = l4, .source_port = source, .destination_port = destination};
      if (v6) p.source = "fd00::1", p.destination = "fd00::2";
      return taken(p, program);
    };
    EXPECT_EQ(ports(L4::udp, 5000, 7000), 0b1001u);
    EXPECT_EQ(ports(L4::udp, 5000, 7001), 0b1101u);
    EXPECT_EQ(ports(L4::udp, 5001, 7001), 0b1001u);
    EXPECT_EQ(ports(L4::udp, 5000, 7003), 0b1000u);
    EXPECT_EQ(ports(L4::udp, 7000, 5000), 0b1000u) << "7000 is our own here";
    EXPECT_EQ(ports(L4::udp, 7000, 5000, "select_in"), 0b1001u);
    EXPECT_EQ(ports(L4::udp, 7001, 5000, "select_in"), 0b1101u);
    EXPECT_EQ(ports(L4::tcp, 443, 53), 0b1011u);
    EXPECT_EQ(ports(L4::tcp, 53, 443, "select_in"), 0b1011u);
    EXPECT_EQ(ports(L4::tcp, 40000, 443), 0b1000u);
    EXPECT_EQ(ports(L4::udp, 5000, 7001, "select_lo"), 0b1101u);
    EXPECT_EQ(ports(L4::udp, 7001, 5000, "select_lo"), 0b1101u) << "on lo, either end is the site's";
    EXPECT_EQ(ports(L4::udp, 65535, 0), 0b1000u);
  }
  EXPECT_EQ(taken(Packet{.l4 = L4::icmp}), 0b1000u) << "without ports no rule that names one";
}

TEST_P(Selector, Fragments) {
  site::Match port = match_of("udp");
  port.peer_ports = {{7000, 7000}};
  load({match_of("udp"), port, match_of()});
  EXPECT_EQ(taken(Packet{.more_fragments = true}), 0b111u) << "the first has the ports";
  EXPECT_EQ(taken(Packet{.fragment_offset = 4, .more_fragments = true}), 0b101u);
  EXPECT_EQ(taken(Packet{.fragment_offset = 4}), 0b101u);
  Packet p{.source = "fd00::1", .destination = "fd00::2", .more_fragments = true, .extensions = {Extension::fragment}};
  EXPECT_EQ(taken(p), 0b111u);
  p.fragment_offset = 4;
  EXPECT_EQ(taken(p), 0b101u);
  p.more_fragments = false;
  EXPECT_EQ(taken(p), 0b101u);
  p.fragment_offset = 0;
  EXPECT_EQ(taken(p), 0b111u) << "an atomic fragment: all of it";
}

TEST_P(Selector, HeaderOptions) {
  site::Match port = match_of();
  port.peer_ports = {{7000, 7000}};
  load({port, match_of("tcp"), match_of("udp"), match_of("icmp")});
  EXPECT_EQ(taken(Packet{.option_words = 1}), 0b101u);
  EXPECT_EQ(taken(Packet{.l4 = L4::tcp, .option_words = 10}), 0b011u);
  using E = Extension;
  for (const auto& chain : {std::vector{E::hop_by_hop},
                            {E::routing},
                            {E::destination},
                            {E::hop_by_hop, E::destination, E::routing, E::fragment}}) {
    Packet p{.source = "fd00::1", .destination = "fd00::2", .extensions = chain};
    EXPECT_EQ(taken(p), 0b101u) << chain.size();
    p.l4 = L4::tcp;
    EXPECT_EQ(taken(p), 0b011u) << chain.size();
    p.l4 = L4::icmp6;
    EXPECT_EQ(taken(p, "select_in"), 0b1000u) << chain.size();
  }
}

// Those of the other files of this suite as well.
FAULTLINE_WITH_BOTH_ENGINES(Selector);

}  // namespace
}  // namespace faultline::test
