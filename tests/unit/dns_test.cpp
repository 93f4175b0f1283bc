// The dns fault: its keys and their mistakes, what it compiles to, and the hash that names are found by.
#include <gtest/gtest.h>

#include <set>

#include "faults/score.h"
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

using faults::name_mistake;
using faults::name_rule;

constexpr faults::Window kOneSecond{kSecond, 2 * kSecond};

std::string dns_fault(const std::string& rest) {
  return "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"dns\"\non = \"shop\"\nstart = \"5s\"\nfor = "
         "\"10s\"\n" +
         rest;
}

faults::Channel compiled(const std::string& rest) {
  const Fault f = parse_good(dns_fault(rest)).faults.at(0);
  return f.kind->compile({f.params, kOneSecond, 1, "shop"});
}

TEST(DnsFault, ErrorsAndSilence) {
  for (const auto& [answer, rcode] : {std::pair{"nxdomain", 3}, {"servfail", 2}, {"refused", 5}}) {
    const auto channel = compiled(std::string("answer = \"") + answer + "\"\n");
    EXPECT_EQ(channel.answer.filter, FL_FILTER_LOOKUP);
    EXPECT_EQ(channel.answer.reply, FL_REPLY_LOOKUP);
    EXPECT_EQ(channel.answer.lookup.rcode, rcode);
    EXPECT_TRUE(channel.answer.names.empty()) << "every name";
    EXPECT_EQ(value_at(channel.loss, kSecond), 1);
  }
  const auto silence = compiled("answer = \"silence\"\nnames = \"bank.internal\"\n");
  EXPECT_EQ(silence.answer.reply, FL_REPLY_NONE);
  EXPECT_EQ(silence.answer.names, std::vector<std::string>{"bank.internal"});
  EXPECT_EQ(value_at(silence.loss, kSecond), 1);
}

TEST(DnsFault, DelayHoldsAndDropsNothing) {
  const auto channel = compiled("answer = \"delay\"\ndelay = \"2s\"\n");
  EXPECT_EQ(value_at(channel.delay, kSecond), 2e9);
  EXPECT_TRUE(channel.loss.empty());
  EXPECT_EQ(channel.answer.reply, FL_REPLY_NONE);
}

TEST(DnsFault, WrongAddressesBecomeRecords) {
  const auto channel =
      compiled("answer = \"wrong\"\naddress = [\"192.0.2.1\", \"2001:db8::1\", \"192.0.2.9\"]\nttl = \"70000s\"\n");
  const fl_answer flat = faults::flatten_answer(channel.answer);
  EXPECT_EQ(flat.count4, 2);
  EXPECT_EQ(flat.count6, 1);
  const std::uint8_t second[] = {0xc0, 12, 0, 1, 0, 1, 0, 1, 0x11, 0x70, 0, 4, 192, 0, 2, 9};
  EXPECT_TRUE(std::equal(std::begin(second), std::end(second), flat.records4 + FL_DNS_RECORD4));
  EXPECT_EQ(flat.records6[3], 28);
  EXPECT_EQ(compiled("answer = \"wrong\"\naddress = \"192.0.2.1\"\n").answer.lookup.ttl, 0u) << "not cached";
}

TEST(DnsFault, ActsOnWhatLeavesTowardsPort53) {
  const Fault f = parse_good(dns_fault("answer = \"nxdomain\"\n")).faults.at(0);
  EXPECT_EQ(f.direction, Direction::egress);
  EXPECT_EQ(f.kind->port, 53);
  EXPECT_EQ(parse_good(dns_fault("answer = \"nxdomain\"\ndirection = \"egress\"\n")).faults.at(0).direction,
            Direction::egress);
  only_mistake(dns_fault("answer = \"nxdomain\"\ndirection = \"ingress\"\n"), "dns acts on what leaves",
               "take direction out");
}

TEST(DnsFault, Mistakes) {
  only_mistake(dns_fault(""), "has no \"answer\"");
  only_mistake(dns_fault("answer = \"nxdomian\"\n"), "unknown value", "did you mean \"nxdomain\"?");
  only_mistake(dns_fault("answer = \"delay\"\n"), "needs \"delay\"");
  EXPECT_TRUE(parse_good(dns_fault("answer = \"delay\"\ndelay = \"0s\"\n")).faults.at(0).idle)
      << "a sweep begins there";
  only_mistake(dns_fault("answer = \"wrong\"\n"), "needs \"address\"");
  only_mistake(dns_fault("answer = \"wrong\"\naddress = \"bank.internal\"\n"), "is not an IP address");
  only_mistake(dns_fault("answer = \"wrong\"\naddress = []\n"), "empty");
  only_mistake(dns_fault("answer = \"wrong\"\naddress = [\"1.1.1.1\", 5]\n"), "address");
  only_mistake(dns_fault("answer = \"wrong\"\naddress = \"192.0.2.1\"\nttl = \"1500ms\"\n"), "whole seconds");
  only_mistake(dns_fault("answer = \"nxdomain\"\naddress = \"192.0.2.1\"\n"), "belongs to answer = \"wrong\"");
  only_mistake(dns_fault("answer = \"nxdomain\"\ndelay = \"1s\"\n"), "belongs to answer = \"delay\"");
  only_mistake(dns_fault("answer = \"silence\"\nttl = \"1s\"\n"), "belongs to answer = \"wrong\"");
  only_mistake(dns_fault("answer = \"nxdomain\"\nnames = \"bank.*\"\n"), "a star stands for the first label");
  std::string many = "answer = \"wrong\"\naddress = [";
  for (int i = 1; i < 10; i++) many += "\"192.0.2." + std::to_string(i) + "\",";
  only_mistake(dns_fault(many + "]\n"), "room for 8");
}

TEST(DnsNames, Mistakes) {
  for (const char* good :
       {"*", "*.internal", "bank.internal", "bank.internal.", "a", "_sip._tcp.example", "x-1.example"})
    EXPECT_EQ(name_mistake(good), "") << good;
  for (const char* bad : {"", ".", "*.", "a..b", ".a", "a.*.b", "*a", "**", "a b", "bücher.example", "a/b"})
    EXPECT_NE(name_mistake(bad), "") << bad;
  EXPECT_EQ(name_mistake(std::string(63, 'a')), "");
  EXPECT_NE(name_mistake(std::string(64, 'a')), "");
  std::string longest;
  for (int i = 0; i < 127; i++) longest += "a.";
  longest.pop_back();
  EXPECT_EQ(name_mistake(longest), "");
  EXPECT_NE(name_mistake("ab." + longest), "");
}

TEST(DnsNames, AreFoundWhateverTheCase) {
  EXPECT_EQ(name_rule("Bank.INTERNAL.").hash, name_rule("bank.internal").hash);
  EXPECT_EQ(name_rule("*.internal").hash, name_rule("internal").hash);
  EXPECT_TRUE(name_rule("*.internal").under);
  EXPECT_FALSE(name_rule("internal").under);
  std::set<std::uint64_t> hashes;
  for (const char* name : {"a.b", "b.a", "ab", "a", "b", "a.b.c", "ab.c", "a.bc", "abc"})
    EXPECT_TRUE(hashes.insert(name_rule(name).hash).second) << name;
}

}  // namespace
}  // namespace faultline::plan
