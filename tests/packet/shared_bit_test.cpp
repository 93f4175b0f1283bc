// Two rules of one site on one bit: each has its own time, and everything that is kept of a rule is its own.
#include <gtest/gtest.h>

#include "injector/base/clock.h"
#include "tests/harness/engines.h"
#include "tests/harness/programs.h"

namespace faultline::test {
namespace {

constexpr std::uint32_t kEarlyRule = 63, kLateRule = 64;  ///< the rules that share the bit that others leave
constexpr faults::Window kEarly{kSecond, 2 * kSecond}, kLate{3 * kSecond, 4 * kSecond};
constexpr Ns kInEarly = 1100 * kMillisecond, kInLate = 3100 * kMillisecond;

struct SharedBit : EngineTest {
  /// Behind 63 that are there all the time and match none of the packets here.
  void load(const faults::Channel& early, const faults::Channel& late) {
    std::vector<Rule> rules;
    site::Match icmp;
    icmp.protocol = "icmp";
    for (std::uint32_t i = 0; i < kEarlyRule; i++)
      rules.push_back({.match = icmp, .channel = steady(kHour, 0, 0, 1), .window = kHour, .fault = i, .seed = 100 + i});
    rules.push_back({.match = {}, .channel = early, .window = kEarly, .fault = kEarlyRule, .seed = 1});
    rules.push_back({.match = {}, .channel = late, .window = kLate, .fault = kLateRule, .seed = 2});
    programs = std::make_unique<Programs>(GetParam(), rules);
    ASSERT_EQ(programs->score().sites[0].bits[kEarlyRule], programs->score().sites[0].bits[kLateRule]);
    programs->set_time(5 * kSecond);
  }

  /// The run's clock stands still at `t`: however slow the machine is, it is this time.
  void at(Ns t) { programs->control().hold_at = static_cast<__u64>(t); }

  /// A packet of a flow of its own.
  Frame next() { return build({.source_port = ++port}); }

  /// Sends one through the selector; it must go into the pen, in a slot of the shared bit.
  Frame enter() {
    const Frame frame = next();
    const Skb out = programs->select("select_out", {.frame = frame});
    EXPECT_EQ(out.verdict, kRedirect);
    EXPECT_NE(out.frame, frame) << "it is stamped";
    const fl_slot slot = programs->slot(stamp_of(out.frame).slot);
    EXPECT_EQ(slot.rules, 1ull << programs->score().sites[0].bits[kEarlyRule]);
    EXPECT_NE(slot.bank, 0);
    return out.frame;
  }

  /// Lets the player decide; the hold that it asks for, in ticks: 0 where it goes straight back or is lost.
  std::uint32_t play(Frame& frame, int* verdict = nullptr) {
    const Skb out = programs->play("play_arrival", {.frame = frame});
    frame = out.frame;
    if (verdict != nullptr) *verdict = out.verdict;
    return stamp_of(frame).hold;
  }
  /// A packet in the late rule's time, which asks for 10 ms.
  Frame held_by_the_late() {
    at(kInLate);
    Frame frame = enter();
    EXPECT_EQ(play(frame), ticks(10 * kMillisecond));
    return frame;
  }

  std::uint64_t counted(std::uint32_t fault, std::uint32_t which) const {
    std::uint64_t all = 0;
    for (const auto n : programs->histogram(fault, which).bucket) all += n;
    return all;
  }

  static std::uint32_t ticks(Ns ns) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ns) >> FL_TICK_SHIFT);
  }

  std::unique_ptr<Programs> programs;
  std::uint16_t port = 1000;
};

TEST_P(SharedBit, EachActsAndCountsInItsOwnTime) {
  load(steady(kEarly, 0, 0, 1), steady(kLate, 10 * kMillisecond));
  at(kInEarly);
  const Frame frame = next();
  const Skb lost = programs->select("select_out", {.frame = frame});
  EXPECT_EQ(lost.verdict, kRedirect);
  EXPECT_EQ(lost.frame, frame) << "it is lost where it is";
  EXPECT_EQ(programs->tally(kEarlyRule).dropped, 1u);
  EXPECT_EQ(programs->tally(kEarlyRule).matched, 1u);
  EXPECT_EQ(programs->tally(kLateRule).matched, 0u);

  const Frame held = held_by_the_late();
  EXPECT_EQ(programs->tally(kEarlyRule).matched, 1u);
  EXPECT_EQ(programs->tally(kLateRule).matched, 1u);
  EXPECT_EQ(programs->tally(kLateRule).delayed, 1u);
  EXPECT_EQ(programs->tally(kLateRule).dropped, 0u);
  EXPECT_EQ(counted(kLateRule, FL_APPLIED), 1u);
  EXPECT_EQ(programs->select("give_back", {.frame = held}).verdict, kRedirect);
  EXPECT_EQ(counted(kLateRule, FL_HELD), 1u);
  EXPECT_EQ(counted(kEarlyRule, FL_HELD), 0u);

  at(2500 * kMillisecond);
  const Frame between = next();
  EXPECT_EQ(programs->select("select_out", {.frame = between}).frame, between) << "neither is in force";
  for (std::uint32_t i = 0; i < kEarlyRule; i++) ASSERT_EQ(programs->tally(i).matched, 0u) << i;
}

// Taken in the first's time, given back in the second's: it is the first's packet.
TEST_P(SharedBit, APacketThatReturnsLaterIsChargedToTheRuleThatHeldIt) {
  load(steady(kEarly, 30 * kMillisecond), steady(kLate, 10 * kMillisecond));
  at(kInEarly);
  Frame frame = enter();
  EXPECT_EQ(play(frame), ticks(30 * kMillisecond));
  at(kInLate);
  EXPECT_EQ(programs->select("give_back", {.frame = frame}).verdict, kRedirect);
  for (const auto which : {FL_APPLIED, FL_HELD, FL_LATE}) {
    EXPECT_EQ(counted(kEarlyRule, which), 1u) << which;
    EXPECT_EQ(counted(kLateRule, which), 0u) << which;
  }
}

// Taken in the first's time, and at the player in the second's: no rule of its own is in force any more.
TEST_P(SharedBit, APacketIsNotMetByTheRuleThatCameAfterIt) {
  load(steady(kEarly, 30 * kMillisecond), steady(kLate, 10 * kMillisecond));
  at(kInEarly);
  Frame frame = enter();
  at(kInLate);
  int verdict = 0;
  EXPECT_EQ(play(frame, &verdict), 0u);
  EXPECT_EQ(verdict, kRedirect);
  EXPECT_EQ(programs->tally(kEarlyRule).matched, 0u);
  EXPECT_EQ(programs->tally(kLateRule).matched, 0u);
}

TEST_P(SharedBit, TheHoldEndsWithItsOwnRule) {
  load(steady(kEarly, 30 * kMillisecond), steady(kLate, 10 * kMillisecond));
  at(kEarly.end - 5 * kMillisecond);
  Frame frame = enter();
  EXPECT_EQ(play(frame), ticks(5 * kMillisecond));
  EXPECT_EQ(programs->tally(kEarlyRule).released_at_end, 1u);
}

TEST_P(SharedBit, ARatesClockIsItsOwn) {
  const auto slow = [](faults::Window window) {
    faults::Channel channel;
    faults::add_step(channel.rate, window, 8000);
    channel.queue_time = kSecond;
    return channel;
  };
  load(slow(kEarly), slow(kLate));
  at(kInEarly);
  Frame first = enter(), second = enter();
  const std::uint32_t alone = play(first), behind = play(second);
  const Ns takes = static_cast<Ns>(first.size()) * kMillisecond;  // a byte a millisecond
  EXPECT_NEAR(alone, ticks(takes), 1);
  EXPECT_GT(behind, alone);
  at(kInLate);
  Frame third = enter();
  EXPECT_NEAR(play(third), ticks(takes), 1) << "it does not wait behind those of the other rule";
  EXPECT_EQ(programs->tally(kEarlyRule).delayed, 2u);
  EXPECT_EQ(programs->tally(kLateRule).delayed, 1u);
}

// The chain of the first is in its bad state for good; that of the second never gets there.
TEST_P(SharedBit, AChainsStateIsItsOwn) {
  const auto chain = [](faults::Window window, double enter) {
    faults::Channel channel = steady(window, 0, 0, 1);
    channel.bursts = faults::Bursts{enter, 0, 0, 1};
    return channel;
  };
  load(chain(kEarly, 1), chain(kLate, 0));
  at(kInEarly);
  for (int i = 0; i < 5; i++) (void)programs->select("select_out", {.frame = next()});
  EXPECT_EQ(programs->tally(kEarlyRule).dropped, 5u);
  at(kInLate);
  for (int i = 0; i < 5; i++) (void)programs->select("select_out", {.frame = next()});
  EXPECT_EQ(programs->tally(kLateRule).matched, 5u);
  EXPECT_EQ(programs->tally(kLateRule).dropped, 0u);
}

// One answers what it drops and the other delays: what the bit is about is what either needs.
TEST_P(SharedBit, AnAnswerIsOfTheRuleWhoseTimeItIs) {
  faults::Channel refuse = steady(kEarly, 0, 0, 1);
  refuse.answer.reply = FL_REPLY_REFUSE;
  load(refuse, steady(kLate, 10 * kMillisecond));
  at(kInEarly);
  const Frame syn = build({.l4 = L4::tcp, .tcp_flags = 0x02});
  const Skb answer = programs->select("select_out", {.frame = syn});
  EXPECT_EQ(answer.verdict, kRedirect);
  EXPECT_NE(answer.frame, syn);
  EXPECT_EQ(programs->tally(kEarlyRule).answered, 1u);
  held_by_the_late();
  EXPECT_EQ(programs->tally(kEarlyRule).answered, 1u);
  EXPECT_EQ(programs->tally(kLateRule).answered, 0u);
}

TEST_P(SharedBit, WhatSafetyLetsPassIsCountedByTime) {
  load(steady(kEarly, 30 * kMillisecond), steady(kLate, 10 * kMillisecond));
  programs->control().beat = static_cast<__u64>(monotonic_now() - 61 * kSecond);
  for (const Ns t : {kInEarly, kInLate, kInLate}) {
    at(t);
    EXPECT_EQ(programs->select("select_out", {.frame = next()}).verdict, kNext);
  }
  EXPECT_EQ(programs->tally(kEarlyRule).passed_by_safety, 1u);
  EXPECT_EQ(programs->tally(kLateRule).passed_by_safety, 2u);
}

FAULTLINE_WITH_BOTH_ENGINES(SharedBit);

}  // namespace
}  // namespace faultline::test
