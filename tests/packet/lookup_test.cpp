// DNS lookups: which names a rule is about, and every answer by its bytes (RFC 1035, RFC 6891).
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "faults/kind.h"
#include "tests/harness/answers.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

struct Query {
  std::string name = "bank.internal";
  unsigned type = 1;
  bool opt = false;
  unsigned flags = 0x0100;  // recursion desired
};

Frame message(const Query& q) {
  Frame m{0xbe, 0xef, static_cast<std::uint8_t>(q.flags >> 8), static_cast<std::uint8_t>(q.flags), 0, 1, 0, 0, 0, 0,
          0,    q.opt};
  for (std::size_t at = 0; at < q.name.size();) {
    const std::size_t dot = std::min(q.name.find('.', at), q.name.size());
    m.push_back(static_cast<std::uint8_t>(dot - at));
    m.insert(m.end(), q.name.begin() + static_cast<long>(at), q.name.begin() + static_cast<long>(dot));
    at = dot + 1;
  }
  for (const unsigned byte : {0u, 0u, q.type, 0u, 1u}) m.push_back(static_cast<std::uint8_t>(byte));
  if (q.opt)
    m.insert(m.end(),
             {0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});  // with a cookie
  return m;
}

Packet packet(const Frame& message, bool v6 = false) {
  Packet p{.source_port = 40000, .destination_port = 53, .data = message};
  if (v6) p.source = "fd00::1", p.destination = "fd00::53";
  return p;
}

struct Lookup : EngineTest {
  using Texts = std::vector<std::string>;
  struct Asked {
    std::string answer;
    Texts names = {"*"};
    Texts addresses = {};
    Ns ttl = 0, delay = 0;
  };
  void load(const std::vector<Asked>& asked) {
    std::vector<Rule> rules;
    const faults::Kind& kind = *faults::find_kind("dns");
    for (std::uint32_t i = 0; i < asked.size(); i++) {
      faults::Params params;
      params.set("answer", asked[i].answer);
      params.set("names", asked[i].names);
      if (!asked[i].addresses.empty()) params.set("address", asked[i].addresses);
      if (asked[i].ttl != 0) params.set("ttl", asked[i].ttl);
      if (asked[i].delay != 0) params.set("delay", asked[i].delay);
      EXPECT_TRUE(kind.validate(params, kSecond).empty());
      site::Match match;
      match.peer_ports = {{53, 53}};
      rules.push_back(
          {.match = match, .channel = kind.compile({params, kHour, 1, "here"}), .window = kHour, .fault = i});
    }
    programs = std::make_unique<Programs>(GetParam(), rules);
  }

  /// The answer's DNS message; empty: the query passed, untouched.
  Frame ask(const Frame& query, bool v6 = false, const char* program = "select_out") {
    const Packet p = packet(query, v6);
    const Frame frame = build(p);
    const Skb out = programs->select(program, {.frame = frame});
    if (out.verdict == kNext) {
      EXPECT_EQ(out.frame, frame);
      return {};
    }
    EXPECT_EQ(out.verdict, kRedirect);
    const Parsed answer = parse(out.frame);
    EXPECT_EQ(answer.mistake, "");
    EXPECT_EQ(answer.protocol, 17);
    EXPECT_EQ(answer.source, p.destination);
    EXPECT_EQ(answer.destination, p.source);
    EXPECT_EQ(be16(answer.carried, 0), 53u);
    EXPECT_EQ(be16(answer.carried, 2), 40000u);
    return {answer.carried.begin() + 8, answer.carried.end()};
  }
  bool answers(const std::string& name, bool v6 = false) { return !ask(message({.name = name}), v6).empty(); }

  std::unique_ptr<Programs> programs;
};

TEST_P(Lookup, ErrorsAreTheQueryWithItsAnswerSFlags) {
  for (const auto& [answer, rcode] : {std::pair{"nxdomain", 3}, {"servfail", 2}, {"refused", 5}}) {
    load({{.answer = answer}});
    for (const bool v6 : {false, true}) {
      for (const unsigned type : {1u, 28u, 16u, 255u}) {
        Frame expected = message({.type = type});
        expected[2] = 0x81;
        expected[3] = static_cast<std::uint8_t>(0x80 | rcode);
        EXPECT_EQ(ask(message({.type = type}), v6), expected);
        Frame extended = expected;
        extended[11] = 1;
        extended.insert(extended.end(), {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
        EXPECT_EQ(ask(message({.type = type, .opt = true}), v6), extended);
      }
    }
    EXPECT_EQ(programs->tally(0).answered, 16u);
    Frame kept = ask(message({.flags = 0x0010}));  // checking disabled, no recursion
    EXPECT_EQ(be16(kept, 2), 0x8090u | static_cast<unsigned>(rcode));
  }
}

TEST_P(Lookup, WrongAddresses) {
  load({{.answer = "wrong", .addresses = {"192.0.2.1", "2001:db8::1", "192.0.2.2"}, .ttl = 300 * kSecond}});
  Frame expected = message({});
  expected[2] = 0x81, expected[3] = 0x80, expected[7] = 2;
  expected.insert(expected.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1});
  expected.insert(expected.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 2});
  EXPECT_EQ(ask(message({})), expected);
  expected = message({.type = 28});
  expected[2] = 0x81, expected[3] = 0x80, expected[7] = 1, expected[11] = 1;
  expected.insert(expected.end(),
                  {0xc0, 12, 0, 28, 0, 1, 0, 0, 1, 44, 0, 16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  expected.insert(expected.end(), {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(ask(message({.type = 28, .opt = true}), true), expected);
  EXPECT_EQ(ask(message({.type = 15}))[7], 0) << "no such record, no error";
  load({{.answer = "wrong", .addresses = {"192.0.2.1"}}});
  EXPECT_EQ(ask(message({.type = 28}))[7], 0) << "no address of the family";
}

TEST_P(Lookup, TheLargestAnswer) {
  Texts addresses;
  for (int i = 1; i <= 8; i++)
    addresses.push_back("2001:db8::" + std::to_string(i)), addresses.push_back("192.0.2." + std::to_string(i));
  load({{.answer = "wrong", .addresses = addresses}});
  std::string name;  // 253 characters: 255 bytes
  for (int i = 0; i < 3; i++) name += std::string(63, 'a') + ".";
  name += std::string(61, 'b');
  EXPECT_EQ(ask(message({.name = name, .type = 28, .opt = true}), true).size(), 12 + 255 + 4 + 8 * 28 + 11u);
  EXPECT_EQ(ask(message({.name = name, .type = 1})).size(), 12 + 255 + 4 + 8 * 16u);
  std::string many;  // 127 labels
  for (int i = 0; i < 127; i++) many += "x.";
  many.pop_back();
  EXPECT_FALSE(ask(message({.name = many})).empty());
  EXPECT_TRUE(ask(message({.name = many + ".y"})).empty()) << "longer than a name may be";
}

TEST_P(Lookup, Names) {
  load({{.answer = "nxdomain", .names = {"bank.internal", "*.shop.example", "single"}}});
  for (const char* name : {"bank.internal", "BANK.Internal", "a.shop.example", "b.a.SHOP.example", "single"})
    EXPECT_TRUE(answers(name)) << name;
  for (const char* name :
       {"internal", "x.bank.internal", "ybank.internal", "shop.example", "ashop.example", "xshop.example",
        "a.shop.example.org", "single.example", "internal.bank", "bank.interna", "bank.internall"})
    EXPECT_FALSE(answers(name)) << name;
  Frame fooled = message({.name = "axshop.example"});  // a label that holds what looks like two
  fooled[14] = 4;
  EXPECT_TRUE(ask(fooled).empty());
  EXPECT_TRUE(ask(message({.name = ""})).empty()) << "the root";
  load({{.answer = "nxdomain"}});
  EXPECT_TRUE(answers("anything.example"));
  EXPECT_FALSE(ask(message({.name = ""})).empty());
  load({{.answer = "nxdomain", .names = {"*"}}, {.answer = "nxdomain", .names = {"bank.internal."}}});
  EXPECT_TRUE(answers("x.y"));
}

TEST_P(Lookup, EachRuleHasNamesOfItsOwn) {
  load({{.answer = "nxdomain", .names = {"a.example"}}, {.answer = "servfail", .names = {"b.example", "*.example"}}});
  EXPECT_EQ(ask(message({.name = "a.example"}))[3] & 15, 3) << "of equals the first";
  EXPECT_EQ(ask(message({.name = "b.example"}))[3] & 15, 2);
  EXPECT_EQ(ask(message({.name = "c.example"}))[3] & 15, 2);
  EXPECT_EQ(programs->tally(1).answered, 2u);
}

TEST_P(Lookup, SilenceAndDelayAreByNameToo) {
  load({{.answer = "silence", .names = {"bank.internal"}}});
  const Frame query = build(packet(message({})));
  EXPECT_EQ(programs->select("select_out", {.frame = query}).verdict, kRedirect);
  EXPECT_EQ(programs->tally(0).dropped, 1u);
  EXPECT_EQ(programs->tally(0).answered, 0u);
  EXPECT_FALSE(answers("other.internal"));
  load({{.answer = "delay", .names = {"bank.internal"}, .delay = kSecond}});
  const Skb held = programs->select("select_out", {.frame = query});
  EXPECT_EQ(stamp_of(held.frame).magic, FL_STAMP_MAGIC);
  EXPECT_FALSE(answers("other.internal"));
}

TEST_P(Lookup, WhatIsNoQueryPasses) {
  load({{.answer = "nxdomain"}});
  const Frame good = message({});
  const auto changed = [&](std::size_t at, int value) {
    Frame m = good;
    m.at(at) = static_cast<std::uint8_t>(value);
    return m;
  };
  EXPECT_TRUE(ask(changed(2, 0x81)).empty()) << "an answer";
  EXPECT_TRUE(ask(changed(2, 0x29)).empty()) << "a dynamic update";
  EXPECT_TRUE(ask(changed(5, 2)).empty()) << "two questions";
  EXPECT_TRUE(ask(changed(5, 0)).empty()) << "none";
  EXPECT_TRUE(ask(changed(7, 1)).empty()) << "with answers";
  EXPECT_TRUE(ask(changed(12, 0xc0)).empty()) << "compressed";
  EXPECT_TRUE(ask(changed(good.size() - 1, 3)).empty()) << "class CHAOS";
  for (std::size_t n = 0; n < good.size(); n++)
    EXPECT_TRUE(ask(Frame(good.begin(), good.begin() + static_cast<long>(std::max<std::size_t>(1, n)))).empty()) << n;
  std::mt19937 random(3);
  for (int i = 0; i < 3000; i++) {
    Frame m = good;
    for (unsigned k = 0, changes = random() % 4 + 1; k < changes; k++)
      m[12 + random() % (m.size() - 12)] = static_cast<std::uint8_t>(random());
    const Frame out = ask(m, i % 2 == 0);
    if (out.empty()) continue;
    EXPECT_EQ(out.size(), m.size()) << "what is answered keeps its question";
  }
  Packet fragment = packet(good);
  fragment.more_fragments = false;
  fragment.fragment_offset = 3;
  EXPECT_EQ(programs->select("select_out", {.frame = build(fragment)}).verdict, kNext);
}

TEST_P(Lookup, OverTcpAnErrorIsAReset) {
  load({{.answer = "nxdomain", .names = {"bank.internal"}}});
  Frame stream = message({});
  stream.insert(stream.begin(), {0, static_cast<std::uint8_t>(stream.size())});
  Packet p{.l4 = L4::tcp, .source_port = 40000, .destination_port = 53, .tcp_flags = 0x18, .data = stream};
  const Parsed answer = parse(programs->select("select_out", {.frame = build(p)}).frame);
  EXPECT_EQ(answer.mistake, "");
  EXPECT_EQ(answer.protocol, 6);
  EXPECT_EQ(answer.carried.at(13), 0x04);
  p.data[2 + 12 + 1] = 'x';
  EXPECT_EQ(programs->select("select_out", {.frame = build(p)}).verdict, kNext) << "another name";
  p.data.clear(), p.payload = 0, p.tcp_flags = 0x02;
  EXPECT_EQ(programs->select("select_out", {.frame = build(p)}).verdict, kNext) << "the connection itself";
}

FAULTLINE_WITH_BOTH_ENGINES(Lookup);

}  // namespace
}  // namespace faultline::test
