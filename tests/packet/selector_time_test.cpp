// When the selector takes packets: while rules are live, the run is armed, its lease is fresh and its owner there.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/packet/selector_bed.h"

namespace faultline::test {
namespace {

TEST_P(Selector, NothingIsTakenWhileNoRuleIsLive) {
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

TEST_P(Selector, LiveRulesFollowTheTable) {
  constexpr Ns kStep =
      700 * kMillisecond;  // half of it is longer than FL_DRAIN: a rule is live for that long after its end
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

TEST_P(Selector, WhatIsNotArmedOrStoppedPassesUncounted) {
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

TEST_P(Selector, AStaleLeaseLetsPassAndCounts) {
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
TEST_P(Selector, AStaleLeaseIsNotChargedToWhatIsOver) {
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
TEST_P(Selector, TheClockStandsStillWhereTheRunWaits) {
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

TEST_P(Selector, WithoutAnOwnerEverythingPasses) {
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

}  // namespace
}  // namespace faultline::test
