// Peers by the thousand: what the selector finds through its intervals is what each prefix, asked one by one, says.
#include <gtest/gtest.h>

#include <random>

#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

using pen::Engine;

struct Peers : EngineTest {};

bool covers(const IpPrefix& prefix, const IpPrefix& address) {
  for (int bit = 0; bit < prefix.length; bit++) {
    const auto at = static_cast<std::size_t>(bit / 8);
    if (((prefix.bytes[at] ^ address.bytes[at]) & 0x80 >> bit % 8) != 0) return false;
  }
  return true;
}

IpPrefix step(IpPrefix address, int by) {  // the next address, or the one before
  for (std::size_t i = address.v6 ? 16 : 4; i-- > 0;) {
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] + by);
    if (address.bytes[i] != (by > 0 ? 0x00 : 0xff)) break;
  }
  return address;
}

/// The prefix's first address, or its last.
IpPrefix edge(const IpPrefix& prefix, bool last) {
  IpPrefix out = prefix.alone();
  for (int bit = prefix.length; bit < out.length; bit++) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const auto one = static_cast<std::uint8_t>(0x80 >> bit % 8);
    out.bytes[at] = static_cast<std::uint8_t>(last ? out.bytes[at] | one : out.bytes[at] & ~one);
  }
  return out;
}

/// Rule 0 is for any peer; the prefixes are dealt out to rules 1 and on. Asks at every edge, beside it, and at random.
void compare(Engine engine, const std::vector<IpPrefix>& prefixes, std::mt19937_64& random) {
  const bool v6 = prefixes[0].v6;
  std::vector<Rule> rules(6);
  for (std::uint32_t i = 0; i < rules.size(); i++) {
    rules[i].fault = i;
    rules[i].channel = steady(rules[i].window, kMicrosecond);
    rules[i].match.any_peer = i == 0;
  }
  for (std::size_t i = 0; i < prefixes.size(); i++) rules[1 + i % 5].match.peers.push_back(prefixes[i]);
  const Programs programs(engine, rules);
  std::vector<IpPrefix> asked;
  for (const auto& prefix : prefixes)
    for (const bool last : {false, true})
      for (const int by : {-1, 0, 1}) asked.push_back(by == 0 ? edge(prefix, last) : step(edge(prefix, last), by));
  for (int i = 0; i < 200; i++) {
    IpPrefix address = asked[0];
    for (std::size_t b = 0; b < (v6 ? 16u : 4u); b++) address.bytes[b] = static_cast<std::uint8_t>(random());
    asked.push_back(address);
  }
  for (const auto& address : asked) {
    const std::string text = address.address_text();
    if (text == "169.254.169.254") continue;
    std::uint64_t expected = 1;
    for (std::size_t i = 0; i < prefixes.size(); i++)
      if (covers(prefixes[i], address)) expected |= 2ull << i % 5;
    const Skb out = programs.select(
        "select_out", {.frame = build({.source = v6 ? "2001:db8::1" : "192.0.2.1", .destination = text})});
    ASSERT_EQ(out.verdict, kRedirect);
    ASSERT_EQ(programs.slot(stamp_of(out.frame).slot).rules, expected) << text;
  }
}

std::vector<IpPrefix> parse(const std::vector<std::string>& texts) {
  std::vector<IpPrefix> out;
  for (const auto& text : texts) out.push_back(*IpPrefix::parse(text));
  return out;
}

TEST_P(Peers, Corners) {
  std::mt19937_64 random(1);
  for (const auto& prefixes :
       std::vector<std::vector<std::string>>{{"10.0.0.1"},
                                             {"0.0.0.0/0"},
                                             {"0.0.0.0"},
                                             {"255.255.255.255"},
                                             {"0.0.0.0/1", "128.0.0.0/1"},
                                             {"10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32"},
                                             {"10.255.255.255", "10.0.0.0/8", "11.0.0.0/8"},
                                             {"0.0.0.0/0", "0.0.0.0/32", "255.255.255.255/32"},
                                             {"10.0.0.2/31", "10.0.0.4/31"},
                                             {"::1"},
                                             {"::/0"},
                                             {"::"},
                                             {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                                             {"fd00::1", "fd00::2", "fd00::/64"},
                                             {"fd00::1:0:0:0/80", "fd00::1:0:0:7", "fd00::1:0:0:9"},
                                             {"fd00::/64", "fd00:0:0:1::/64"},
                                             {"::/1", "8000::/1"},
                                             {"fd00:0:0:0:8000::/65", "fd00::/65"},
                                             {"2001:db8::/32", "fd00::/8"}}) {
    SCOPED_TRACE(prefixes[0]);
    compare(GetParam(), parse(prefixes), random);
  }
}

TEST_P(Peers, RandomPrefixes) {
  std::mt19937_64 random(2);
  for (const bool v6 : {false, true}) {
    for (const unsigned shared : {0u, v6 ? 64u : 20u}) {  // bits in which all agree
      SCOPED_TRACE(std::to_string(v6) + " " + std::to_string(shared));
      std::vector<IpPrefix> prefixes;
      for (int i = 0; i < 500; i++) {
        IpPrefix prefix = *IpPrefix::parse(v6 ? "fd00:1:2:3::" : "10.20.30.0");
        for (std::size_t b = 0; b < (v6 ? 16u : 4u); b++)
          if (8 * b >= shared) prefix.bytes[b] = static_cast<std::uint8_t>(random());
        const unsigned most = v6 ? 128 : 32, least = std::max(shared, 4u);
        prefix.length = static_cast<int>(least + random() % (most - least + 1));
        if (!prefixes.empty() && random() % 3 == 0) {  // within another
          prefix = edge(prefixes[random() % prefixes.size()], false);
          prefix.length = static_cast<int>(most - random() % 6);
        }
        prefixes.push_back(prefix);
      }
      compare(GetParam(), prefixes, random);
    }
  }
}

TEST_P(Peers, LearnedWhileTheRunGoesOn) {
  std::vector<Rule> rules(3);  // of the name, of prefixes alone, of the name and one way
  for (std::uint32_t i = 0; i < rules.size(); i++) {
    rules[i].fault = i;
    rules[i].channel = steady(rules[i].window, kMicrosecond);
    rules[i].match.any_peer = false;
    rules[i].match.peers = {*IpPrefix::parse("10.0.0.0/24")};
    if (i != 1) rules[i].match.names = {"bank.test"};
  }
  rules[0].match.not_from = {*IpPrefix::parse("10.9.0.2")};
  rules[2].match.ingress = false;
  std::vector<site::Rule> of_site;
  for (const auto& rule : rules) of_site.push_back({rule.fault, "", rule.match});
  Programs programs(GetParam(), rules);
  const auto taken = [&](const char* from, const char* to, const char* program) {
    const Skb run = programs.select(program, {.frame = build({.source = from, .destination = to})});
    return run.verdict == kRedirect ? programs.slot(stamp_of(run.frame).slot).rules : 0;
  };
  const auto learn = [&](const char* address) {
    const auto masks = site::learn(of_site, "bank.test", *IpPrefix::parse(address));
    programs.selectors().tell_learned(0, site::learned_key(*IpPrefix::parse(address)), masks);
    return masks;
  };
  EXPECT_EQ(taken("192.0.2.1", "10.9.0.1", "select_out"), 0u);
  EXPECT_EQ(taken("2001:db8::1", "fd09::1", "select_out"), 0u);
  for (const char* address : {"10.9.0.1", "10.9.0.2", "fd09::1"}) learn(address);
  EXPECT_EQ(taken("192.0.2.1", "10.9.0.1", "select_out"), 0b101u);
  EXPECT_EQ(taken("10.9.0.1", "192.0.2.1", "select_in"), 0b001u);
  EXPECT_EQ(taken("10.9.0.2", "192.0.2.1", "select_in"), 0u) << "another site of the fault: its egress acts";
  EXPECT_EQ(taken("2001:db8::1", "fd09::1", "select_out"), 0b101u);
  EXPECT_EQ(taken("fd09::1", "2001:db8::1", "select_in"), 0b001u);
  EXPECT_EQ(taken("192.0.2.1", "10.9.0.3", "select_out"), 0u);
  EXPECT_EQ(taken("2001:db8::1", "::ffff:10.9.0.3", "select_out"), 0u);
  EXPECT_EQ(taken("192.0.2.1", "10.0.0.1", "select_out"), 0b111u) << "what the plan names";
  const auto known = learn("10.0.0.7");
  EXPECT_EQ(known.out | known.in, 0u) << "it was a peer before";
}

FAULTLINE_WITH_BOTH_ENGINES(Peers);

}  // namespace
}  // namespace faultline::test
