// Guards about a target's connections: when they act, on too much and on too little, and that what was not counted is
// not taken for too little.
#include "injector/record/guard_window.h"
#include "record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;
using plan::Bound;

/// A guard of "web" over 1 s of a run of 30 s.
struct ConnectionGuard : ::testing::Test {
  ConnectionGuard() {
    guard.telemetry = "web";
    guard.window = kSecond;
  }
  plan::Guard guard;
};

TEST_F(ConnectionGuard, ActsAtTheEndOfTheSpanThatMakesItTrue) {
  guard.retransmits = Bound{Bound::Op::gt, 5, "> 5"};
  GuardWindow window(guard, 0, 30 * kSecond);
  std::optional<GuardTrip> trip;
  for (int i = 0; i < 40 && !trip; i++) {
    auto b = bucket(i * 100 * kMillisecond);
    b.retransmits = i >= 20 ? 1 : 0;
    trip = window.add(b);
  }
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 2600 * kMillisecond) << "the sixth of them";
  EXPECT_EQ(trip->observed, "retransmits 6");
}

TEST_F(ConnectionGuard, ActsOnEachFigure) {
  for (const auto& key : plan::Conditions::keys()) {
    if (!key.of_connections()) continue;
    SCOPED_TRACE(key.name);
    auto b = one_of_each(5 * kSecond);
    if (key.of == plan::Conditions::Of::turns) b.unanswered = 0;
    for (const bool acts : {false, true}) {
      plan::Guard one = guard;
      one.*key.bound = Bound{Bound::Op::gt, value_of(key) - (acts ? 1 : 0), "> …"};
      EXPECT_EQ(GuardWindow(one, 0, 30 * kSecond).add(b).has_value(), acts);
    }
  }
  plan::Guard one = guard;
  one.errors = {{"refused", Bound{Bound::Op::gt, 0.7, "> 70%"}}};
  EXPECT_EQ(GuardWindow(one, 0, 30 * kSecond).add(one_of_each(5 * kSecond))->observed, "errors.refused 75.0% (3 of 4)");
}

TEST_F(ConnectionGuard, WatchesOnePeer) {
  guard.peer = "bank";
  guard.retransmits = Bound{Bound::Op::gt, 0, "> 0"};
  GuardWindow window(guard, 0, 30 * kSecond);
  auto b = one_of_each(5 * kSecond);
  EXPECT_FALSE(window.add(b));
  PeerSpan bank;
  bank.peer = "bank";
  bank.retransmits = 1;
  b.peers = {bank};
  b.from += b.length;
  ASSERT_TRUE(window.add(b));
}

TEST_F(ConnectionGuard, LooksBackNoFurtherThanItsWindow) {
  guard.retransmits = Bound{Bound::Op::gt, 5, "> 5"};
  GuardWindow window(guard, 0, 30 * kSecond);
  for (int i = 0; i < 100; i++) {
    auto b = bucket(i * 200 * kMillisecond);
    b.retransmits = 1;
    EXPECT_FALSE(window.add(b)) << i;
  }
}

/// 10 connections in each span until 2 s; from then on nothing at all.
std::optional<GuardTrip> goes_quiet(GuardWindow& window, Ns until = 10 * kSecond) {
  for (Ns at = 0; at < until; at += 100 * kMillisecond) {
    auto b = bucket(at);
    b.opened = 10;
    b.rtt = {{kMillisecond, 1}};
    if (at < 2 * kSecond)
      if (auto trip = window.add(b)) return trip;
    if (auto trip = window.counted_until(at + 100 * kMillisecond)) return trip;
  }
  return {};
}

TEST_F(ConnectionGuard, ActsOnTooLittleWhenNothingComesAnyMore) {
  guard.opened = Bound{Bound::Op::lt, 45, "< 45"};
  GuardWindow some(guard, 0, 30 * kSecond);
  auto trip = goes_quiet(some);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 2600 * kMillisecond) << "four spans are left of ten";
  EXPECT_EQ(trip->observed, "connections.opened 40");
  guard.opened = Bound{Bound::Op::lt, 1, "< 1"};
  GuardWindow none(guard, 0, 30 * kSecond);
  trip = goes_quiet(none);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 3 * kSecond);
  EXPECT_EQ(trip->observed, "connections.opened 0");
}

TEST_F(ConnectionGuard, DoesNotActOnNothingBeforeThereWasSomething) {
  guard.opened = Bound{Bound::Op::lt, 1, "< 1"};
  GuardWindow window(guard, 0, 30 * kSecond);
  for (Ns at = 0; at < 5 * kSecond; at += 100 * kMillisecond) EXPECT_FALSE(window.counted_until(at));
  plan::Guard quick = guard;
  quick.opened.reset();
  quick.rtt_p99 = Bound{Bound::Op::lt, 1.0 * kSecond, "< 1s"};
  GuardWindow quantile(quick, 3 * kSecond, 30 * kSecond);
  EXPECT_FALSE(goes_quiet(quantile)) << "there is no quantile of nothing";
  guard.peer = "bank";
  GuardWindow with_bank(guard, 0, 30 * kSecond);
  EXPECT_FALSE(goes_quiet(with_bank)) << "nothing was seen of these";
}

TEST_F(ConnectionGuard, DoesNotActOnTooLittleWhereSomeWasNotCounted) {
  guard.opened = Bound{Bound::Op::lt, 45, "< 45"};
  GuardWindow window(guard, 0, 30 * kSecond);
  window.add(events::Uncounted{.target = "web", .from = 2 * kSecond, .until = 4 * kSecond, .why = "replaced"});
  auto trip = goes_quiet(window);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->when, 5 * kSecond) << "the first window that it is not in";
  GuardWindow never(guard, 0, 30 * kSecond);
  never.add(events::Uncounted{.series = {"connections"}, .why = "no inet_sock_set_state"});
  EXPECT_FALSE(goes_quiet(never));
  GuardWindow another(guard, 0, 30 * kSecond);
  another.add(events::Uncounted{.series = {"rtt"}, .why = "no tcp_probe"});
  another.add(events::Uncounted{.target = "shop", .why = "gone"});
  another.add(events::Uncounted{.peer = "bank", .why = "not told apart"});
  EXPECT_TRUE(goes_quiet(another)) << "it asks for another";
  guard.opened = Bound{Bound::Op::gt, 45, "> 45"};
  GuardWindow too_much(guard, 0, 30 * kSecond);
  too_much.add(events::Uncounted{.why = "gone"});
  EXPECT_TRUE(goes_quiet(too_much)) << "what is missing would only add to it";
}

TEST_F(ConnectionGuard, TellsHowNearItIs) {
  guard.retransmits = Bound{Bound::Op::gt, 5, "> 5"};
  guard.bytes_sent = Bound{Bound::Op::lt, 100, "< 100/s", Bound::Measure::per_second};
  guard.rtt_p99 = Bound{Bound::Op::gt, 2.0 * kMillisecond, "> 2ms"};
  GuardWindow window(guard, 0, 30 * kSecond);
  EXPECT_EQ(window.standing(), "");
  auto b = bucket(0);
  b.retransmits = 3;
  b.bytes_sent = 70;
  b.rtt = {{kMillisecond, 1}};
  window.add(b);
  EXPECT_EQ(window.standing(), "retransmits 3, bytes.sent 70 (70.0/s), rtt.p99: 100% within 2.00 ms");
}

TEST_F(ConnectionGuard, NeverActsOnAQuantileOfNothing) {
  guard.rtt_p99 = Bound{Bound::Op::gt, 1.0 * kMillisecond, "> 1ms"};
  GuardWindow window(guard, 0, 30 * kSecond);
  for (int i = 0; i < 20; i++) EXPECT_FALSE(window.add(bucket(i * 100 * kMillisecond)));
  auto b = bucket(2 * kSecond);
  b.rtt = {{2 * kMillisecond, 1}};
  const auto trip = window.add(b);
  ASSERT_TRUE(trip);
  EXPECT_EQ(trip->observed, "rtt.p99 2.00 ms");
}

}  // namespace
}  // namespace faultline::record
