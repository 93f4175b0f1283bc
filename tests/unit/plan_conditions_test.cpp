// What a hypothesis or guard may ask for beyond shares and latencies: counts, errors, throughput, times of the
// baseline, a part of a phase, and the time until it holds.
#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

/// A fault from 5 s to 15 s of a run of 25 s.
const std::string kDuring = kSmall + "[[hypotheses]]\nprobe = \"pay\"\nduring = \"degrade\"\n";
const std::string kGuard = kSmall + "[[guards]]\nprobe = \"pay\"\nfor = \"2s\"\n";

TEST(PlanConditions, ReadCountsErrorsAndThroughput) {
  const auto plan = parse_good(kDuring +
                               "requests = \">= 100\"\nfailures = \"= 0\"\nthroughput = \">= 9.5/s\"\np95 = \"<= 1s\"\n"
                               "p999 = \"<= 2s\"\nok.p95 = \"<= 3s\"\nerrors.timeout = \"<= 1%\"\n"
                               "errors.\"errno EPROTO\" = \"= 0\"\n");
  const auto& h = plan.hypotheses.at(0);
  EXPECT_EQ(h.requests->value, 100);
  EXPECT_EQ(h.failures->op, Bound::Op::eq);
  EXPECT_DOUBLE_EQ(h.throughput->value, 9.5);
  EXPECT_DOUBLE_EQ(h.p95->value, 1e9);
  EXPECT_DOUBLE_EQ(h.p999->value, 2e9);
  EXPECT_DOUBLE_EQ(h.ok_p95->value, 3e9);
  ASSERT_TRUE(h.errors);
  EXPECT_DOUBLE_EQ(h.errors->at("timeout").value, 0.01);
  EXPECT_FALSE(h.errors->at("timeout").measure);
  EXPECT_EQ(h.errors->at("errno EPROTO").measure, Bound::Measure::count);
  EXPECT_EQ(h.text(),
            "p95 <= 1s, p999 <= 2s, ok.p95 <= 3s, requests >= 100, failures = 0, throughput >= 9.5/s, "
            "errors.errno EPROTO = 0, errors.timeout <= 1%");
}

TEST(PlanConditions, ReadTimesOfTheBaseline) {
  const auto plan = parse_good(kDuring +
                               "p99 = \"<= 2x baseline\"\nthroughput = \">= 0.5 x baseline\"\n"
                               "errors.timeout = \"<= 3x baseline\"\n");
  const auto& h = plan.hypotheses.at(0);
  EXPECT_DOUBLE_EQ(h.p99->value, 2);
  EXPECT_EQ(h.p99->measure, Bound::Measure::times_baseline);
  EXPECT_DOUBLE_EQ(h.throughput->value, 0.5);
  EXPECT_EQ(h.errors->at("timeout").measure, Bound::Measure::times_baseline);
  only_mistake(kDuring + "p99 = \"<= baseline\"\n", "does not say how many times", "<= 2x baseline");
  only_mistake(kDuring + "p99 = \"<= 10000000000000x baseline\"\n", "more than a million times");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nduring = \"baseline\"\np99 = \"<= 2x baseline\"\n",
               "compared with itself");
  only_mistake(kDuring +
                   "p99 = \"<= 2x baseline\"\n[[faults]]\nname = \"early\"\nkind = \"sever\"\non = \"shop\"\nstart = "
                   "\"500ms\"\nfor = "
                   "\"1s\"\n",
               "a baseline of 500ms is too short");
  only_mistake(kDuring + "failures = \"<= 2x baseline\"\n", "depends on how long one looks");
  only_mistake(kGuard + "p99 = \"> 2x baseline\"\n", "a guard has no baseline");
}

TEST(PlanConditions, GoIntoGuards) {
  const auto plan = parse_good(
      kGuard + "requests = \"< 5\"\nfailures = \"> 10\"\nerrors.timeout = \"> 50%\"\nthroughput = \"< 5/s\"\n");
  EXPECT_EQ(plan.guards.at(0).text(), "requests < 5, failures > 10, throughput < 5/s, errors.timeout > 50%");
}

TEST(PlanConditions, MistakesAreNamed) {
  only_mistake(kDuring + "errors.timeot = \"<= 1%\"\n", "never has an error \"timeot\"", "did you mean \"timeout\"?");
  only_mistake(kDuring + "errors.\"status 503\" = \"= 0\"\n", "asks by icmp, and never has an error \"status 503\"");
  only_mistake(kGuard + "errors.REFUSED = \"> 1%\"\n", "never has an error \"REFUSED\"", "did you mean \"refused\"?");
  only_mistake(kDuring + "errors = {}\n", "no error is named");
  only_mistake(kDuring + "failures = \"0\"\n", "has no comparison", "= 0");
  only_mistake(kDuring + "failures = \"= 1.5\"\n", "is not a whole number", "= 0");
  only_mistake(kDuring + "throughput = \">= 100\"\n", "is not a rate", "how many in a second: \">= 100/s\"");
  only_mistake(kDuring + "p99 = \"= 250ms\"\n", "one exact value");
  only_mistake(kDuring + "p99.9 = \"<= 1s\"\n", "a dot begins a table", "write p999");
}

TEST(PlanWindows, AreAPartOfThePhaseAndScale) {
  const std::string text = kDuring + "after = \"2s\"\nfor = { true = \"6s\", scaled = \"4s\" }\nsuccess = \">= 99%\"\n";
  const auto plan = parse_good(text);
  const auto& h = plan.hypotheses.at(0);
  EXPECT_EQ(h.after, 2 * kSecond);
  EXPECT_EQ(h.length, 4 * kSecond);
  EXPECT_EQ(h.window_in(5 * kSecond, 15 * kSecond), std::pair(7 * kSecond, 11 * kSecond));
  EXPECT_EQ(h.name, "pay during degrade, from 2s for 4s: success >= 99%");
  ParseOptions tenth;
  tenth.scale = 10;
  const auto scaled = parse_good(text, tenth);
  EXPECT_EQ(scaled.hypotheses.at(0).after, 200 * kMillisecond);
}

TEST(PlanWindows, FitIntoTheirPhase) {
  only_mistake(kDuring + "after = \"10s\"\nsuccess = \">= 99%\"\n", "\"degrade\" lasts 10s, so that nothing is left");
  only_mistake(kDuring + "after = \"8s\"\nfor = \"3s\"\nsuccess = \">= 99%\"\n",
               "\"degrade\" lasts 10s; this ends 1s later");
  parse_good(kDuring + "after = \"8s\"\nfor = \"2s\"\nsuccess = \">= 99%\"\n");
  only_mistake(kDuring + "for = \"0s\"\nsuccess = \">= 99%\"\n", "it must be longer than 0s");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nafter = \"1s\"\nrecovers_within = \"5s\"\n",
               "recovers_within looks at what follows the last fault");
}

TEST(PlanWindows, LeaveTimeToHold) {
  const auto plan = parse_good(kDuring + "success = \">= 99%\"\neventually = \"5s\"\nstays = \"5s\"\n");
  EXPECT_EQ(plan.hypotheses.at(0).eventually, 5 * kSecond);
  EXPECT_EQ(plan.hypotheses.at(0).stays, 5 * kSecond);
  EXPECT_EQ(condition_text(plan.hypotheses.at(0)), "success >= 99%, after 5s at the latest, for 5s");
  only_mistake(kDuring + "success = \">= 99%\"\neventually = \"5s\"\nstays = \"5100ms\"\n", "do not fit");
  only_mistake(kDuring + "success = \">= 99%\"\neventually = \"9500ms\"\n", "do not fit");
  only_mistake(kDuring + "success = \">= 99%\"\nstays = \"1s\"\n", "needs eventually");
  only_mistake(kDuring + "success = \">= 99%\"\neventually = \"1s\"\nstays = \"4s\"\n", "can be met by luck",
               "stays = \"5s\" or more");
  only_mistake(kDuring + "success = \">= 99%\"\neventually = \"9223372036s\"\n", "more than a year");
}

}  // namespace
}  // namespace faultline::plan
