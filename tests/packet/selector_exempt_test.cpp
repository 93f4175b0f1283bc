// What the selector leaves alone whatever the rules say, so that the link stays a link.
#include <gtest/gtest.h>

#include "tests/packet/selector_bed.h"

namespace faultline::test {
namespace {

TEST_P(Selector, TheLinksOwnTrafficIsExempt) {
  load({match_of(), match_of("icmp")});
  EXPECT_EQ(taken(arp("10.0.0.1", "10.0.0.2")), 0u);
  EXPECT_EQ(taken(arp("10.0.0.1", "10.0.0.2"), "select_in"), 0u);
  for (int type = 128; type <= 143; type++) {
    Packet p{
        .source = "fe80::1", .destination = "ff02::1", .l4 = L4::icmp6, .icmp_type = static_cast<std::uint8_t>(type)};
    const std::uint64_t expected =
        type >= 133 && type <= 137 ? 0 : 0b11;  // RFC 4861: solicitations, advertisements, redirect
    EXPECT_EQ(taken(p), expected) << type;
    EXPECT_EQ(taken(p, "select_in"), expected) << type;
    p.extensions = {Extension::hop_by_hop};
    EXPECT_EQ(taken(p), expected) << type << " behind an extension header";
  }
  EXPECT_EQ(taken(Packet{.l4 = L4::icmp, .icmp_type = 135}), 0b11u) << "IPv4 has no neighbour discovery";
}

TEST_P(Selector, TheMetadataAddressIsExempt) {
  load({match_of(), peers({"169.254.0.0/16"})});
  EXPECT_EQ(taken(Packet{.destination = "169.254.169.254"}), 0u);
  EXPECT_EQ(taken(Packet{.source = "169.254.169.254"}, "select_in"), 0u);
  EXPECT_EQ(taken(Packet{.destination = "169.254.169.253"}), 0b11u);
}

TEST_P(Selector, TaggedPacketsPass) {
  load({match_of()});
  EXPECT_EQ(taken(Packet{.vlan = 7}), 0u) << "tag in the frame";
  const Frame frame = build({});
  const Skb bare = programs->select_beside("select_out", {.frame = frame}, {});
  EXPECT_EQ(bare.verdict, kRedirect);
  const Skb tagged = programs->select_beside("select_out", {.frame = frame}, {.vlan = 7});
  EXPECT_EQ(tagged.verdict, kNext) << "tag beside the frame";
}

TEST_P(Selector, TruncatedFramesPassWhereTheRuleCannotBeTold) {
  site::Match port = match_of("udp");
  port.peer_ports = {{7000, 7000}};
  load({match_of(), port});
  const std::size_t eth = 14;
  for (const std::size_t length : {eth + 20, eth + 22, eth + 23})
    EXPECT_EQ(taken(Packet{.cut = length}), 0b01u) << length;
  EXPECT_EQ(taken(Packet{.cut = eth + 24}), 0b11u);
  Packet v6{.source = "fd00::1", .destination = "fd00::2"};
  for (const std::size_t length : {eth + 40, eth + 43}) {
    v6.cut = length;
    EXPECT_EQ(taken(v6), 0b01u) << length;
  }
  v6.cut = eth + 44;
  EXPECT_EQ(taken(v6), 0b11u);
  v6.extensions = {Extension::hop_by_hop, Extension::destination};
  for (const std::size_t length : {eth + 41, eth + 43, eth + 48, eth + 51}) {
    v6.cut = length;
    EXPECT_EQ(taken(v6), 0u) << length << ": an extension header is missing";
  }
  for (const std::size_t length : {eth + 15, eth + 19})
    EXPECT_EQ(taken_if_runnable(Packet{.cut = length}), 0u) << length;
  for (const std::size_t length : {eth + 20, eth + 39}) {
    Packet p{.source = "fd00::1", .destination = "fd00::2", .cut = length};
    EXPECT_EQ(taken_if_runnable(p), 0u) << length;
  }
}

}  // namespace
}  // namespace faultline::test
