// A guard's window: which requests are in it, at which exact instant it acts, and what the bounds mean.
#include "injector/record/guard_window.h"

#include <gtest/gtest.h>

#include "injector/record/sighting_events.h"
#include "tests/unit/milliseconds.h"

namespace faultline::record {
namespace {

using plan::Bound;

constexpr Ns kForever = 1000 * 3600 * kSecond;

plan::Guard guard(Ns window = kSecond) {
  plan::Guard g;
  g.probe = "pay";
  g.window = window;
  return g;
}

plan::Guard below(double share, Ns window = kSecond) {
  plan::Guard g = guard(window);
  g.success = Bound{Bound::Op::lt, share, "< " + std::to_string(share)};
  return g;
}

probe::Sample sample(Ns due, bool ok, Ns latency = kMs, Ns late = 0) {
  probe::Sample s;
  s.due = due;
  s.late = late;
  s.latency = latency;
  s.ok = ok;
  if (!ok) s.error = "timeout";
  return s;
}

/// A request every 100 ms from `from` on, known 1 ms later; the first at which the guard acts.
std::optional<GuardTrip> feed(GuardWindow& window, Ns from, Ns to, bool ok, Ns latency = kMs) {
  for (Ns due = from; due < to; due += 100 * kMs)
    if (const auto trip = window.add(sample(due, ok, latency))) return trip;
  return {};
}

TEST(GuardWindow, ActsOnTheRequestThatMakesItsConditionTrue) {
  GuardWindow window(below(0.5), 0, kForever);
  EXPECT_FALSE(feed(window, 0, 3 * kSecond, true));
  const auto trip = feed(window, 3 * kSecond, 10 * kSecond, false);
  ASSERT_TRUE(trip);
  // The window holds ten requests: with the sixth failure four of them succeeded. With the fifth it was just half.
  EXPECT_EQ(trip->when, 3 * kSecond + 500 * kMs + kMs);
  EXPECT_EQ(trip->sent, 10u);
  EXPECT_EQ(trip->ok, 4u);
}

TEST(GuardWindow, ActsAtTheSightingThatIsEnough) {
  plan::Guard g;
  g.event = "down";
  g.seen = Bound{Bound::Op::ge, 3, ">= 3"};
  g.window = kSecond;
  GuardWindow window(g, 2 * kSecond, 9 * kSecond);
  const auto see = [&](Ns when, std::uint64_t count = 1) {
    return window.add(events::Seen{"down", "line", when, count});
  };
  EXPECT_FALSE(see(kSecond, 9)) << "before its phase";
  EXPECT_FALSE(see(2 * kSecond));
  EXPECT_EQ(window.standing(), "seen 1");
  EXPECT_FALSE(see(2500 * kMs));
  EXPECT_FALSE(see(3 * kSecond)) << "the first is a second old, and out of it";
  const auto trip = see(3400 * kMs);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 3400 * kMs);
  EXPECT_EQ(trip->observed, "seen 3: line");
  EXPECT_FALSE(see(9 * kSecond, 9)) << "after it";
  g.window = 0;
  GuardWindow of_all(g, 0, kForever);
  EXPECT_FALSE(of_all.add(events::Seen{"down", "", 0, 1}));
  EXPECT_FALSE(of_all.add(events::Seen{"down", "", 100 * kSecond, 1}));
  EXPECT_TRUE(of_all.add(events::Seen{"down", "", 200 * kSecond, 1})) << "without a time it counts all";
}

TEST(GuardWindow, ASightingThatComesLateCountsWhereItBelongs) {
  plan::Guard g;
  g.event = "high";
  g.seen = Bound{Bound::Op::ge, 3, ">= 3"};
  g.window = kSecond;
  GuardWindow window(g, 0, kForever);
  const auto see = [&](Ns when) { return window.add(events::Seen{"high", "line", when, 1}); };
  EXPECT_FALSE(see(2500 * kMs));
  EXPECT_FALSE(see(1600 * kMs)) << "within the second before the last";
  EXPECT_FALSE(see(2700 * kMs)) << "and out of it now";
  EXPECT_FALSE(see(1000 * kMs)) << "never in it";
  EXPECT_EQ(window.standing(), "seen 2");
  const auto trip = see(2600 * kMs);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 2700 * kMs) << "when all of them were there";
}

TEST(GuardWindow, NeverActsBeforeItsWindowIsFull) {
  GuardWindow window(below(0.5), 0, kForever);
  const auto trip = feed(window, 0, 10 * kSecond, false);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, kSecond + kMs);  // the first that is known a second or more after the start
  EXPECT_EQ(trip->sent, 10u);            // what was known by 1 ms is out of it again: the window is (1 ms, 1001 ms]
}

TEST(GuardWindow, CountsARequestWhenItsOutcomeIsKnown) {
  GuardWindow window(below(0.5), 0, kForever);
  EXPECT_FALSE(feed(window, 0, 2 * kSecond, true));
  // Sent 50 ms late and given up after 1 s: known at 3.05 s, when the successes of before have left.
  const auto trip = window.add(sample(2 * kSecond, false, kSecond, 50 * kMs));
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 3 * kSecond + 50 * kMs);
  EXPECT_EQ(trip->sent, 1u);
}

TEST(GuardWindow, SortsWhatIsToldOutOfOrder) {
  GuardWindow window(below(0.5), 0, kForever);
  EXPECT_FALSE(window.add(sample(0, true, 2500 * kMs)));  // known at 2.5 s
  EXPECT_FALSE(window.add(sample(kSecond, false, kMs)));  // told of later, but known at 1.001 s: out of the window
  const auto trip = window.add(sample(2400 * kMs, false, 150 * kMs));  // 2.55 s: one of two is not below half
  EXPECT_FALSE(trip);
  const auto next = window.add(sample(2500 * kMs, false, 60 * kMs));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->sent, 3u);
}

TEST(GuardWindow, SeesOnlyItsPhase) {
  GuardWindow window(below(0.5), 5 * kSecond, 8 * kSecond);
  EXPECT_FALSE(feed(window, 0, 5 * kSecond, false));
  const auto trip = feed(window, 5 * kSecond, 20 * kSecond, false);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 6 * kSecond + kMs);
  GuardWindow past(below(0.5), 5 * kSecond, 8 * kSecond);
  EXPECT_FALSE(feed(past, 8 * kSecond, 20 * kSecond, false));
}

TEST(GuardWindow, LooksAtQuantilesAsTheVerdictDoes) {
  plan::Guard g = guard(2 * kSecond);
  g.p90 = Bound{Bound::Op::gt, 200.0 * kMs, "> 200ms"};
  GuardWindow window(g, 0, kForever);
  // Eighteen requests are in it when a slow one is known: of these one may lie above p90, not two.
  EXPECT_FALSE(feed(window, 0, 4 * kSecond, true));
  EXPECT_FALSE(window.add(sample(4 * kSecond, true, 201 * kMs)));
  const auto trip = window.add(sample(4100 * kMs, true, 201 * kMs));
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->p90, 201 * kMs);
  EXPECT_EQ(trip->max, 201 * kMs);
  EXPECT_EQ(trip->p50, kMs);
}

TEST(GuardWindow, ActsOnEachLatencyThatItMayName) {
  for (const auto& key : plan::Conditions::keys()) {
    if (!key.is_quantile() || key.of_connections()) continue;
    const bool ok = key.of != plan::Conditions::Of::failed;
    SCOPED_TRACE(key.name);
    plan::Guard g = guard(2 * kSecond);
    g.*key.bound = Bound{Bound::Op::gt, 200.0 * kMs, "> 200ms"};
    GuardWindow quick(g, 0, kForever), slow(g, 0, kForever);
    EXPECT_FALSE(feed(quick, 0, 4 * kSecond, ok));
    EXPECT_TRUE(feed(slow, 0, 4 * kSecond, ok, 201 * kMs));
  }
}

TEST(GuardWindow, ActsOnCountsErrorsAndThroughput) {
  const auto acts = [&](const plan::Guard& g, bool ok) {
    GuardWindow window(g, 0, kForever);
    return feed(window, 0, 4 * kSecond, ok).has_value();
  };
  plan::Guard g = guard();  // ten requests
  g.failures = Bound{Bound::Op::gt, 9, "> 9"};
  EXPECT_TRUE(acts(g, false));
  EXPECT_FALSE(acts(g, true));
  g.failures->value = 10;
  EXPECT_FALSE(acts(g, false));

  g = guard();
  g.requests = Bound{Bound::Op::lt, 10, "< 10"};
  EXPECT_FALSE(acts(g, true));
  g.requests->value = 11;
  EXPECT_TRUE(acts(g, true));

  g = guard();
  g.throughput = Bound{Bound::Op::lt, 10, "< 10/s"};
  EXPECT_TRUE(acts(g, false));
  EXPECT_FALSE(acts(g, true));

  g = guard();
  g.errors.emplace();
  g.errors->emplace("refused", Bound{Bound::Op::gt, 0.5, "> 50%"});
  EXPECT_FALSE(acts(g, false)) << "these are timeouts";
  g.errors->emplace("timeout", Bound{Bound::Op::gt, 0.5, "> 50%"});
  g.errors->erase("refused");
  EXPECT_TRUE(acts(g, false));
}

TEST(GuardWindow, EachComparisonIsExact) {
  const auto acts = [](Bound::Op op, Ns latency) {
    plan::Guard g = guard();
    g.max = Bound{op, 200.0 * kMs, "200ms"};
    GuardWindow window(g, 0, kForever);
    return window.add(sample(2 * kSecond, true, latency)).has_value();
  };
  EXPECT_FALSE(acts(Bound::Op::gt, 200 * kMs));
  EXPECT_TRUE(acts(Bound::Op::gt, 200 * kMs + 1));
  EXPECT_FALSE(acts(Bound::Op::ge, 200 * kMs - 1));
  EXPECT_TRUE(acts(Bound::Op::ge, 200 * kMs));
  EXPECT_TRUE(acts(Bound::Op::le, 200 * kMs));
  EXPECT_FALSE(acts(Bound::Op::le, 200 * kMs + 1));
  EXPECT_TRUE(acts(Bound::Op::lt, 200 * kMs - 1));
  EXPECT_FALSE(acts(Bound::Op::lt, 200 * kMs));
}

TEST(GuardWindow, WhereNothingSucceedsNothingWasQuick) {
  const auto acts = [](Bound::Op op) {
    plan::Guard g = guard();
    g.p99 = Bound{op, 200.0 * kMs, "200ms"};
    GuardWindow window(g, 0, kForever);
    return window.add(sample(2 * kSecond, false)).has_value();
  };
  EXPECT_TRUE(acts(Bound::Op::gt));
  EXPECT_TRUE(acts(Bound::Op::ge));
  EXPECT_FALSE(acts(Bound::Op::lt));
  EXPECT_FALSE(acts(Bound::Op::le));
}

TEST(GuardWindow, AllConditionsMustBeTrueAtOnce) {
  plan::Guard g = below(0.9);
  g.p50 = Bound{Bound::Op::gt, 100.0 * kMs, "> 100ms"};
  GuardWindow window(g, 0, kForever);
  EXPECT_FALSE(feed(window, 0, 3 * kSecond, true, 150 * kMs));  // slow, all succeed
  EXPECT_FALSE(feed(window, 3 * kSecond, 3200 * kMs, true, kMs));
  GuardWindow both(g, 0, kForever);
  EXPECT_FALSE(feed(both, 0, 3 * kSecond, true, 150 * kMs));
  EXPECT_TRUE(feed(both, 3 * kSecond, 3300 * kMs, false));  // slow, and some fail
}

TEST(GuardWindow, SaysWhatItSaw) {
  plan::Guard g = below(0.5);
  g.p50 = Bound{Bound::Op::gt, 100.0 * kMs, "> 100ms"};
  g.ok_p99 = Bound{Bound::Op::gt, 100.0 * kMs, "> 100ms"};
  g.failed_max = Bound{Bound::Op::le, 100.0 * kMs, "<= 100ms"};
  GuardWindow window(g, 0, kForever);
  EXPECT_FALSE(feed(window, 0, 2 * kSecond, true, 150 * kMs));
  const auto trip = feed(window, 2 * kSecond, 10 * kSecond, false);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->observed, "success 41.7% (5 of 12), p50 never (58.3% failed), ok.p99 150 ms, failed.max 1.00 ms");
  EXPECT_FALSE(trip->p50);
}

TEST(GuardWindow, AFailedRequestIsSlowerThanAnyOther) {
  plan::Guard g = guard();
  g.p90 = Bound{Bound::Op::gt, 60.0 * kSecond, "> 1m"};
  GuardWindow window(g, 0, kForever);
  EXPECT_FALSE(feed(window, 0, 2 * kSecond, true));
  EXPECT_FALSE(window.add(sample(2 * kSecond, false, 200)));  // refused in 200 ns: one of ten may be
  EXPECT_TRUE(window.add(sample(2100 * kMs, false, 200)));
}

TEST(GuardWindow, NeverActsOnAFigureOfNoRequest) {
  for (const Bound::Op op : {Bound::Op::gt, Bound::Op::ge, Bound::Op::lt, Bound::Op::le}) {
    plan::Guard of_ok = guard(), of_failed = guard();
    of_ok.ok_p99 = of_failed.failed_p50 = Bound{op, 200.0 * kMs, "200ms"};
    GuardWindow none_succeeds(of_ok, 0, kForever), none_fails(of_failed, 0, kForever);
    EXPECT_FALSE(none_succeeds.add(sample(2 * kSecond, false)));
    EXPECT_FALSE(none_fails.add(sample(2 * kSecond, true)));
  }
}

}  // namespace
}  // namespace faultline::record
