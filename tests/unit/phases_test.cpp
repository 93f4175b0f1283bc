// Phases, recovery and quantiles: what of a recording a hypothesis is judged by.
#include "injector/record/verdict.h"
#include "injector/report/summary.h"

#include <functional>

#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using plan::Bound;
using namespace testing;

TEST(Phases, AreBaselineEveryFaultAndRecovery) {
  Recording r = good_recording();
  r.faults.push_back({});
  r.faults.back().name = "early";
  r.faults.back().start = 5 * kSecond;
  r.faults.back().end = 12 * kSecond;
  const auto all = phases(r);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "baseline");
  EXPECT_EQ(all[0].end, 5 * kSecond);
  EXPECT_EQ(all[1].name, "cut");
  EXPECT_EQ(all[2].name, "early");
  EXPECT_EQ(all[3].name, "recovery");
  EXPECT_EQ(all[3].start, 20 * kSecond);
  EXPECT_EQ(all[3].end, 30 * kSecond);
}

TEST(Phases, ThatDoNotLastAreLeftOut) {
  Recording r = good_recording();
  r.faults[0].start = 0;
  r.faults[0].end = r.duration;
  ASSERT_EQ(phases(r).size(), 1u);
  EXPECT_EQ(phases(r)[0].name, "cut");
}

// ---- recovery ----

Recording with_recovery_hypothesis(Ns within) {
  Recording r = good_recording();
  plan::Hypothesis h;
  h.name = "recovers";
  h.probe = "pay";
  h.recovers_within = within;
  r.hypotheses = {h};
  return r;
}

TEST(Recovery, IsAtOnceWhenNothingWasLost) {
  const Recording r = with_recovery_hypothesis(5 * kSecond);
  const Recovery recovery = recovery_of(r, r.probes[0]);
  EXPECT_TRUE(recovery.judged);
  EXPECT_EQ(recovery.after, std::optional<Ns>(0));
}

TEST(Recovery, IsTheInstantAfterTheLastBadRequest) {
  Recording r = with_recovery_hypothesis(5 * kSecond);
  replace_requests(r, 20 * kSecond, 22 * kSecond, false, 0);
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  // 1 percentage point of the 150 requests in 3 s is 1.5: one failure is within it
  EXPECT_NEAR(static_cast<double>(*recovery.after) / kSecond, 1.96, 0.03);
  EXPECT_EQ(judge(r).exit, Exit::passed);
}

TEST(Recovery, NeedsThreeGoodSecondsInARow) {
  Recording r = with_recovery_hypothesis(5 * kSecond);
  replace_requests(r, 22 * kSecond, 23 * kSecond, false, 0);
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  EXPECT_NEAR(static_cast<double>(*recovery.after) / kSecond, 2.96, 0.03);
}

TEST(Recovery, LooksAtLatencyToo) {
  Recording r = with_recovery_hypothesis(2 * kSecond);
  replace_requests(r, 20 * kSecond, 24 * kSecond, true, 4 * kMillisecond);  // baseline 2 ms: 3 ms are allowed
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  EXPECT_NEAR(static_cast<double>(*recovery.after) / kSecond, 3.96, 0.03);
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::deviated);
  EXPECT_NE(verdict.hypotheses[0].observed.find("recovered after 3.9"), std::string::npos)
      << verdict.hypotheses[0].observed;
}

TEST(Recovery, AllowsAMillisecondOnAFastBaseline) {
  Recording r = with_recovery_hypothesis(kSecond);
  replace_requests(r, 0, 10 * kSecond, true, 30 * kMicrosecond);
  replace_requests(r, 20 * kSecond, 30 * kSecond, true, 900 * kMicrosecond);
  EXPECT_EQ(recovery_of(r, r.probes[0]).after, std::optional<Ns>(0));
  replace_requests(r, 20 * kSecond, 30 * kSecond, true, 1100 * kMicrosecond);
  EXPECT_FALSE(recovery_of(r, r.probes[0]).after);
}

TEST(Recovery, ThatDoesNotHappenDeviatesOnlyIfWeLookedLongEnough) {
  Recording r = with_recovery_hypothesis(5 * kSecond);
  replace_requests(r, 20 * kSecond, 30 * kSecond, false, 0);
  EXPECT_EQ(judge(r).exit, Exit::deviated);
  r.hypotheses[0].recovers_within = 8 * kSecond;  // 8 s and 3 s more are needed, 10 s there are
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
}

TEST(Recovery, IsNotJudgedWithoutBaselineOrTime) {
  Recording r = with_recovery_hypothesis(5 * kSecond);
  r.duration = 22 * kSecond;
  EXPECT_FALSE(recovery_of(r, r.probes[0]).judged);
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);

  r = with_recovery_hypothesis(5 * kSecond);
  r.faults[0].start = 0;
  EXPECT_FALSE(recovery_of(r, r.probes[0]).judged);

  r = with_recovery_hypothesis(5 * kSecond);
  replace_requests(r, 0, 10 * kSecond, false, 0);
  EXPECT_FALSE(recovery_of(r, r.probes[0]).judged);
}

TEST(Recovery, SlowProbesAreJudgedByTheRequestsThereAre) {
  Recording r = with_recovery_hypothesis(5 * kSecond);
  std::erase_if(r.probes[0].answers, [](const Requests& a) { return a.due % kSecond != 0; });
  replace_requests(r, 20 * kSecond, 22 * kSecond, false, 0);  // due at 20 and 21
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  EXPECT_EQ(*recovery.after, kSecond + 1);
}

/// Of the 500 requests of the fault's phase, `failed` fail after `after`; the others take 2 ms.
Recording with_failures(int failed, Ns after) {
  Recording r = good_recording();
  replace_requests(r, 10 * kSecond, 10 * kSecond + failed * 20 * kMillisecond, false, after);
  r.hypotheses[0].success.reset();
  r.hypotheses[0].p99.reset();
  return r;
}

TEST(Survivors, P99HoldsIfAndOnlyIf99PercentSucceededInTime) {
  for (const Ns after : {Ns{200}, kMillisecond, kSecond}) {  // a refusal in no time is not fast
    for (const auto& [failed, held] :
         {std::pair{5, true}, std::pair{6, false}, std::pair{450, false}, std::pair{500, false}}) {
      Recording r = with_failures(failed, after);
      r.hypotheses[0].p99 = bound(Bound::Op::le, 250.0 * kMillisecond, "<= 250ms");
      EXPECT_EQ(judge(r).hypotheses[0].held, held) << failed << " failed after " << after << " ns";
      r.hypotheses[0].p99 = bound(Bound::Op::ge, 250.0 * kMillisecond, ">= 250ms");
      EXPECT_EQ(judge(r).hypotheses[0].held, !held) << "a lower bound is its opposite";
    }
  }
  // One late request too many is as good as one that failed.
  Recording r = with_failures(5, kSecond);
  r.hypotheses[0].p99 = bound(Bound::Op::le, 250.0 * kMillisecond, "<= 250ms");
  replace_requests(r, 15 * kSecond, 15 * kSecond + 1, true, 251 * kMillisecond);
  EXPECT_EQ(judge(r).hypotheses[0].held, false);
}

TEST(Survivors, EveryQuantileCountsThemAndSaysSo) {
  Recording r = with_failures(60, 200);  // 12 %
  auto& h = r.hypotheses[0];
  h.p50 = h.p90 = h.p99 = h.max = bound(Bound::Op::le, 250.0 * kMillisecond, "<= 250ms");
  h.p90.reset();
  const Judgement j = judge(r).hypotheses[0];
  EXPECT_EQ(j.held, false);
  EXPECT_EQ(j.observed, "p50 2.00 ms, p99 never (12.0% failed), max never (12.0% failed)");
}

TEST(Survivors, HaveFiguresOfTheirOwnAndSoHaveTheOthers) {
  Recording r = with_failures(60, 200 * kMicrosecond);
  auto& h = r.hypotheses[0];
  h.ok_p99 = bound(Bound::Op::le, 2.0 * kMillisecond, "<= 2ms");
  h.failed_p99 = bound(Bound::Op::le, 1.0 * kMillisecond, "<= 1ms");
  Judgement j = judge(r).hypotheses[0];
  EXPECT_EQ(j.held, true);
  EXPECT_EQ(j.expected, "ok.p99 <= 2ms, failed.p99 <= 1ms");
  EXPECT_EQ(j.observed, "ok.p99 2.00 ms, failed.p99 200 µs");
  h.failed_p99->value = 1000;
  EXPECT_EQ(judge(r).hypotheses[0].held, false);
  h.failed_p99.reset();
  h.ok_p99->value = 1000;
  EXPECT_EQ(judge(r).hypotheses[0].held, false);
}

TEST(Survivors, EachFigureIsOfItsOwn) {
  for (const auto& key : plan::Conditions::keys()) {
    if (key.of != plan::Conditions::Of::ok && key.of != plan::Conditions::Of::failed) continue;
    Recording r = with_failures(60, 7 * kMillisecond);
    const double value = (key.of == plan::Conditions::Of::ok ? 2.0 : 7.0) * kMillisecond;
    (r.hypotheses[0].*key.bound) = bound(Bound::Op::le, value, "<=");
    EXPECT_EQ(judge(r).hypotheses[0].held, true) << key.name;
    (r.hypotheses[0].*key.bound) = bound(Bound::Op::lt, value, "<");
    EXPECT_EQ(judge(r).hypotheses[0].held, false) << key.name;
  }
}

TEST(Survivors, AFigureOfNoRequest) {
  const auto held = [](int failed, std::optional<Bound> plan::Conditions::*key, Bound::Op op) {
    Recording r = with_failures(failed, kSecond);
    r.hypotheses[0].*key = bound(op, 1.0 * kMillisecond, "1ms");
    return judge(r).hypotheses[0].held;
  };
  EXPECT_EQ(held(500, &plan::Conditions::ok_p99, Bound::Op::le), false) << "nothing came back in time";
  EXPECT_EQ(held(500, &plan::Conditions::ok_p99, Bound::Op::ge), false);
  EXPECT_EQ(held(0, &plan::Conditions::failed_p99, Bound::Op::le), true) << "nothing failed slowly";
  EXPECT_EQ(held(0, &plan::Conditions::failed_p99, Bound::Op::ge), false);
}

TEST(Survivors, FailingTimesThatAreNotRecordedAreNotJudged) {
  Recording r = with_failures(60, Requests::kUnknown);
  r.hypotheses[0].failed_p99 = bound(Bound::Op::le, 1.0 * kMillisecond, "<= 1ms");
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
}

TEST(Recovery, AFailedRequestIsSlow) {
  // Success within 1 % of the baseline, and yet not recovered: of 150 requests one may fail or be slow, not two.
  Recording r = with_recovery_hypothesis(5 * kSecond);
  for (Ns t = 20 * kSecond; t < 24 * kSecond; t += kSecond) {
    replace_requests(r, t, t + 1, false, 200);
    replace_requests(r, t + 500 * kMillisecond, t + 500 * kMillisecond + 1, true, kSecond);
  }
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  EXPECT_GT(*recovery.after, 2 * kSecond);
}

TEST(Recovery, OfAServiceThatFailsNowAndThen) {
  // Two in a hundred fail all the time: the baseline's p99 is "never", and those that succeed are compared.
  Recording r = with_recovery_hypothesis(5 * kSecond);
  for (Ns t = 0; t < 30 * kSecond; t += kSecond) replace_requests(r, t, t + 1, false, kSecond);
  replace_requests(r, 20 * kSecond + 1, 22 * kSecond, true, 100 * kMillisecond);
  const Recovery recovery = recovery_of(r, r.probes[0]);
  ASSERT_TRUE(recovery.after);
  EXPECT_GT(*recovery.after, kSecond) << "the slow ones are noticed";
  EXPECT_LT(*recovery.after, 3 * kSecond);
}

TEST(Distribution, QuantilesAreTheNearestRank) {
  Distribution d;
  EXPECT_EQ(d.quantile(990), 0);
  for (Ns v = 1; v <= 100; ++v) d.add(101 - v);
  EXPECT_EQ(d.quantile(500), 50);
  EXPECT_EQ(d.quantile(900), 90);
  EXPECT_EQ(d.quantile(990), 99);
  EXPECT_EQ(d.max(), 100);
  EXPECT_EQ(d.above(98), 2u);
  Distribution few;
  few.add(1, 19);
  few.add(7);
  EXPECT_EQ(few.quantile(990), 7);
  few.add(1, 79);
  EXPECT_EQ(few.quantile(990), 7) << "98 of 99 are not 99 %";
  few.add(1);
  EXPECT_EQ(few.quantile(990), 1);
  Distribution one;
  one.add(5);
  EXPECT_EQ(one.quantile(500), 5);
  EXPECT_EQ(one.quantile(0), 5);
}

}  // namespace
}  // namespace faultline::record
