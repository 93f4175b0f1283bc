// Which packets the selector takes, and in what state: one packet, one verdict. A packet that is not taken must come
// out exactly as it went in.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "injector/base/clock.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

using pen::Engine;

site::Match match_of(const std::string& protocol = "") {
  site::Match match;
  match.protocol = protocol;
  return match;
}

/// Holds what it selects, so that being selected shows as a redirect into the pen.
Rule holding(const site::Match& match, faults::Window window = {0, 3600 * kSecond}) {
  return {.match = match, .channel = steady(window, kMicrosecond), .window = window};
}

site::Match peers(const std::vector<std::string>& prefixes) {
  site::Match match;
  match.any_peer = false;
  for (const auto& p : prefixes) match.peers.push_back(*IpPrefix::parse(p));
  return match;
}

struct Selector : EngineTest {
  void load(const std::vector<site::Match>& matches) {
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < matches.size(); i++) {
      rules.push_back(holding(matches[i]));
      rules.back().fault = i;
    }
    programs = std::make_unique<Programs>(GetParam(), rules);
  }

  /// The rules that take the frame; 0: it passes, untouched.
  std::uint64_t taken(const Frame& frame, const char* program = "select_out", std::uint32_t mark = 0,
                      std::uint32_t priority = 0) {
    const Skb run = programs->select(program, {.frame = frame, .mark = mark, .priority = priority});
    EXPECT_EQ(run.mark, mark);
    EXPECT_EQ(run.priority, priority);
    EXPECT_EQ(run.frame.size(), frame.size());
    if (run.verdict == kNext) {
      EXPECT_EQ(run.frame, frame) << "a packet that passes is left as it is";
      return 0;
    }
    EXPECT_EQ(run.verdict, kRedirect);
    const fl_stamp stamp = stamp_of(run.frame);
    EXPECT_EQ(stamp.magic, FL_STAMP_MAGIC);
    EXPECT_EQ(stamp.flags, 0);
    EXPECT_EQ(stamp.hold, 0u);
    EXPECT_EQ(stamp.due, 0u);
    EXPECT_TRUE(std::equal(run.frame.begin() + 12, run.frame.end(), frame.begin() + 12))
        << "only the addresses are stamped";
    slot = programs->slot(stamp.slot);
    number = stamp.slot;
    EXPECT_NE(stamp.slot, 0);
    EXPECT_EQ(std::memcmp(slot.mac, frame.data(), sizeof slot.mac), 0);
    EXPECT_EQ(slot.mark, mark);
    EXPECT_EQ(slot.priority, priority);
    EXPECT_EQ(slot.site, 0);
    EXPECT_NE(slot.rules, 0u);
    return slot.rules;
  }
  std::uint64_t taken(const Packet& packet, const char* program = "select_out") {
    return taken(build(packet), program);
  }

  /// For frames so short that newer kernels refuse to run a program on them.
  std::uint64_t taken_if_runnable(const Packet& packet) {
    try {
      return taken(packet);
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EINVAL);
      return 0;
    }
  }

  std::unique_ptr<Programs> programs;
  fl_slot slot{};
  std::uint32_t number = 0;
};

// ---- when ----

TEST_P(Selector, nothing_is_taken_while_no_rule_is_live) {
  const faults::Window window{10 * kSecond, 20 * kSecond};
  programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{holding(match_of(), window)});
  for (const auto& [second, rules] :
       {std::pair{1, 0u}, {9, 0u}, {10, 1u}, {15, 1u}, {19, 1u}, {21, 0u}, {11, 1u}, {22, 0u}}) {
    programs->set_time(second * kSecond);
    EXPECT_EQ(taken(Packet{}), rules) << second << " s";
  }
  programs->set_time(-kSecond);
  EXPECT_EQ(taken(Packet{}), 0u) << "before T0";
}

TEST_P(Selector, live_rules_follow_the_table) {
  constexpr Ns kStep = 200 * kMillisecond;
  constexpr int kSteps = 127;
  // T0 lies in the past here, and the clock begins when the machine does: a virtual machine may have come up just now.
  while (monotonic_now() < (kSteps + 2) * kStep) usleep(100'000);
  std::vector<Rule> rules;
  for (int i = 0; i < 64; i++) rules.push_back(holding(match_of(), {i * kStep, (2 * i + 1) * kStep}));
  programs = std::make_unique<Programs>(GetParam(), rules);
  for (const int step : {100, 0, 63, 31, 7, 126, kSteps, 64, 1}) {
    std::uint64_t expected = 0, seen = 0;
    for (int i = 0; i < 64; i++)
      if (step >= i && step < 2 * i + 1) expected |= 1ull << i;
    Ns took = kStep;
    for (int i = 0; i < 50 && took >= kStep / 2; i++) {  // a busy machine may be in the next step already
      const Ns before = monotonic_now();
      programs->set_time(step * kStep + kStep / 2);
      seen = taken(Packet{});
      took = monotonic_now() - before;
    }
    EXPECT_EQ(seen, expected) << "step " << step;
  }
}

TEST_P(Selector, what_is_not_armed_or_stopped_passes_uncounted) {
  load({match_of()});
  const auto epoch = programs->control().epoch;
  programs->control().epoch = 0;
  EXPECT_EQ(taken(Packet{}), 0u);
  programs->control().epoch = epoch;
  EXPECT_EQ(taken(Packet{}), 1u);
  programs->control().stop = 1;
  EXPECT_EQ(taken(Packet{}), 0u);
  EXPECT_EQ(programs->tally(0).passed_by_safety, 0u)
      << "a stop is the end of the fault: nothing was let pass for safety";
}

TEST_P(Selector, a_stale_lease_lets_pass_and_counts) {
  load({match_of(), match_of("tcp"), match_of("udp")});
  programs->control().beat = static_cast<__u64>(monotonic_now() - 61 * kSecond);
  for (int i = 0; i < 3; i++) EXPECT_EQ(taken(Packet{}), 0u);
  EXPECT_EQ(programs->tally(0).passed_by_safety, 3u);
  EXPECT_EQ(programs->tally(1).passed_by_safety, 0u) << "it does not match tcp";
  EXPECT_EQ(programs->tally(2).passed_by_safety, 3u);
  programs->control().beat = static_cast<__u64>(monotonic_now());
  EXPECT_EQ(taken(Packet{}), 0b101u);
}

// A rule stays live for a moment after its end, so that what follows a held packet cannot overtake it.
TEST_P(Selector, a_stale_lease_is_not_charged_to_what_is_over) {
  const std::vector<Rule> rules{holding(match_of(), {0, 600 * kSecond}), holding(match_of(), {kSecond, 2 * kSecond})};
  programs = std::make_unique<Programs>(GetParam(), rules);
  programs->set_time(5 * kSecond);
  programs->control().hold_at = static_cast<__u64>(2 * kSecond + 100 * kMillisecond);
  ASSERT_EQ(taken(Packet{}), 0b11u) << "live, both of them";
  programs->control().beat = static_cast<__u64>(monotonic_now() - 61 * kSecond);
  EXPECT_EQ(taken(Packet{}), 0u);
  EXPECT_EQ(programs->tally(0).passed_by_safety, 1u);
  EXPECT_EQ(programs->tally(1).passed_by_safety, 0u);
}

// Where a run waits, what is to come does not begin, what is over stays over, and what stands goes on.
TEST_P(Selector, the_clock_stands_still_where_the_run_waits) {
  const std::vector<Rule> rules{holding(match_of(), {0, 600 * kSecond}), holding(match_of(), {kSecond, 2 * kSecond}),
                                holding(match_of(), {4 * kSecond, 600 * kSecond})};
  programs = std::make_unique<Programs>(GetParam(), rules);
  programs->set_time(5 * kSecond);
  const auto taken_when_held_at = [&](Ns t) {
    programs->control().hold_at = static_cast<__u64>(t);
    return taken(Packet{});
  };
  EXPECT_EQ(taken_when_held_at(3 * kSecond), 0b001u);
  EXPECT_EQ(taken_when_held_at(60 * kSecond), 0b101u);
  EXPECT_EQ(taken_when_held_at(0), 0b101u);
}

TEST_P(Selector, without_an_owner_everything_passes) {
  programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{holding(match_of())}, Programs::Owner::nobody);
  if (GetParam() == Engine::clsact) {
    EXPECT_EQ(taken(Packet{}), 1u);
    programs->close_gate();
  }
  EXPECT_EQ(taken(Packet{}), 0u);
  if (GetParam() == Engine::tcx) {
    EXPECT_EQ(programs->tally(0).passed_by_safety, 1u);
  }
}

// ---- which ----

TEST_P(Selector, protocols) {
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

TEST_P(Selector, directions) {
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

TEST_P(Selector, loopback_is_left_alone_when_asked) {
  site::Match outside = match_of();
  outside.loopback = false;
  load({outside, match_of("udp")});
  EXPECT_EQ(taken(Packet{}, "select_out"), 0b11u);
  EXPECT_EQ(taken(Packet{}, "select_lo"), 0b10u);
  EXPECT_EQ(taken(Packet{.l4 = L4::tcp}, "select_lo"), 0u);
}

TEST_P(Selector, nothing_is_taken_in_another_network_namespace) {
  // As on a device that has moved there: a program runs where its device is, in a test where its caller is.
  const auto take_where = [&](std::uint64_t home) {
    pen::Place place;
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

TEST_P(Selector, loopback_peers_both_ways) {
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

TEST_P(Selector, nested_prefixes) {
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

TEST_P(Selector, not_from_leaves_out_what_another_site_acts_on) {
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

TEST_P(Selector, ports) {
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

TEST_P(Selector, fragments) {
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

TEST_P(Selector, header_options) {
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

// ---- what keeps the link a link ----

TEST_P(Selector, the_links_own_traffic_is_exempt) {
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

TEST_P(Selector, the_metadata_address_is_exempt) {
  load({match_of(), peers({"169.254.0.0/16"})});
  EXPECT_EQ(taken(Packet{.destination = "169.254.169.254"}), 0u);
  EXPECT_EQ(taken(Packet{.source = "169.254.169.254"}, "select_in"), 0u);
  EXPECT_EQ(taken(Packet{.destination = "169.254.169.253"}), 0b11u);
}

TEST_P(Selector, tagged_packets_pass) {
  load({match_of()});
  EXPECT_EQ(taken(Packet{.vlan = 7}), 0u) << "tag in the frame";
  const Frame frame = build({});
  const Skb bare = programs->select_beside("select_out", {.frame = frame}, {});
  EXPECT_EQ(bare.verdict, kRedirect);
  const Skb tagged = programs->select_beside("select_out", {.frame = frame}, {.vlan = 7});
  EXPECT_EQ(tagged.verdict, kNext) << "tag beside the frame";
}

TEST_P(Selector, truncated_frames_pass_where_the_rule_cannot_be_told) {
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

// ---- slots and the guard ----

TEST_P(Selector, a_slot_is_a_state_to_give_back) {
  load({match_of(), match_of("tcp")});
  const Frame udp = build({}), tcp = build({.l4 = L4::tcp});
  std::set<std::uint32_t> slots;
  const auto use = [&](const Frame& frame, const char* program, std::uint32_t mark, std::uint32_t priority) {
    EXPECT_NE(taken(frame, program, mark, priority), 0u);
    return number;
  };
  const std::uint32_t plain = use(udp, "select_out", 0, 0);
  slots.insert(plain);
  slots.insert(use(udp, "select_out", 1, 0));
  slots.insert(use(udp, "select_out", 0xffffffff, 0));
  slots.insert(use(udp, "select_out", 0, 1));
  slots.insert(use(udp, "select_out", 0, 0x10001));
  slots.insert(use(udp, "select_in", 0, 0));
  slots.insert(use(udp, "select_lo", 0, 0));
  slots.insert(use(tcp, "select_out", 0, 0));
  Frame other = udp;
  other[11]++;
  slots.insert(use(other, "select_out", 0, 0));
  EXPECT_EQ(slots.size(), 9u) << "each state has a slot of its own";
  EXPECT_EQ(use(build({.destination_port = 9}), "select_out", 0, 0), plain) << "the same state, the same slot";
  EXPECT_EQ(programs->ledger(plain).selected, 2u);
}

TEST_P(Selector, a_foreign_tc_index_is_kept) {
  load({match_of()});
  const Frame frame = build({});
  std::uint32_t seen = 0;
  const Skb run = programs->select_beside("select_out", {.frame = frame}, {.tc_index = 0x99}, &seen);
  EXPECT_EQ(seen, 0x99u);
  EXPECT_EQ(programs->slot(stamp_of(run.frame).slot).tc_index, 0x99);
}

TEST_P(Selector, the_guard_passes_once_and_is_gone) {
  load({match_of()});
  const Frame frame = build({});
  for (const char* program : {"select_out", "select_in", "select_lo"}) {
    std::uint32_t seen = 0;
    const Skb run =
        programs->select_beside(program, {.frame = frame, .cb0 = 0x55}, {.tc_index = Programs::kGuard}, &seen);
    EXPECT_EQ(run.verdict, kNext) << program;
    EXPECT_EQ(run.frame, frame) << program;
    EXPECT_EQ(seen, 0x55u) << program << ": what it was before the pen";
    const Skb again = programs->select_beside(program, {.frame = frame}, {.tc_index = seen});
    EXPECT_EQ(again.verdict, kRedirect) << program;
  }
  // Another run's guard means nothing to us.
  EXPECT_EQ(programs->select_beside("select_out", {.frame = frame}, {.tc_index = Programs::kGuard + 1}).verdict,
            kRedirect);
}

TEST_P(Selector, when_slots_run_out_packets_pass_and_are_counted) {
  load({match_of()});
  const Frame frame = build({});
  std::uint32_t slots = 0, passed = 0;
  for (std::uint32_t mark = 0; mark < FL_MAX_SLOTS + 10; mark++)
    (taken(frame, "select_out", mark) != 0 ? slots : passed)++;
  EXPECT_EQ(slots, FL_MAX_SLOTS - 1u);
  EXPECT_EQ(passed, 11u);
  EXPECT_EQ(programs->site_tally().no_slot, 11u);
  EXPECT_NE(taken(frame, "select_out", 7), 0u) << "known states go on";
  EXPECT_EQ(programs->site_tally().no_slot, 11u);
}

TEST_P(Selector, a_bundle_behind_extension_headers_is_counted_by_wire_packets) {
  load({match_of()});
  std::uint64_t expected = 0;
  for (const auto& extensions : std::vector<std::vector<Extension>>{
           {}, {Extension::hop_by_hop}, {Extension::hop_by_hop, Extension::destination, Extension::routing}}) {
    for (const L4 l4 : {L4::tcp, L4::udp}) {
      Packet p{.source = "fd00::1", .destination = "fd00::2", .l4 = l4, .extensions = extensions};
      p.payload = 2500;
      const Skb run = programs->select("select_out", {.frame = build(p), .gso_size = 600});
      ASSERT_EQ(run.verdict, kRedirect);
      expected += 5;
      EXPECT_EQ(programs->ledger(stamp_of(run.frame).slot).selected, expected) << extensions.size();
    }
  }
}

// ---- the return ----

TEST_P(Selector, give_back_restores_frame_mark_priority_and_tc_index) {
  load({match_of()});
  const Frame frame = build({.l4 = L4::tcp});
  for (const char* program : {"select_out", "select_in", "select_lo"}) {
    const Skb out =
        programs->select_beside(program, {.frame = frame, .mark = 0xabc, .priority = 6}, {.tc_index = 0x77});
    ASSERT_EQ(out.verdict, kRedirect);
    const std::uint32_t n = stamp_of(out.frame).slot;
    std::uint32_t seen = 0;
    const Skb back = programs->select_beside("give_back", {.frame = out.frame}, {}, &seen);
    EXPECT_EQ(back.verdict, kNext) << "of the second look";
    EXPECT_EQ(back.frame, frame);
    EXPECT_EQ(back.mark, 0xabcu);
    EXPECT_EQ(back.priority, 6u);
    EXPECT_EQ(seen, Programs::kGuard);
    EXPECT_EQ(back.cb0, 0x77u) << "for the selector to restore";
    EXPECT_EQ(programs->select("give_back", {.frame = out.frame}).verdict, kRedirect);
    EXPECT_EQ(programs->ledger(n).returned, 0u) << "it is asked for, and nothing more";
    // The way in scrubs mark and priority once more.
    const Skb there = programs->select_beside(program, {.frame = frame, .cb0 = back.cb0, .cb1 = back.cb1},
                                              {.tc_index = Programs::kGuard}, &seen);
    EXPECT_EQ(there.verdict, kNext);
    EXPECT_EQ(there.frame, frame);
    EXPECT_EQ(there.mark, 0xabcu);
    EXPECT_EQ(there.priority, 6u);
    EXPECT_EQ(seen, 0x77u);
    EXPECT_EQ(programs->ledger(n).returned, 1u);
    programs->select_beside(program, {.frame = frame, .cb0 = back.cb0, .cb1 = n}, {.tc_index = Programs::kGuard});
    EXPECT_EQ(programs->ledger(n).returned, 1u) << "an answer has no slot";
  }
}

TEST_P(Selector, give_back_drops_what_is_not_ours) {
  load({match_of()});
  EXPECT_EQ(programs->select("give_back", {.frame = build({})}).verdict, kDrop);
  Frame frame = build({});
  set_stamp(frame, {.magic = FL_STAMP_MAGIC, .flags = 0, .slot = 99, .hold = 0, .due = 0});
  EXPECT_EQ(programs->select("give_back", {.frame = frame}).verdict, kDrop) << "no such slot";
}

FAULTLINE_WITH_BOTH_ENGINES(Selector);

}  // namespace
}  // namespace faultline::test
