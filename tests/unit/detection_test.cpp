// Hypotheses about lines of logs and about how soon a fault was noticed, against a recording. "cut" is [10 s, 20 s).
#include <algorithm>

#include "injector/record/hypothesis.h"
#include "injector/record/traffic.h"
#include "tests/unit/milliseconds.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using plan::Bound;
using namespace testing;

/// A line at each of these instants.
Recording seen_at(const std::vector<Ns>& instants) {
  Recording r = good_recording();
  EventRecord record;
  record.event.name = "down";
  for (const Ns when : instants) record.seen.push_back({"down", "is DOWN", when, 1});
  record.watched = events::Watched{"down", 100, instants.size(), {}};
  r.events.push_back(record);
  return r;
}

plan::Hypothesis about(std::optional<Bound> seen, std::optional<Ns> within = {}) {
  plan::Hypothesis h;
  h.name = "h";
  h.event = "down";
  h.during = "cut";
  h.seen = std::move(seen);
  h.detects_within = within;
  return h;
}

TEST(Detection, CountsLinesInTheWindow) {
  const auto r = seen_at({9 * kSecond, 10 * kSecond, 12 * kSecond, 20 * kSecond});
  const auto two = judge_hypothesis(r, about(bound(Bound::Op::eq, 2, "= 2")), "");
  EXPECT_EQ(two.held, true) << two.observed;
  EXPECT_EQ(two.observed, "seen 2");
  EXPECT_EQ(two.event, "down");
  EXPECT_EQ(two.start, 10 * kSecond);
  EXPECT_EQ(judge_hypothesis(r, about(bound(Bound::Op::ge, 3, ">= 3")), "").held, false);
  plan::Hypothesis later = about(bound(Bound::Op::eq, 1, "= 1"));
  later.after = 1 * kSecond;
  EXPECT_EQ(judge_hypothesis(r, later, "").held, true);
}

TEST(Detection, LinesThatAreOnlyCountedCount) {
  auto r = seen_at({12 * kSecond});
  r.events[0].seen.push_back({"down", "", 13 * kSecond, 41});
  EXPECT_EQ(judge_hypothesis(r, about(bound(Bound::Op::eq, 42, "= 42")), "").held, true);
}

/// What was not seen may have been there: that it was not is then not known.
TEST(Detection, IsNotJudgedWhereTheLogWasNotRead) {
  auto r = seen_at({12 * kSecond});
  r.events[0].watched->trouble = "/var/log/x: No such file or directory";
  const auto none = judge_hypothesis(r, about(bound(Bound::Op::le, 1, "<= 1")), "");
  EXPECT_FALSE(none.held);
  EXPECT_NE(none.reason.find("No such file"), std::string::npos);
  EXPECT_EQ(judge_hypothesis(r, about(bound(Bound::Op::ge, 1, ">= 1")), "").held, true) << "more would not matter";
  EXPECT_EQ(judge_hypothesis(r, about(bound(Bound::Op::le, 0, "<= 0")), "").held, false) << "nor here";
  EXPECT_FALSE(judge_hypothesis(r, about(bound(Bound::Op::ge, 2, ">= 2")), "").held);
  EXPECT_FALSE(judge_hypothesis(r, about(bound(Bound::Op::eq, 1, "= 1")), "").held);
  EXPECT_EQ(judge_hypothesis(r, about(bound(Bound::Op::eq, 0, "= 0")), "").held, false) << "one is one too many";
  r.events[0].watched.reset();
  EXPECT_FALSE(judge_hypothesis(r, about(bound(Bound::Op::le, 1, "<= 1")), "").held);
  r.events[0].seen.clear();
  EXPECT_FALSE(judge_hypothesis(r, about({}, 5 * kSecond), "").held);
}

TEST(Detection, OfAnEventIsItsFirstLineAfterTheFaultBegan) {
  const auto r = seen_at({9 * kSecond, 12500 * kMs, 13 * kSecond});
  const auto soon = judge_hypothesis(r, about({}, 2500 * kMs), "");
  EXPECT_EQ(soon.held, true);
  EXPECT_EQ(soon.detected_after, 2500 * kMs);
  EXPECT_EQ(soon.observed, "first seen after 2.50 s");
  const auto late = judge_hypothesis(r, about({}, 2499 * kMs), "");
  EXPECT_EQ(late.held, false);
  EXPECT_EQ(late.detected_after, 2500 * kMs) << "it is told all the same";
  const auto never = judge_hypothesis(seen_at({}), about({}, 5 * kSecond), "");
  EXPECT_EQ(never.held, false);
  EXPECT_FALSE(never.detected_after);
}

TEST(Detection, IsOpenWhereTheRunEndedBefore) {
  auto r = seen_at({});
  r.stop = Stop{"user", "enough", 12 * kSecond};
  EXPECT_FALSE(judge_hypothesis(r, about({}, 5 * kSecond), "the run was aborted").held);
  EXPECT_FALSE(judge_hypothesis(r, about(bound(Bound::Op::eq, 0, "= 0")), "the run was aborted").held);
  EXPECT_EQ(judge_hypothesis(r, about({}, kSecond), "the run was aborted").held, false) << "that time was over";
}

TEST(Detection, AWindowBeginsWithAnEventsFirstLineInThePhase) {
  auto r = seen_at({5 * kSecond, 12 * kSecond, 14 * kSecond});
  replace_requests(r, 10 * kSecond, 13 * kSecond, false, kMs);
  plan::Hypothesis h;
  h.name = "h";
  h.probe = "pay";
  h.during = "cut";
  h.after_event = "down";
  h.success = bound(Bound::Op::ge, 1, ">= 100%");
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
  EXPECT_EQ(judge_hypothesis(r, h, "").start, 12 * kSecond);
  h.after = kSecond;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  EXPECT_EQ(judge_hypothesis(r, h, "").start, 13 * kSecond);
  h.length = 7 * kSecond;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  h.length = 7 * kSecond + 1;
  EXPECT_FALSE(judge_hypothesis(r, h, "").held) << "no longer all of it is left";
  h.length.reset();
  h.during = "recovery";
  const auto unseen = judge_hypothesis(r, h, "");
  EXPECT_FALSE(unseen.held);
  EXPECT_NE(unseen.reason.find("was not seen during"), std::string::npos) << unseen.reason;
}

/// `rate` packets in each 100 ms of [from, to).
void flow(std::vector<events::Traffic>& traffic, Ns from, Ns to, std::uint64_t rate) {
  for (Ns t = from; t < to; t += 100 * kMs) traffic.push_back({"cut", t, t + 100 * kMs, rate});
}

TEST(Traffic, HasStoppedWhenATenthIsLeftOfItForGood) {
  std::vector<events::Traffic> traffic;
  flow(traffic, 10 * kSecond, 13 * kSecond, 20);
  flow(traffic, 13 * kSecond, 20 * kSecond, 1);
  EXPECT_EQ(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond), 13 * kSecond);
  traffic.clear();  // a pause is no end
  flow(traffic, 10 * kSecond, 13 * kSecond, 20);
  flow(traffic, 13 * kSecond, 16 * kSecond, 0);
  flow(traffic, 16 * kSecond, 17 * kSecond, 20);
  flow(traffic, 17 * kSecond, 20 * kSecond, 0);
  EXPECT_EQ(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond), 17 * kSecond);
  traffic.clear();
  flow(traffic, 10 * kSecond, 20 * kSecond, 3);
  EXPECT_FALSE(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond));
  traffic.clear();
  flow(traffic, 10 * kSecond, 20 * kSecond, 0);
  EXPECT_FALSE(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond)) << "there was none";
}

/// One packet a second: what was sent in the last one has not stopped.
TEST(Traffic, ThatIsSlowHasNotStoppedBetweenTwoPackets) {
  std::vector<events::Traffic> traffic;
  flow(traffic, 10 * kSecond, 20 * kSecond, 0);
  for (std::size_t i = 5; i < traffic.size(); i += 10) traffic[i].packets = 1;
  EXPECT_FALSE(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond));
}

TEST(Traffic, ALookThatCameLateMakesNobodyQuicker) {
  std::vector<events::Traffic> traffic{{"cut", 10 * kSecond, 12 * kSecond, 500}};
  flow(traffic, 12 * kSecond, 20 * kSecond, 0);
  EXPECT_EQ(traffic_stopped(traffic, 10 * kSecond, 20 * kSecond), 12 * kSecond);
}

TEST(Traffic, IsJudgedByTheTimeUntilItStopped) {
  Recording r = good_recording();
  plan::Hypothesis h;
  h.name = "h";
  h.during = "cut";
  h.detects_within = 3 * kSecond;
  EXPECT_FALSE(judge_hypothesis(r, h, "").held) << "nothing was recorded";
  flow(r.faults[0].traffic, 10 * kSecond, 13 * kSecond, 20);
  flow(r.faults[0].traffic, 13 * kSecond, 20 * kSecond, 0);
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_EQ(judged.held, true) << judged.reason;
  EXPECT_EQ(judged.detected_after, 3 * kSecond);
  EXPECT_EQ(judged.observed, "traffic stopped after 3.00 s");
  EXPECT_EQ(judged.confidence, "");
  h.detects_within = 2900 * kMs;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
  r.stop = Stop{"user", "enough", 13 * kSecond};
  EXPECT_FALSE(judge_hypothesis(r, h, "the run was aborted").held) << "it has to stay away for a second";
}

}  // namespace
}  // namespace faultline::record
