// Whether a fault did what it was to do: it met packets, drew, was in time, kept its targets, and lost none of what it
// took.
#include "injector/report/summary.h"
#include "tests/unit/verdict_case.h"

namespace faultline::record {
namespace {

using namespace testing;

class FaultVerdicts : public ::testing::TestWithParam<VerdictCase> {};

TEST_P(FaultVerdicts, HaveTheirExitStatusAndReason) { expect_verdict_of(GetParam()); }

const VerdictCase kFaultCases[] = {
    {"fault_met_no_packet", meet_nothing, Exit::inconclusive, "met no packet"},
    {"fault_left_no_counts", [](Recording& r) { r.faults[0].account.reset(); }, Exit::inconclusive, "left no counts"},
    {"fault_late_beyond_a_tenth", [](Recording& r) { result(r).lateness.p99 = 10001; }, Exit::inconclusive, "was late"},
    {"fault_late_within_a_tenth", [](Recording& r) { result(r).lateness.p99 = 9999; }, Exit::passed, ""},
    {"short_delay_may_be_1_ms_late",
     [](Recording& r) {
       r.faults[0].delay = kMillisecond;
       result(r).lateness.p99 = 999;
     },
     Exit::passed, ""},
    {"short_delay_may_not_be_more_than_1_ms_late",
     [](Recording& r) {
       r.faults[0].delay = kMillisecond;
       result(r).lateness.p99 = 1001;
     },
     Exit::inconclusive, "was late"},
    {"drew_no_loss", [](Recording& r) { ask(r, {"loss"}); }, Exit::inconclusive,
     "its loss touched none of the 1,000 packets"},
    {"drew_some_loss",
     [](Recording& r) {
       ask(r, {"loss"});
       result(r).dropped = 1;
     },
     Exit::passed, ""},
    {"drew_no_loss_beside_dead_flows",
     [](Recording& r) {
       ask(r, {"loss", "flows"});
       result(r).dropped = result(r).dead = 30;
       result(r).flows_dead = 1;
     },
     Exit::inconclusive, "its loss touched none"},
    {"drew_no_flows",
     [](Recording& r) {
       ask(r, {"flows"});
       result(r).flows_met = 7;
     },
     Exit::inconclusive, "its flows touched none of the 7 connections"},
    {"drew_no_clients",
     [](Recording& r) {
       ask(r, {"clients"});
       result(r).clients_met = 1;
     },
     Exit::inconclusive, "its clients touched none of the 1 client that"},
    {"drew_no_duplicate", [](Recording& r) { ask(r, {"duplicate"}); }, Exit::inconclusive, "its duplicate touched"},
    {"drew_no_corruption", [](Recording& r) { ask(r, {"corrupt"}); }, Exit::inconclusive, "its corrupt touched"},
    {"drew_no_reorder", [](Recording& r) { ask(r, {"reorder"}); }, Exit::inconclusive, "its reorder touched"},
    {"delayed_nothing", [](Recording& r) { ask(r, {"delay"}); }, Exit::inconclusive, "its delay touched"},
    {"what_is_lost_need_not_be_delayed",
     [](Recording& r) {
       ask(r, {"delay", "loss"});
       result(r).dropped = 1000;
     },
     Exit::passed, ""},
    {"met_nothing_drew_nothing",
     [](Recording& r) {
       ask(r, {"loss"});
       result(r).matched = 0;
     },
     Exit::inconclusive, "met no packet"},
    {"a_rate_that_nothing_reached", [](Recording& r) { ask(r, {"rate"}); }, Exit::inconclusive,
     "held nothing back: of the 1,000 packets that it met none had to wait for its rate: the traffic never reached it"},
    {"a_rate_above_another_faults",
     [](Recording& r) {
       ask(r, {"rate"});
       result(r).composed = 1000;
     },
     Exit::inconclusive, "or another fault's was lower"},
    {"a_rate_that_held_back",
     [](Recording& r) {
       ask(r, {"rate"});
       result(r).paced = 1;
     },
     Exit::passed, ""},
    {"a_rate_whose_queue_was_full",
     [](Recording& r) {
       ask(r, {"rate"});
       result(r).queue_dropped = 1;
     },
     Exit::passed, ""},
    {"a_link_that_is_wide_enough_still_delays",
     [](Recording& r) {
       ask(r, {"rate", "delay"});
       result(r).delayed = 1000;
     },
     Exit::passed, ""},
    {"lost_its_target",
     [](Recording& r) {
       r.faults[0].on = {"web"};
       r.losses.push_back({"web", "no room for it", 15 * kSecond, {}});
     },
     Exit::inconclusive, "lost its target \"web\" after 15.0 s: no room for it"},
    {"lost_its_target_until_it_began",
     [](Recording& r) {
       r.faults[0].on = {"web"};
       r.losses.push_back({"web", "no room for it", 2 * kSecond, 10 * kSecond});
     },
     Exit::passed, ""},
    {"lost_somebody_elses_target",
     [](Recording& r) {
       r.faults[0].on = {"web"};
       r.losses.push_back({"other", "no room for it", 15 * kSecond, {}});
     },
     Exit::passed, ""},
    {"asks_for_nothing_by_chance",
     [](Recording& r) {
       r.faults[0].idle = true;
       result(r).asks = {&faults::kEffects[0]};
       result(r).dropped = 0;
     },
     Exit::passed, ""},
    {"line_full", [](Recording& r) { result(r).undelivered.full = 1; }, Exit::inconclusive, "beyond what may be held"},
    {"packets_unaccounted", [](Recording& r) { result(r).undelivered.unaccounted = 3; }, Exit::inconclusive,
     "3 unaccounted"},
    {"left_out_more_than_1_percent",
     [](Recording& r) {
       result(r).matched = 980;
       result(r).left_out = result(r).left_out_nat = 11;
     },
     Exit::inconclusive,
     "left out 11 of 991 packets, which would not have survived being held: 11 of connections that are translated"},
    {"left_out_everything",
     [](Recording& r) {
       result(r).matched = 0;
       result(r).left_out = 5;
       result(r).left_out_local = 3;
       result(r).left_out_ipsec = 2;
     },
     Exit::inconclusive, "left out 5 of 5"},
    {"late_because_the_line_was_full",
     [](Recording& r) {
       result(r).lateness.p99 = 12000;
       result(r).left_late = {900, 800};
       r.line_stats = LineStats{.full = {2'000'000, 1'600'000, 2'350'000'000}};
       r.line_stats->realtime.line.fell_back = 3;
     },
     Exit::inconclusive,
     "had more packets to hold than Faultline can carry: for 2.00 s it carried 9.4 Gb/s, 800,000 packets a second, and "
     "could no more, so packets were "
     "held "
     "p99 12.0 ms longer than asked, at most 10.0 ms is allowed"},
    {"late_for_want_of_a_cpu_though_full_now_and_then",
     [](Recording& r) {
       result(r).lateness.p99 = 12000;
       result(r).left_late = {900, 300};
       r.line_stats = LineStats{};
     },
     Exit::inconclusive, "was late: p99 12.0 ms beyond what was asked, at most 10.0 ms is allowed"},
    {"full_for_a_while_and_in_time",
     [](Recording& r) {
       result(r).left_late = {9, 9};
     },
     Exit::passed, ""},
    {"late_where_no_real_time_class_is_granted",
     [](Recording& r) {
       result(r).lateness.p99 = 12000;
       r.line_stats = LineStats{.realtime = {{.refused = 1}, {}}};
     },
     Exit::inconclusive, "the kernel granted no real-time class"},
    {"late_with_its_budget_used_up",
     [](Recording& r) {
       result(r).lateness.p99 = 12000;
       r.line_stats = LineStats{.realtime = {{.fell_back = 7, .ordinary_us = 80'000}, {}}};
     },
     Exit::inconclusive, "used up its real-time budget 7 times, and waited for a CPU like others for 80.0 ms"},
    {"a_few_packets_astray_change_nothing",
     [](Recording& r) {
       result(r).matched = 6685;
       result(r).undelivered.overdue = 2;
       result(r).passed_by_safety = 4;
     },
     Exit::passed, ""},
    {"both_together_count",
     [](Recording& r) {
       result(r).matched = 6685;
       result(r).undelivered.overdue = 3;
       result(r).passed_by_safety = 4;
     },
     Exit::inconclusive,
     "took 3 packets that it never gave back (3 overdue after a stop), and was lifted for 4 packets by its safety"},
    {"a_tenth_of_a_percent_is_too_many",
     [](Recording& r) {
       result(r).matched = 10000;
       result(r).undelivered.tap_queue = 10;
     },
     Exit::inconclusive, "less than 0.1% is allowed"},
    {"of_a_small_loss_a_tenth_is_too_many",
     [](Recording& r) {
       r.faults[0].loss = 0.002;
       result(r).matched = 100000;
       result(r).dropped = 200;
       result(r).undelivered.tap_queue = 21;
     },
     Exit::inconclusive, "allowed for the loss that was asked"},
    {"of_a_small_loss_less_changes_nothing",
     [](Recording& r) {
       r.faults[0].loss = 0.002;
       result(r).matched = 100000;
       result(r).dropped = 200;
       result(r).undelivered.tap_queue = 19;
     },
     Exit::passed, ""},
    {"a_loss_that_is_rare_counts_as_it_came",
     [](Recording& r) {
       r.faults[0].loss = 0.5;
       result(r).matched = 100000;
       result(r).dropped = 100;
       result(r).passed_by_safety = 11;
     },
     Exit::inconclusive, "allowed for the loss that was asked"},
    {"no_tolerance_means_none",
     [](Recording& r) {
       r.tolerance.packets = 0;
       result(r).matched = 1000000;
       result(r).passed_by_safety = 1;
     },
     Exit::inconclusive, "by its safety"},
    {"a_plan_may_bear_more",
     [](Recording& r) {
       r.tolerance.packets = 0.05;
       result(r).undelivered.overdue = 49;
     },
     Exit::passed, ""},
    {"lifted_by_safety", [](Recording& r) { result(r).passed_by_safety = 2; }, Exit::inconclusive, "by its safety"},
};

INSTANTIATE_TEST_SUITE_P(All, FaultVerdicts, ::testing::ValuesIn(kFaultCases),
                         [](const auto& i) { return i.param.name; });

TEST(Verdict, WhatDoesNotMatterIsAWarning) {
  Recording r = good_recording();
  result(r).matched = 6685;
  result(r).undelivered.overdue = 2;
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::passed);
  EXPECT_EQ(verdict.warnings,
            std::vector<std::string>{"fault \"cut\" took 2 packets that it never gave back (2 overdue after a stop); "
                                     "that is 0.03% of what it met: too few to matter"});
  EXPECT_EQ(report::summarize(r, verdict).warnings.at(0), verdict.warnings.at(0));
}

TEST(Verdict, OfATimeoutThatForgetsNothingIsARemark) {
  Recording r = good_recording();
  ask(r, {"silence"});
  result(r).flows_met = 3;
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::passed) << "keepalives do what is to be shown";
  EXPECT_NE(verdict.warnings.at(0).find("forgot nothing: none of the 3 connections"), std::string::npos);
  result(r).flows_dead = 1;
  EXPECT_TRUE(judge(r).warnings.empty());
}

TEST(Verdict, OfACutThatWasNeverReachedIsInconclusive) {
  Recording r = good_recording();
  ask(r, {"after"});
  result(r).flows_met = 3;
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::inconclusive);
  EXPECT_NE(verdict.reasons.at(0).find("cut nothing: none of the 3 connections"), std::string::npos);
  result(r).flows_dead = 1;
  EXPECT_EQ(judge(r).exit, Exit::passed);
}

TEST(Verdict, OfConnectionsThatCouldNotBeFollowedIsInconclusive) {
  Recording r = good_recording();
  result(r).untracked = 1;
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::inconclusive);
  EXPECT_NE(verdict.reasons.at(0).find("it has room for 262,144"), std::string::npos);
}

TEST(Verdict, OfAFaultThatAsksForNothingIsNotThatItMetNoPacket) {
  Recording r = good_recording();
  meet_nothing(r);
  r.faults[0].idle = true;
  EXPECT_EQ(judge(r).exit, Exit::passed);
}

}  // namespace
}  // namespace faultline::record
