// What a hypothesis looks at: a part of a phase, the time until it holds, counts, errors, and figures in times of the
// baseline. Requests are every 20 ms: fifty a second.
#include <fmt/format.h>

#include "injector/record/hypothesis.h"
#include "tests/unit/milliseconds.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using plan::Bound;
using namespace testing;

plan::Hypothesis during_cut() {
  plan::Hypothesis h;
  h.name = "h";
  h.probe = "pay";
  h.during = "cut";
  return h;
}

plan::Hypothesis all_succeed() {
  plan::Hypothesis h = during_cut();
  h.success = bound(Bound::Op::ge, 1, ">= 100%");
  return h;
}

/// "cut" is [10 s, 20 s); requests due in its first three seconds fail.
Recording failing_over() {
  Recording r = good_recording();
  replace_requests(r, 10 * kSecond, 13 * kSecond, false, kMs);
  return r;
}

TEST(HypothesisWindow, BeginsLaterThanThePhase) {
  plan::Hypothesis h = all_succeed();
  h.after = 3 * kSecond;
  const auto judged = judge_hypothesis(failing_over(), h, "");
  EXPECT_EQ(judged.held, true) << judged.observed;
  EXPECT_EQ(judged.start, 13 * kSecond);
  EXPECT_EQ(judged.end, 20 * kSecond);
  EXPECT_EQ(judged.during, "cut, from 3s");
  h.after = 3 * kSecond - 20 * kMs;
  EXPECT_EQ(judge_hypothesis(failing_over(), h, "").held, false);
}

TEST(HypothesisWindow, EndsEarlierThanThePhase) {
  Recording r = good_recording();
  replace_requests(r, 15 * kSecond, 20 * kSecond, false, kMs);
  plan::Hypothesis h = all_succeed();
  h.length = 5 * kSecond;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  h.length = 5 * kSecond + 20 * kMs;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
}

TEST(HypothesisWindow, IsJudgedOnceItIsOverWhateverBecameOfThePhase) {
  Recording r = good_recording();
  r.ended = false;
  r.last_seen = 16 * kSecond;
  plan::Hypothesis h = all_succeed();
  EXPECT_FALSE(judge_hypothesis(r, h, "").held);
  h.length = 5 * kSecond;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
}

TEST(HypothesisWindow, OfARunIsCutFromTheHistogramsOfAFastProbe) {
  plan::Plan p;
  p.duration = 30 * kSecond;
  plan::Hypothesis h = all_succeed();
  h.during = "run";
  h.after = 1050 * kMs;
  h.length = 333 * kMs;
  const auto window = window_of(p, h);
  ASSERT_TRUE(window);
  EXPECT_EQ(window->start, 1050 * kMs);
  EXPECT_EQ(window->end, 1383 * kMs);
}

TEST(Eventually, TellsWhenItBeganToHold) {
  plan::Hypothesis h = all_succeed();
  h.eventually = 5 * kSecond;
  const auto judged = judge_hypothesis(failing_over(), h, "");
  EXPECT_EQ(judged.held, true) << judged.observed;
  ASSERT_TRUE(judged.held_after);
  EXPECT_EQ(*judged.held_after, 3 * kSecond - 20 * kMs + 1) << "just after the last that failed";
  EXPECT_NE(judged.observed.find("held after 2.98 s: success 100%"), std::string::npos) << judged.observed;
  EXPECT_EQ(judged.expected, "success >= 100%, after 5s at the latest");
}

TEST(Eventually, IsBrokenByWhatComesTooLate) {
  plan::Hypothesis h = all_succeed();
  h.eventually = 2 * kSecond;
  const auto judged = judge_hypothesis(failing_over(), h, "");
  EXPECT_EQ(judged.held, false);
  ASSERT_TRUE(judged.held_after) << "when it did is told all the same";
  EXPECT_NE(judged.observed.find("held after 2.98 s; from 2.00 s on: success 87.5% (350 of 400)"), std::string::npos)
      << judged.observed;
}

TEST(Eventually, LastsToTheEndUnlessItNeedStayForSomeTimeOnly) {
  Recording r = failing_over();
  replace_requests(r, 19 * kSecond, 20 * kSecond, false, kMs);
  plan::Hypothesis h = all_succeed();
  h.eventually = 5 * kSecond;
  const auto to_the_end = judge_hypothesis(r, h, "");
  EXPECT_EQ(to_the_end.held, false);
  EXPECT_FALSE(to_the_end.held_after);
  EXPECT_NE(to_the_end.observed.find("never held"), std::string::npos) << to_the_end.observed;
  h.stays = 6 * kSecond;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  h.stays = 6 * kSecond + 40 * kMs;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
}

TEST(Eventually, HoldsAtOnceWhereNothingHappened) {
  plan::Hypothesis h = all_succeed();
  h.eventually = 2 * kSecond;
  const auto judged = judge_hypothesis(good_recording(), h, "");
  EXPECT_EQ(judged.held_after, 0);
  EXPECT_NE(judged.observed.find("held at once: success 100%"), std::string::npos) << judged.observed;
  EXPECT_EQ(judged.untested, "held at once: it was so from the window's beginning on, and nothing had to change");
  EXPECT_EQ(judge_hypothesis(
                failing_over(),
                [&] {
                  auto later = h;
                  later.eventually = 5 * kSecond;
                  return later;
                }(),
                "")
                .untested,
            "");
}

TEST(Untested, IsWhatHeldOfNothing) {
  Recording r = good_recording();
  plan::Hypothesis h = r.hypotheses[0];
  h.success.reset();
  h.p99.reset();
  h.failed_p99 = bound(plan::Bound::Op::le, 100.0 * kMs, "<= 100ms");
  const auto judged = [&] { return judge_hypothesis(r, h, ""); };
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().untested, "nothing was seen: no request failed, and failed.p99 is of those that do");
  h.success = bound(plan::Bound::Op::ge, 0.5, ">= 50%");
  EXPECT_EQ(judged().untested, "") << "half of it was put to the test";
  replace_requests(r, 12 * kSecond, 13 * kSecond, false, 10 * kMs);
  h.success.reset();
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().untested, "");
  replace_requests(r, 12 * kSecond, 13 * kSecond, false, kSecond);
  EXPECT_EQ(judged().held, false);
  EXPECT_EQ(judged().untested, "");
}

TEST(Untested, IsANumberOfConnectionsWhereThereWereNone) {
  Recording r = good_recording();
  TelemetryRecord web{"web"};
  web.buckets = {bucket(12 * kSecond)};
  web.buckets[0].accepted = 1;
  r.telemetry = {web};
  plan::Hypothesis h;
  h.telemetry = "web";
  h.during = "cut";
  for (const auto& key : plan::Conditions::keys()) {
    using plan::Series;
    const bool of_something = key.series == Series::failed || key.series == Series::retransmits ||
                              key.series == Series::timeouts || key.series == Series::retransmits_ours ||
                              key.series == Series::unanswered;
    if (key.of != plan::Conditions::Of::series) continue;
    h.*key.bound = bound(plan::Bound::Op::le, 20, "<= 20");
    EXPECT_EQ(judge_hypothesis(r, h, "").untested.starts_with("nothing was seen"), of_something) << key.name;
    r.telemetry[0].buckets[0] = one_of_each(12 * kSecond);
    EXPECT_EQ(judge_hypothesis(r, h, "").untested, "") << key.name;
    r.telemetry[0].buckets[0] = web.buckets[0];
    (h.*key.bound).reset();
  }
  h.errors = {{"refused", bound(plan::Bound::Op::eq, 0, "= 0")}};
  h.errors->at("refused").measure = plan::Bound::Measure::count;
  EXPECT_TRUE(judge_hypothesis(r, h, "").untested.starts_with("nothing was seen"));
}

TEST(Eventually, GoesWithEachFigure) {
  Recording r = good_recording();
  replace_requests(r, 10 * kSecond, 13 * kSecond, true, 500 * kMs);
  for (const auto& key : plan::Conditions::keys()) {
    if (!key.is_quantile() || key.of_connections() || key.of == plan::Conditions::Of::failed) continue;
    SCOPED_TRACE(key.name);
    plan::Hypothesis h = during_cut();
    h.*key.bound = bound(Bound::Op::le, 10.0 * kMs, "<= 10ms");
    h.eventually = 5 * kSecond;
    h.stays = 2 * kSecond;
    const auto judged = judge_hypothesis(r, h, "");
    EXPECT_EQ(judged.held, true) << judged.observed;
    EXPECT_GT(*judged.held_after, kSecond);
  }
}

TEST(Figures, CountRequestsAndFailures) {
  Recording r = good_recording();
  plan::Hypothesis h = during_cut();
  h.failures = bound(Bound::Op::eq, 0, "= 0");
  h.requests = bound(Bound::Op::ge, 500, ">= 500");
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  replace_requests(r, 15 * kSecond, 15 * kSecond + 20 * kMs, false, kMs);
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_EQ(judged.held, false);
  EXPECT_EQ(judged.observed, "requests 500, failures 1 (of 500)");
  EXPECT_EQ(judged.reason, "failures: 1 timeout");
  h.failures.reset();
  h.requests->value = 501;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
}

TEST(Figures, TakeErrorsByTheirNames) {
  Recording r = good_recording();
  replace_requests(r, 10 * kSecond, 10 * kSecond + 100 * kMs, false, kMs);
  plan::Hypothesis h = during_cut();
  h.errors.emplace();
  h.errors->emplace("timeout", bound(Bound::Op::le, 0.01, "<= 1%"));
  h.errors->emplace("refused", Bound{Bound::Op::eq, 0, "= 0", Bound::Measure::count});
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_EQ(judged.held, true) << judged.observed;
  EXPECT_EQ(judged.observed, "errors.refused 0% (0 of 500), errors.timeout 1.0% (5 of 500)");
  h.errors->at("timeout") = Bound{Bound::Op::le, 4, "<= 4", Bound::Measure::count};
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
  h.errors->at("timeout").value = 5;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
}

TEST(Figures, ThroughputIsWhatSucceedsInASecondOfTheWindow) {
  Recording r = failing_over();
  plan::Hypothesis h = during_cut();
  h.throughput = bound(Bound::Op::ge, 35, ">= 35/s");
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  h.throughput->value = 35.1;
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_EQ(judged.held, false);
  EXPECT_EQ(judged.observed, "throughput 35.0/s");
}

TEST(Figures, MayBeMeasuredInTimesOfTheBaseline) {
  Recording r = good_recording();  // 2 ms
  replace_requests(r, 10 * kSecond, 20 * kSecond, true, 4 * kMs);
  plan::Hypothesis h = during_cut();
  h.p99 = Bound{Bound::Op::le, 2, "<= 2x baseline", Bound::Measure::times_baseline};
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_EQ(judged.held, true) << judged.observed;
  EXPECT_EQ(judged.observed, "p99 4.00 ms (at most 4.00 ms)");
  h.p99->value = 1.9;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
  h.p99.reset();
  h.throughput = Bound{Bound::Op::ge, 0.9, ">= 0.9x baseline", Bound::Measure::times_baseline};
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
  replace_requests(r, 10 * kSecond, 12 * kSecond, false, kMs);
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
}

TEST(Figures, InTimesOfABaselineThatHasNoneAreNotJudged) {
  Recording r = good_recording();
  replace_requests(r, 0, 10 * kSecond, false, kMs);
  plan::Hypothesis h = during_cut();
  h.p99 = Bound{Bound::Op::le, 2, "<= 2x baseline", Bound::Measure::times_baseline};
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_FALSE(judged.held);
  EXPECT_EQ(judged.reason, "the baseline has no p99 to compare with");
}

TEST(Figures, InTimesOfABaselineOfZeroProveNothing) {
  Recording r = good_recording();
  replace_requests(r, 0, 30 * kSecond, false, kMs);
  plan::Hypothesis h = during_cut();
  h.throughput = Bound{Bound::Op::ge, 0.8, ">= 0.8x baseline", Bound::Measure::times_baseline};
  EXPECT_FALSE(judge_hypothesis(r, h, "").held) << "nothing was served before, and nothing is now";
  h.throughput.reset();
  h.errors.emplace();
  h.errors->emplace("refused", Bound{Bound::Op::le, 2, "<= 2x baseline", Bound::Measure::times_baseline});
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true) << "none before, none now";
}

TEST(Figures, ErrorsBeyondThoseThatAreToldApartAreNotTakenForNone) {
  Recording r = good_recording();
  const auto other = r.probes[0].error_index("other errors");
  r.probes[0].answers.at(600).error = other;
  plan::Hypothesis h = during_cut();
  h.errors.emplace();
  h.errors->emplace("status 503", Bound{Bound::Op::eq, 0, "= 0", Bound::Measure::count});
  const auto judged = judge_hypothesis(r, h, "");
  EXPECT_FALSE(judged.held);
  EXPECT_NE(judged.reason.find("more errors than are told apart"), std::string::npos) << judged.reason;
  h.eventually = 2 * kSecond;
  r.probes[0].answers.at(999).error = other;  // the last of the window
  EXPECT_FALSE(judge_hypothesis(r, h, "").held);
  h.eventually.reset();
  h.errors->at("status 503") = bound(Bound::Op::le, 0.5, "<= 50%");
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true) << "it may be one of 500, at most";
}

TEST(Eventually, HoldsAtTheNominalRate) {
  plan::Hypothesis h = during_cut();
  h.throughput = bound(Bound::Op::ge, 50, ">= 50/s");
  h.eventually = 5 * kSecond;
  const auto judged = judge_hypothesis(failing_over(), h, "");
  EXPECT_EQ(judged.held, true) << judged.observed;
  EXPECT_EQ(judged.held_after, 3 * kSecond);
}

TEST(Figures, OfTheSlowestThousandth) {
  Recording r = good_recording();
  auto& answers = r.probes[0].answers;
  for (auto& a : answers) a.count = 10;
  plan::Hypothesis h = during_cut();
  h.p999 = bound(Bound::Op::le, 10.0 * kMs, "<= 10ms");
  replace_requests(r, 15 * kSecond, 15 * kSecond + 20 * kMs, true, 500 * kMs);  // 10 of 5,000
  EXPECT_EQ(judge_hypothesis(r, h, "").held, false);
  for (auto& a : answers)
    if (a.latency > 10 * kMs) a.count = 4;
  EXPECT_EQ(judge_hypothesis(r, h, "").held, true);
}

}  // namespace
}  // namespace faultline::record
