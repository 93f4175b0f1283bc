// In which order what broke is told.
#include "injector/record/evidence.h"

#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;

plan::Hypothesis asking(const std::string& name, const std::string& during) {
  plan::Hypothesis h = good_recording().hypotheses[0];
  h.name = name;
  h.during = during;
  return h;
}

/// Names of those that did not hold, in the order in which they are told.
std::vector<std::string> told(const Recording& r) {
  const auto summary = report::summarize(r, judge(r));
  std::vector<std::string> names;
  for (const auto* h : report::broken_in_order(summary)) names.push_back(h->name);
  return names;
}

using Names = std::vector<std::string>;

TEST(Ranking, WhatWasSeenEarliestIsToldFirst) {
  Recording r = good_recording();
  plan::Hypothesis throughput = asking("throughput", "run");
  throughput.success.reset();
  throughput.p99.reset();
  throughput.requests = bound(plan::Bound::Op::ge, 1e6, ">= 1000000");
  r.hypotheses = {throughput, asking("after it", "recovery"), asking("it bears it", "cut"),
                  asking("before it", "baseline")};
  replace_requests(r, 15 * kSecond, 22 * kSecond, false, kSecond);
  EXPECT_EQ(told(r), (Names{"throughput", "it bears it", "after it"})) << "a request that failed tells against either";
  r.hypotheses[0].requests = bound(plan::Bound::Op::ge, 1500, ">= 1500");
  replace_requests(r, 2 * kSecond, 3 * kSecond, false, kSecond);
  EXPECT_EQ(told(r), (Names{"before it", "it bears it", "after it"}));
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.hypotheses[2].rank, 2u);
  EXPECT_EQ(verdict.hypotheses[2].first_sign, 15 * kSecond);
  EXPECT_EQ(verdict.hypotheses[0].rank, std::nullopt);
}

TEST(Ranking, EqualsStandAsInThePlan) {
  Recording r = good_recording();
  r.hypotheses = {asking("b", "cut"), asking("a", "cut")};
  replace_requests(r, 15 * kSecond, 20 * kSecond, false, kSecond);
  EXPECT_EQ(told(r), (Names{"b", "a"}));
}

TEST(Ranking, WhatAnArmMustBreakIsToldAsItNamesItAndAfterWhatItMustNot) {
  Recording r = good_recording();
  r.arm = "naive";
  r.hypotheses = {asking("a", "baseline"), asking("b", "cut"), asking("c", "recovery"), asking("d", "cut")};
  r.expected_to_fail = {"c", "b", "a"};
  replace_requests(r, 0, 30 * kSecond, false, kSecond);
  EXPECT_EQ(told(r), (Names{"d", "c", "b", "a"}));
  const auto page = report::render_report(r, report::summarize(r, judge(r)));
  EXPECT_NE(page.find("First what the arm was not expected to break, then what it was."), std::string::npos);
  r.hypotheses.pop_back();
  EXPECT_EQ(told(r), (Names{"c", "b", "a"}));
}

TEST(Ranking, TheFirstSignIsWhatIsAskedFor) {
  Recording r = good_recording();
  plan::Hypothesis h = asking("quick", "cut");
  replace_requests(r, 14 * kSecond, 16 * kSecond, true, 400 * kMillisecond);
  replace_requests(r, 17 * kSecond, 18 * kSecond, false, kSecond);
  const auto sign = [&] { return first_sign(r, h, 10 * kSecond, 20 * kSecond); };
  EXPECT_EQ(sign(), 17 * kSecond) << "a failure, where success is asked for";
  h.success.reset();
  EXPECT_EQ(sign(), 14 * kSecond) << "the first that is too slow, where latency alone is";
  h.p99.reset();
  h.value = bound(plan::Bound::Op::le, 2, "<= 2");
  for (auto& answer : r.probes[0].answers) answer.value = answer.due < 13 * kSecond ? 0 : 3;
  EXPECT_EQ(sign(), 13 * kSecond);
}

TEST(Ranking, WhatWasToFailOrToBeSlowIsToldOfByWhatDidNot) {
  using By = Against::By;
  Recording r = good_recording();
  plan::Hypothesis h = asking("cut off", "cut");
  h.p99.reset();
  const auto against = [&] { return first_against(r.probes[0], &h, 10 * kSecond, 20 * kSecond); };
  h.success = bound(plan::Bound::Op::le, 0.1, "<= 10%");
  replace_requests(r, 10 * kSecond, 12 * kSecond, false, kSecond);
  ASSERT_NE(against().request, nullptr);
  EXPECT_EQ(against().request->due, 12 * kSecond) << "not one of those that failed, as all should have";
  EXPECT_EQ(against().by, By::being_answered);
  h.success = bound(plan::Bound::Op::le, 0.9, "<= 90%");
  ASSERT_NE(against().request, nullptr);
  EXPECT_NE(against().by, By::being_answered) << "as many succeeded as may: something else broke it";
  h.success.reset();
  h.p50 = bound(plan::Bound::Op::ge, 400e6, ">= 400ms");
  replace_requests(r, 10 * kSecond, 13 * kSecond, true, 500 * kMillisecond);
  ASSERT_NE(against().request, nullptr);
  EXPECT_EQ(against().request->due, 13 * kSecond);
  EXPECT_EQ(against().by, By::being_quick);
}

TEST(Ranking, TheFirstSignOfConnectionsIsTheSpanInWhichItHappened) {
  Recording r = good_recording();
  TelemetryRecord web{"web"};
  for (Ns from = 10 * kSecond; from < 20 * kSecond; from += 100 * kMillisecond) web.buckets.push_back(bucket(from));
  web.buckets[40] = one_of_each(14 * kSecond);
  r.telemetry.push_back(web);
  for (const auto& key : plan::Conditions::keys()) {
    if (!key.of_connections()) continue;
    plan::Hypothesis h;
    h.telemetry = "web";
    h.during = "cut";
    h.*key.bound = bound(plan::Bound::Op::le, 0, "<= 0");
    if (key.series == plan::Series::answered) continue;  // no harm
    EXPECT_EQ(first_sign(r, h, 10 * kSecond, 20 * kSecond), 14 * kSecond) << key.name;
    EXPECT_EQ(first_sign(r, h, 15 * kSecond, 20 * kSecond), std::nullopt) << key.name;
    h.*key.bound = bound(plan::Bound::Op::eq, 0, "= 0");
    EXPECT_EQ(first_sign(r, h, 10 * kSecond, 20 * kSecond), 14 * kSecond) << key.name;
    h.*key.bound = bound(plan::Bound::Op::ge, 99, ">= 99");
    EXPECT_EQ(first_sign(r, h, 10 * kSecond, 20 * kSecond), std::nullopt)
        << key.name << ": what is too little has none";
  }
}

}  // namespace
}  // namespace faultline::record
