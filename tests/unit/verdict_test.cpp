// The verdict on a run: hypotheses, probes, how it ended, and which of these outweighs which.
#include "tests/unit/verdict_case.h"

namespace faultline::record {
namespace {

using plan::Bound;
using namespace testing;

void fail_hypothesis(Recording& r) { replace_requests(r, 12 * kSecond, 13 * kSecond, false, 0); }
void stop(Recording& r) { r.stop = Stop{"guard", "pay below 20%", 15 * kSecond}; }
void fail_cleanup(Recording& r) { r.cleanup = Cleanup{false, {"delete flpen0: busy"}}; }

class Verdicts : public ::testing::TestWithParam<VerdictCase> {};

TEST_P(Verdicts, HaveTheirExitStatusAndReason) { expect_verdict_of(GetParam()); }

const VerdictCase kCases[] = {
    {"passes", [](Recording&) {}, Exit::passed, ""},
    {"passes_without_hypotheses", [](Recording& r) { r.hypotheses.clear(); }, Exit::passed, ""},
    {"passes_without_faults",
     [](Recording& r) {
       r.faults.clear();
       r.hypotheses[0].during = "baseline";
     },
     Exit::passed, ""},
    {"deviates_in_success", fail_hypothesis, Exit::deviated, ""},
    {"deviates_in_p99", [](Recording& r) { replace_requests(r, 12 * kSecond, 13 * kSecond, true, 300 * kMillisecond); },
     Exit::deviated, ""},
    {"deviates_in_p50", [](Recording& r) { r.hypotheses[0].p50 = bound(Bound::Op::lt, 2.0 * kMillisecond, "< 2ms"); },
     Exit::deviated, ""},
    {"deviates_in_p90", [](Recording& r) { r.hypotheses[0].p90 = bound(Bound::Op::lt, 2.0 * kMillisecond, "< 2ms"); },
     Exit::deviated, ""},
    {"deviates_in_max", [](Recording& r) { r.hypotheses[0].max = bound(Bound::Op::lt, 2.0 * kMillisecond, "< 2ms"); },
     Exit::deviated, ""},
    {"deviates_when_no_request_succeeds",
     [](Recording& r) {
       r.hypotheses[0].success.reset();
       replace_requests(r, 10 * kSecond, 20 * kSecond, false, 0);
     },
     Exit::deviated, ""},
    {"failure_outside_the_phase_is_nothing",
     [](Recording& r) { replace_requests(r, 20 * kSecond, 25 * kSecond, false, 0); }, Exit::passed, ""},
    {"request_at_the_fault_s_end_belongs_to_recovery",
     [](Recording& r) {
       r.hypotheses[0].success = bound(Bound::Op::ge, 1, ">= 100%");
       replace_requests(r, 20 * kSecond, 20 * kSecond + 1, false, 0);
     },
     Exit::passed, ""},
    {"request_at_the_fault_s_start_belongs_to_it",
     [](Recording& r) {
       r.hypotheses[0].success = bound(Bound::Op::ge, 1, ">= 100%");
       replace_requests(r, 10 * kSecond, 10 * kSecond + 1, false, 0);
     },
     Exit::deviated, ""},
    {"probe_never_ran",
     [](Recording& r) {
       r.probes.push_back({});
       r.probes.back().name = "idle";
     },
     Exit::inconclusive, "\"idle\" never ran"},
    {"probe_without_requests_in_the_phase",
     [](Recording& r) {
       auto& a = r.probes[0].answers;
       std::erase_if(a, [](const Requests& x) { return x.due >= 10 * kSecond && x.due < 20 * kSecond; });
     },
     Exit::inconclusive, "no request of \"pay\""},
    {"probe_sent_late", [](Recording& r) { r.probes[0].late.add(21 * kMillisecond, 100); }, Exit::inconclusive,
     "was sent late"},
    {"probe_sent_late_within_its_interval", [](Recording& r) { r.probes[0].late.add(19 * kMillisecond, 100); },
     Exit::passed, ""},
    {"unsteady_before_the_fault", [](Recording& r) { replace_requests(r, kSecond, 2 * kSecond, false, 0); },
     Exit::inconclusive, "not steady"},
    {"steady_enough", [](Recording& r) { replace_requests(r, kSecond, kSecond + 400 * kMillisecond, false, 0); },
     Exit::passed, ""},
    {"unsteady_in_a_baseline_too_short_to_tell",
     [](Recording& r) {
       r.faults[0].start = 900 * kMillisecond;
       replace_requests(r, 0, 500 * kMillisecond, false, 0);
     },
     Exit::passed, ""},
    {"unsteady_baseline_fails_a_hypothesis_about_it",
     [](Recording& r) {
       r.hypotheses[0].during = "baseline";
       replace_requests(r, kSecond, 2 * kSecond, false, 0);
     },
     Exit::deviated, ""},
    {"phase_that_the_run_lacks",
     [](Recording& r) {
       r.duration = 20 * kSecond;
       r.hypotheses[0].during = "recovery";
     },
     Exit::inconclusive, "no phase \"recovery\""},
    {"unknown_probe", [](Recording& r) { r.hypotheses[0].probe = "nobody"; }, Exit::inconclusive,
     "no probe \"nobody\""},
    {"aborted", stop, Exit::aborted, "pay below 20%"},
    {"interrupted",
     [](Recording& r) {
       r.ended = false;
       r.last_seen = 15 * kSecond;
       r.cleanup.reset();
     },
     Exit::aborted, "interrupted after 15.0 s"},
    {"nothing_in_the_journal", [](Recording& r) { r = Recording{}; }, Exit::aborted, "interrupted before it began"},
    {"cleanup_incomplete", fail_cleanup, Exit::failed, "flpen0"},
    {"cleanup_not_recorded", [](Recording& r) { r.cleanup.reset(); }, Exit::failed, "not recorded"},
    {"own_failure",
     [](Recording& r) {
       r.troubles.push_back({Exit::failed, "the line died"});
     },
     Exit::failed, "the line died"},
    {"cannot_run",
     [](Recording& r) {
       r.begun = false;
       r.troubles.push_back({Exit::cannot_run, "web1 never got ready"});
     },
     Exit::cannot_run, "never got ready"},
    {"journal_damaged", [](Recording& r) { r.unreadable = 2; }, Exit::failed, "2 lines"},
    // precedence: 6 > 5 > 2 > 1
    {"inconclusive_over_deviated",
     [](Recording& r) {
       fail_hypothesis(r);
       meet_nothing(r);
     },
     Exit::inconclusive, "met no packet"},
    {"aborted_over_inconclusive",
     [](Recording& r) {
       meet_nothing(r);
       stop(r);
     },
     Exit::aborted, "pay below"},
    {"aborted_over_deviated",
     [](Recording& r) {
       r.hypotheses[0].during = "baseline";
       replace_requests(r, kSecond, 2 * kSecond, false, 0);
       stop(r);
     },
     Exit::aborted, "pay below"},
    {"failed_over_aborted",
     [](Recording& r) {
       stop(r);
       fail_cleanup(r);
     },
     Exit::failed, "flpen0"},
    {"failed_over_everything",
     [](Recording& r) {
       fail_hypothesis(r);
       meet_nothing(r);
       stop(r);
       fail_cleanup(r);
     },
     Exit::failed, "flpen0"},
};

INSTANTIATE_TEST_SUITE_P(All, Verdicts, ::testing::ValuesIn(kCases), [](const auto& i) { return i.param.name; });

TEST(Verdict, TellsExpectedAndObserved) {
  Recording r = good_recording();
  fail_hypothesis(r);
  const Judgement j = judge(r).hypotheses.at(0);
  EXPECT_EQ(j.held, std::optional(false));
  EXPECT_EQ(j.expected, "success >= 99%, p99 <= 250ms");
  EXPECT_EQ(j.observed, "success 90.0% (450 of 500), p99 never (10.0% failed)");
  EXPECT_EQ(j.reason, "success: 50 timeout; p99");
}

TEST(Verdict, PhaseOfAnAbortedRunIsNotJudgedUnlessItWasOver) {
  Recording r = good_recording();
  stop(r);
  plan::Hypothesis base = r.hypotheses[0];
  base.during = "baseline";
  r.hypotheses.push_back(base);
  const Verdict verdict = judge(r);
  EXPECT_FALSE(verdict.hypotheses.at(0).held);
  EXPECT_EQ(verdict.hypotheses.at(1).held, std::optional(true));
}

TEST(Verdict, FaultThatAnAbortCameBeforeIsNotBlamed) {
  Recording r = good_recording();
  r.faults[0].account.reset();
  r.hypotheses.clear();
  r.stop = Stop{"signal", "SIGINT", 5 * kSecond};
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::aborted);
  ASSERT_EQ(verdict.reasons.size(), 1u);
}

TEST(Verdict, AFailureOutweighsWhatCouldNotBeJudged) {
  Recording r = good_recording();
  fail_hypothesis(r);
  r.hypotheses[0].recovers_within = 9 * kSecond;  // never recovers in the 10 s there are: not enough to say so
  replace_requests(r, 20 * kSecond, 30 * kSecond, false, 0);
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.hypotheses[0].held, std::optional(false));
  EXPECT_EQ(verdict.exit, Exit::deviated);
}

TEST(Verdict, AGuardThatCouldNotSeeItsEventGuardedNothing) {
  Recording r = good_recording();
  GuardRecord guard;
  guard.guard.name = "stop at once";
  guard.guard.event = "the pager rings";
  r.guards = {guard};
  EventRecord event;
  event.event.name = "the pager rings";
  r.events = {event};
  EXPECT_EQ(judge(r).exit, Exit::inconclusive) << "its log was not read to the end";
  r.events[0].watched = events::Watched{"the pager rings", 5, 0, "No such file"};
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
  EXPECT_NE(judge(r).reasons.front().find("could not see its event: No such file"), std::string::npos);
  r.events[0].watched->trouble.reset();
  EXPECT_EQ(judge(r).exit, Exit::passed);
}

TEST(Verdict, WithoutHypothesesIsCompletedAndNeverPassed) {
  Recording r = good_recording();
  EXPECT_STREQ(judge(r).word(), "passed");
  r.hypotheses.clear();
  EXPECT_EQ(judge(r).exit, Exit::passed);
  EXPECT_STREQ(judge(r).word(), "completed");
  meet_nothing(r);
  EXPECT_STREQ(judge(r).word(), "inconclusive");
}

TEST(Phases, TheRunIsAllOfIt) {
  Recording r = good_recording();
  fail_hypothesis(r);
  r.hypotheses[0].during = "run";  // 50 of 1500
  EXPECT_EQ(judge(r).hypotheses[0].observed, "success 96.7% (1,450 of 1,500), p99 never (3.3% failed)");
  r.ended = false;
  r.last_seen = 29 * kSecond;
  EXPECT_FALSE(judge(r).hypotheses[0].held) << "it is not over";
}

}  // namespace
}  // namespace faultline::record
