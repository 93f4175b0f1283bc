// What the selector answers in place of the network: every answer by its bytes, and whom it leaves alone. Frames are
// taken apart by harness/answers.h, which shares nothing with the programs.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "tests/harness/answers.h"
#include "tests/harness/capture.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

faults::Channel cut(fl_filter filter, fl_reply reply) {
  faults::Channel channel = steady(kHour, 0, 0, 1);
  channel.answer.filter = filter;
  channel.answer.reply = reply;
  return channel;
}
const faults::Channel kReset = cut(FL_FILTER_NONE, FL_REPLY_RESET), kRefuse = cut(FL_FILTER_NONE, FL_REPLY_REFUSE),
                      kHalfOpen = cut(FL_FILTER_OLD, FL_REPLY_TELL), kOld = cut(FL_FILTER_OLD, FL_REPLY_NONE),
                      kNew = cut(FL_FILTER_OPENING, FL_REPLY_NONE);

struct Answer : EngineTest {
  void load(const std::vector<faults::Channel>& channels) {
    std::vector<Rule> rules;
    for (std::uint32_t i = 0; i < channels.size(); i++)
      rules.push_back({.match = {}, .channel = channels[i], .window = kHour, .fault = i});
    programs = std::make_unique<Programs>(GetParam(), rules);
  }

  Skb run(const Packet& packet, const char* program = "select_out", std::uint32_t gso_size = 0) {
    sent = build(packet);
    return programs->select(program, {.frame = sent, .gso_size = gso_size});
  }
  void expect_passes(const Packet& packet, const char* program = "select_out") {
    const Skb out = run(packet, program);
    EXPECT_EQ(out.verdict, kNext);
    EXPECT_EQ(out.frame, sent);
  }
  /// Dropped without a word.
  void expect_silent(const Packet& packet, const char* program = "select_out") {
    const auto answered = programs->tally(0).answered;
    const Skb out = run(packet, program);
    EXPECT_EQ(out.verdict, std::string(program) == "select_in" ? kDrop : kRedirect);
    EXPECT_EQ(programs->tally(0).answered, answered);
  }
  /// The answer, which is well-formed and goes back (or on) with plain headers.
  Parsed expect_answer(const Packet& packet, const char* program = "select_out", bool back = true,
                       std::uint32_t gso_size = 0) {
    const auto answered = programs->tally(0).answered;
    const Skb out = run(packet, program, gso_size);
    EXPECT_EQ(out.verdict, kRedirect);
    EXPECT_EQ(programs->tally(0).answered, answered + 1);
    const Parsed answer = parse(out.frame);
    EXPECT_EQ(answer.mistake, "");
    Frame macs(sent.begin(), sent.begin() + 12);
    if (back) std::rotate(macs.begin(), macs.begin() + 6, macs.end());
    EXPECT_EQ(Frame(out.frame.begin(), out.frame.begin() + 12), macs);
    EXPECT_EQ(answer.source, back ? packet.destination : packet.source);
    EXPECT_EQ(answer.destination, back ? packet.source : packet.destination);
    EXPECT_EQ(answer.l4, out.frame.size() - answer.carried.size());
    return answer;
  }
  void expect_reset(const Packet& packet, const Parsed& rst, bool back, std::uint8_t flags, std::uint32_t sequence,
                    std::uint32_t ack) {
    EXPECT_EQ(rst.protocol, 6);
    ASSERT_EQ(rst.carried.size(), 20u);
    EXPECT_EQ(be16(rst.carried, 0), back ? packet.destination_port : packet.source_port);
    EXPECT_EQ(be16(rst.carried, 2), back ? packet.source_port : packet.destination_port);
    EXPECT_EQ(be32(rst.carried, 4), sequence);
    EXPECT_EQ(be32(rst.carried, 8), ack);
    EXPECT_EQ(rst.carried[12], 0x50);
    EXPECT_EQ(rst.carried[13], flags);
  }

  std::unique_ptr<Programs> programs;
  Frame sent;
};

Packet tcp_packet(std::uint8_t flags, bool v6 = false, std::size_t payload = 0) {
  Packet p{.l4 = L4::tcp, .source_port = 40000, .destination_port = 80, .tcp_flags = flags, .payload = payload};
  if (v6) p.source = "fd00::1", p.destination = "fd00::2";
  return p;
}

TEST_P(Answer, ASynIsRefusedByteByByte) {
  load({kRefuse});
  const Skb out = run(tcp_packet(kSyn));
  EXPECT_EQ(out.verdict, kRedirect);
  const Frame expected{0x0a, 2,  2,    2,    2, 2, 0x0a, 1, 1,  1, 1,    1,    8,    0,  // back to where it came from
                       0x45, 0,  0,    40,   0, 0, 0x40, 0, 64, 6, 0x26, 0xce, 10,   0,    0, 2, 10,   0,    0, 1,
                       0,    80, 0x9c, 0x40, 0, 0, 0,    0, 0,  0, 3,    0xe9, 0x50, 0x14, 0, 0, 0xfb, 0x54, 0, 0};
  EXPECT_EQ(out.frame, expected);
}

TEST_P(Answer, WhatOpensAConnectionIsResetForItsSenderAlone) {
  for (const auto& channel : {kReset, kRefuse}) {
    load({channel});
    for (const bool v6 : {false, true}) {
      for (const char* program : {"select_out", "select_in", "select_lo"}) {
        const Packet p = tcp_packet(kSyn, v6);
        expect_reset(p, expect_answer(p, program), true, kRst | kAck, 0, 1001);
      }
    }
    const Packet data = tcp_packet(kSyn, false, 10);  // TCP fast open
    expect_reset(data, expect_answer(data), true, kRst | kAck, 0, 1011);
    const Packet fin = tcp_packet(kFin);
    expect_reset(fin, expect_answer(fin), true, kRst | kAck, 0, 1001);
    EXPECT_EQ(programs->tally(0).matched, 8u);
    EXPECT_EQ(programs->tally(0).dropped, 8u);
    EXPECT_NE(programs->tally(0).first_affected, 0u);
  }
}

TEST_P(Answer, AResetTellsBothEnds) {
  Capture capture;
  load({kReset});
  for (const bool v6 : {false, true}) {
    for (const auto& [flags, payload] : {std::pair<std::uint8_t, std::size_t>{kAck, 100}, {kSyn | kAck, 0}}) {
      const Packet p = tcp_packet(flags, v6, payload);
      expect_reset(p, expect_answer(p), true, kRst, 77, 0);
      const auto copies = capture.take();
      ASSERT_EQ(copies.size(), 1u);
      const Parsed onward = parse(copies[0]);
      EXPECT_EQ(onward.mistake, "");
      EXPECT_EQ(onward.source, p.source);
      EXPECT_EQ(onward.destination, p.destination);
      expect_reset(p, onward, false, kRst | kAck, 1000, 77);
    }
  }
  expect_answer(tcp_packet(kSyn));
  EXPECT_TRUE(capture.take().empty()) << "nobody has anything to lose yet";
}

TEST_P(Answer, ABundleGetsOneAnswer) {
  load({kReset});
  const Packet p = tcp_packet(kAck, false, 1800);
  expect_reset(p, expect_answer(p, "select_out", true, 600), true, kRst, 77, 0);
  EXPECT_EQ(programs->tally(0).dropped, 3u);
  EXPECT_EQ(programs->tally(0).answered, 1u);
}

TEST_P(Answer, NeverAnAnswerToAnAnswer) {
  for (const auto& channel : {kReset, kRefuse}) {
    load({channel});
    for (const char* program : {"select_out", "select_in", "select_lo"}) {
      expect_passes(tcp_packet(kRst), program);
      expect_passes(tcp_packet(kRst | kAck, true), program);
    }
    expect_silent(Packet{.l4 = L4::icmp, .icmp_type = 3});
    expect_silent(Packet{.source = "fd00::1", .destination = "fd00::2", .l4 = L4::icmp6, .icmp_type = 1}, "select_in");
  }
}

TEST_P(Answer, AResetDropsOtherProtocolsSilently) {
  load({kReset});
  for (const L4 l4 : {L4::udp, L4::icmp, L4::gre}) expect_silent(Packet{.l4 = l4});
  expect_silent(Packet{.l4 = L4::tcp, .fragment_offset = 100}, "select_in");
  EXPECT_EQ(programs->tally(0).dropped, 4u);
}

TEST_P(Answer, HeadersWithOptionsAreAnsweredWithPlainOnes) {
  load({kReset});
  Packet p = tcp_packet(kSyn);
  p.option_words = 3;
  expect_reset(p, expect_answer(p), true, kRst | kAck, 0, 1001);
  p = tcp_packet(kSyn, true);
  p.extensions = {Extension::destination, Extension::routing};
  expect_reset(p, expect_answer(p), true, kRst | kAck, 0, 1001);
}

TEST_P(Answer, DatagramsAreUnreachable) {
  load({kRefuse});
  for (const bool v6 : {false, true}) {
    for (const std::size_t payload : {0, 32, 1400}) {
      Packet p{.payload = payload};
      if (v6) p.source = "fd00::1", p.destination = "fd00::2";
      const Parsed icmp = expect_answer(p, v6 ? "select_in" : "select_out");
      EXPECT_EQ(icmp.protocol, v6 ? 58 : 1);
      EXPECT_EQ(icmp.carried[0], v6 ? 1 : 3);
      EXPECT_EQ(icmp.carried[1], v6 ? 4 : 3);
      EXPECT_EQ(be32(icmp.carried, 4), 0u);
      const Frame quoted(icmp.carried.begin() + 8, icmp.carried.end());
      ASSERT_EQ(quoted.size(), (v6 ? 40u : 20u) + 8u);
      EXPECT_TRUE(std::equal(quoted.begin(), quoted.end(), sent.begin() + 14))
          << "the packet that is answered, as far as its ports";
    }
  }
  Packet options{.option_words = 10};
  EXPECT_EQ(expect_answer(options).carried.size(), 8 + 60 + 8u);
  expect_silent(Packet{.destination = "224.0.0.251"});
  expect_silent(Packet{.destination = "255.255.255.255"});
  expect_silent(Packet{.source = "fd00::1", .destination = "ff02::fb"});
  expect_silent(Packet{.source = "0.0.0.0"});
  expect_silent(Packet{.fragment_offset = 10});
}

TEST_P(Answer, UnreachablesAreBounded) {
  load({kRefuse});
  // Each second of the kernel's clock has its budget, on each CPU: here one CPU alone sends.
  cpu_set_t all, one;
  check("read the CPUs", sched_getaffinity(0, sizeof all, &all));
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  check("keep to one CPU", sched_setaffinity(0, sizeof one, &one));
  const Ns first_second = monotonic_now() / kSecond;
  for (int i = 0; i < 4 * FL_ICMP_PER_SECOND; i++) run(Packet{.payload = 8});
  const auto seconds = static_cast<std::uint64_t>(monotonic_now() / kSecond - first_second + 1);
  check("go back to all CPUs", sched_setaffinity(0, sizeof all, &all));
  const auto t = programs->tally(0);
  EXPECT_EQ(t.dropped, 4u * FL_ICMP_PER_SECOND);
  EXPECT_GE(t.answered, 1u * FL_ICMP_PER_SECOND);
  EXPECT_LE(t.answered, seconds * FL_ICMP_PER_SECOND);
  EXPECT_LT(seconds, 4u) << "too slow to show anything";
}

TEST_P(Answer, OnlyWhatOpensAConnectionIsCut) {
  load({kNew});
  expect_silent(tcp_packet(kSyn));
  expect_silent(tcp_packet(kSyn, true), "select_in");
  for (const std::uint8_t flags : {+kAck, kSyn | kAck, +kRst, kFin | kAck}) expect_passes(tcp_packet(flags));
  expect_passes(Packet{});
  expect_passes(Packet{.l4 = L4::icmp});
  expect_passes(Packet{.l4 = L4::tcp, .tcp_flags = kSyn, .fragment_offset = 5});
  EXPECT_EQ(programs->tally(0).matched, 2u) << "what is not cut was not met";
}

TEST_P(Answer, OldConnectionsAreCutAndNewOnesAreToldApart) {
  load({kOld});
  for (const bool v6 : {false, true}) {
    expect_silent(tcp_packet(kAck, v6));
    Packet retry = tcp_packet(kSyn, v6);
    retry.source_port = 40001;
    expect_passes(retry);
    retry.tcp_flags = kAck;
    expect_passes(retry);
    std::swap(retry.source, retry.destination);
    std::swap(retry.source_port, retry.destination_port);
    expect_passes(retry, "select_in");
    expect_silent(tcp_packet(kAck, v6));
    Packet opened_there = tcp_packet(kSyn | kAck, v6);  // only one direction may be the rule's
    opened_there.destination_port = 99;
    expect_passes(opened_there);
    opened_there.tcp_flags = kAck;
    expect_passes(opened_there);
  }
  expect_passes(Packet{});
}

TEST_P(Answer, EachRuleHasItsOwnBeginning) {
  const faults::Window late{10 * kSecond, 3600 * kSecond};
  faults::Channel second = steady(late, 0, 0, 1);
  second.answer.filter = FL_FILTER_OLD;
  programs = std::make_unique<Programs>(GetParam(),
                                        std::vector<Rule>{{.channel = kOld, .window = {0, 5 * kSecond}, .fault = 0},
                                                          {.channel = second, .window = late, .fault = 1}});
  programs->set_time(kSecond);
  expect_passes(tcp_packet(kSyn));
  expect_passes(tcp_packet(kAck));
  programs->set_time(11 * kSecond);
  EXPECT_EQ(run(tcp_packet(kAck)).verdict, kRedirect) << "opened before the second fault began";
  EXPECT_EQ(programs->tally(1).dropped, 1u);
}

TEST_P(Answer, HalfOpenTellsOneEndAlone) {
  Capture capture;
  load({kHalfOpen});
  for (const bool v6 : {false, true}) {
    const Packet p = tcp_packet(kAck, v6, 20);
    expect_reset(p, expect_answer(p), true, kRst, 77, 0);
    expect_reset(p, expect_answer(p, "select_in", false), false, kRst | kAck, 1000, 77);
    expect_silent(tcp_packet(kRst, v6));
    expect_passes(tcp_packet(kRst, v6), "select_in");
  }
  EXPECT_TRUE(capture.take().empty());
  expect_passes(tcp_packet(kSyn));
  expect_passes(tcp_packet(kAck));
}

TEST_P(Answer, HalfOpenOnLoopbackKnowsThePeer) {
  site::Match match;
  match.any_peer = false;
  match.peers = {*IpPrefix::parse("127.0.0.9/32")};
  programs = std::make_unique<Programs>(GetParam(),
                                        std::vector<Rule>{{.match = match, .channel = kHalfOpen, .window = kHour}});
  Packet p = tcp_packet(kAck);
  p.source = "127.0.0.1", p.destination = "127.0.0.9";
  expect_reset(p, expect_answer(p, "select_lo"), true, kRst, 77, 0);
  std::swap(p.source, p.destination);
  expect_reset(p, expect_answer(p, "select_lo", false), false, kRst | kAck, 1000, 77);
}

TEST_P(Answer, AnAnswerIsStrongerThanLossAndDelay) {
  load({kRefuse, steady(kHour, kSecond), steady(kHour, 0, 0, 1), kReset});
  const Packet p = tcp_packet(kSyn);
  run(p);
  EXPECT_EQ(programs->tally(3).answered, 1u) << "the strongest";
  EXPECT_EQ(programs->tally(3).composed, 1u);
  for (const int rule : {0, 1, 2}) EXPECT_EQ(programs->tally(rule).matched, 0u) << rule;
  load({kHalfOpen, steady(kHour, kSecond)});
  const Skb out = run(p);
  EXPECT_EQ(out.verdict, kRedirect);
  EXPECT_EQ(stamp_of(out.frame).magic, FL_STAMP_MAGIC) << "what is not answered meets the others";
  EXPECT_EQ(programs->slot(stamp_of(out.frame).slot).rules, 0b10u);
}

TEST_P(Answer, OutsideItsWindowNothingIsAnswered) {
  const faults::Window window{5 * kSecond, 6 * kSecond};
  auto channel = steady(window, 0, 0, 1);
  channel.answer.reply = FL_REPLY_RESET;
  programs = std::make_unique<Programs>(GetParam(), std::vector<Rule>{{.channel = channel, .window = window}});
  for (const auto& [at, answers] : {std::pair{4900, false}, {5100, true}, {6010, false}, {7000, false}}) {
    programs->set_time(at * kMillisecond);
    EXPECT_EQ(run(tcp_packet(kSyn)).verdict, answers ? kRedirect : kNext) << at;
  }
}

FAULTLINE_WITH_BOTH_ENGINES(Answer);

}  // namespace
}  // namespace faultline::test
