#include "injector/record/verdict.h"
#include "injector/report/summary.h"

#include <functional>

#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using plan::Bound;
using namespace testing;

struct Case {
  const char* name;
  std::function<void(Recording&)> change;  ///< to a recording that passes
  Exit exit;
  const char* reason;  ///< part of the first reason; "" if none is expected
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

Account& result(Recording& r) { return *r.faults.at(0).account; }
void fail_hypothesis(Recording& r) { replace_requests(r, 12 * kSecond, 13 * kSecond, false, 0); }
void meet_nothing(Recording& r) { result(r) = Account{}; }
/// As of a fault that asked for these effects alone.
void ask(Recording& r, const std::vector<std::string>& effects) {
  result(r).delayed = 0;
  for (const auto& effect : faults::kEffects)
    if (std::find(effects.begin(), effects.end(), effect.name) != effects.end()) result(r).asks.push_back(&effect);
}
/// "cut" is in force from 10 s to 20 s.
void escape(Recording& r, Ns from, std::optional<Ns> until, const std::string& fault = "cut") {
  r.escapes.push_back({"netns a", "eth0", "egress", "program x runs before the fault", from, until, 40, {fault}});
}
/// One whose device counts all that can have gone by.
Escape& bounded_escape(Recording& r, std::uint64_t packets, std::uint64_t bytes = 0) {
  r.escapes.push_back({"netns a", "eth0", "egress", "taken off", 15 * kSecond, {}, packets, {"cut"}, bytes, true});
  result(r).matched = 100000;
  result(r).bytes = 10000000;
  return r.escapes.back();
}
/// Of what was given back, these were not seen again at a device.
void unseen(Recording& r, const std::string& device, std::uint64_t packets) {
  result(r).undelivered.unaccounted = packets;
  result(r).unseen = {{"netns a", device, "egress", packets}};
}
void stop(Recording& r) { r.stop = Stop{"guard", "pay below 20%", 15 * kSecond}; }
void fail_cleanup(Recording& r) { r.cleanup = Cleanup{false, {"delete flpen0: busy"}}; }

class Verdicts : public ::testing::TestWithParam<Case> {};

TEST_P(Verdicts, HaveTheirExitStatusAndReason) {
  Recording r = good_recording();
  GetParam().change(r);
  const Verdict verdict = judge(r);
  EXPECT_EQ(static_cast<int>(verdict.exit), static_cast<int>(GetParam().exit));
  const std::string first = verdict.reasons.empty() ? "" : verdict.reasons.front();
  if (std::string(GetParam().reason).empty())
    EXPECT_EQ(first, "");
  else
    EXPECT_NE(first.find(GetParam().reason), std::string::npos) << first;
}

const Case kCases[] = {
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
    {"passed_by_during_the_fault", [](Recording& r) { escape(r, 15 * kSecond, 16 * kSecond); }, Exit::inconclusive,
     "from 15.0 s to 16.0 s: program x runs before the fault; the device carried 40 packets"},
    {"passed_by_from_the_start", [](Recording& r) { escape(r, 0, {}); }, Exit::inconclusive, "from the start"},
    {"passed_by_into_the_fault", [](Recording& r) { escape(r, 2 * kSecond, 10 * kSecond + 1); }, Exit::inconclusive,
     "packets may go by"},
    {"passed_by_before_the_fault", [](Recording& r) { escape(r, 2 * kSecond, 10 * kSecond); }, Exit::passed, ""},
    {"passed_by_after_the_fault", [](Recording& r) { escape(r, 20 * kSecond, {}); }, Exit::passed, ""},
    {"passed_by_another_fault", [](Recording& r) { escape(r, 15 * kSecond, {}, "other"); }, Exit::passed, ""},
    {"a_few_that_passed_by_change_nothing", [](Recording& r) { bounded_escape(r, 40, 5000); }, Exit::passed, ""},
    {"too_many_passed_by", [](Recording& r) { bounded_escape(r, 200); }, Exit::inconclusive,
     "the device carried 200 packets that way meanwhile; that is at most 0.2% of what it met there, and less than 0.1% "
     "is"},
    {"few_of_many_bytes_passed_by", [](Recording& r) { bounded_escape(r, 40, 500000); }, Exit::inconclusive,
     "at most 5.0% of what it met there"},
    {"what_passed_by_and_what_was_lost_count_together",
     [](Recording& r) {
       bounded_escape(r, 60);
       result(r).undelivered.overdue = 50;
     },
     Exit::inconclusive, "took 50 packets that it never gave back (50 overdue after a stop)"},
    {"a_plan_may_bear_more_that_pass_by",
     [](Recording& r) {
       bounded_escape(r, 900);
       r.tolerance.packets = 0.01;
     },
     Exit::passed, ""},
    {"nothing_passed_by_where_the_device_carried_nothing",
     [](Recording& r) {
       bounded_escape(r, 0);
       r.tolerance.packets = 0;
     },
     Exit::passed, ""},
    {"nobody_knows_what_passed_by_behind_another_program", [](Recording& r) { bounded_escape(r, 0).bounded = false; },
     Exit::inconclusive, "packets may go by"},
    {"given_back_where_ours_was_taken_off",
     [](Recording& r) {
       bounded_escape(r, 40);
       unseen(r, "eth0", 30);
       r.tolerance.packets = 0.001;
     },
     Exit::passed, ""},
    {"not_given_back_at_another_device",
     [](Recording& r) {
       bounded_escape(r, 40);
       unseen(r, "eth1", 100);
     },
     Exit::inconclusive, "took 100 packets that it never gave back (100 unaccounted for)"},
    {"not_given_back_by_a_device_that_carried_less",
     [](Recording& r) {
       bounded_escape(r, 40);
       unseen(r, "eth0", 240);
     },
     Exit::inconclusive, "took 200 packets that it never gave back (200 unaccounted for)"},
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
    {"line_full", [](Recording& r) { result(r).undelivered.full = 1; }, Exit::inconclusive, "line full"},
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
     "met a full line: for 2.00 s it carried 9.4 Gb/s, 800,000 packets a second, and could no more, so packets were "
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

TEST(Verdict, OneCauseHasOneReason) {
  Recording r = good_recording();
  bounded_escape(r, 400);
  unseen(r, "eth0", 30);
  EXPECT_EQ(
      judge(r).reasons,
      std::vector<std::string>{
          "fault \"cut\": packets may go by the faults at egress of eth0 in netns a, since 15.0 s: taken off; the "
          "device carried 400 packets that way meanwhile; of the packets that it had held 30 went back there with "
          "nobody to count them; that is at most 0.4% of what it met there, and less than 0.1% is allowed"});
}

TEST(Verdict, WhatPassedByIsWeighedWhereItPassed) {
  Recording r = good_recording();
  bounded_escape(r, 7);  // in netns a
  faults::SiteAccount quiet, busy;
  quiet.site = "netns a";
  quiet.matched = 4;
  busy.site = "netns b";
  busy.matched = 15'000;
  result(r).matched = quiet.matched + busy.matched;
  result(r).sites = {quiet, busy};
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::inconclusive) << "a busy site does not hide that a quiet one had no fault";
  ASSERT_EQ(verdict.reasons.size(), 1u);
  EXPECT_NE(verdict.reasons[0].find("of what it met there"), std::string::npos) << verdict.reasons[0];
}

TEST(Verdict, AFaultIsChargedWithWhatPassedByWhileItWasInForce) {
  Recording r = good_recording();
  Escape& both = bounded_escape(r, 900);
  both.faults = {"cut", "later"};
  both.by_fault = {{"cut", 7, 0}, {"later", 893, 0}};
  const Verdict verdict = judge(r);
  EXPECT_EQ(verdict.exit, Exit::passed) << "the rest passed by another fault";
  ASSERT_EQ(verdict.warnings.size(), 1u);
  EXPECT_NE(verdict.warnings[0].find("carried 900 packets that way meanwhile, 7 of them while this fault was in force; "
                                     "that is at most 0.007% of what it met there"),
            std::string::npos)
      << verdict.warnings[0];
  both.by_fault[0].packets = 0;
  EXPECT_NE(judge(r).warnings.at(0).find("none of them while this fault was in force"), std::string::npos);
  both.by_fault[0].packets = 900;  // at the same time: each may have missed all of them
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
  both.by_fault.clear();  // of a journal that does not tell them apart
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
  const auto told = report::summarize(r, verdict).escapes.at(0);
  EXPECT_EQ(told.packets_at_most, 900u);
  ASSERT_EQ(told.by_fault.size(), 2u);
  EXPECT_EQ(told.by_fault[0].packets_at_most, 900u);
}

TEST(Verdict, WhatPassedByUnnoticedIsAWarning) {
  Recording r = good_recording();
  bounded_escape(r, 0);
  EXPECT_EQ(judge(r).warnings,
            std::vector<std::string>{"fault \"cut\": packets may go by the faults at egress of eth0 in netns a, since "
                                     "15.0 s: taken off; the device carried no packet that way meanwhile"});
  r = good_recording();
  ask(r, {"rate", "delay"});
  result(r).delayed = 1000;
  ASSERT_EQ(judge(r).warnings.size(), 1u);
  EXPECT_NE(judge(r).warnings[0].find("the traffic never reached it"), std::string::npos) << judge(r).warnings[0];
}

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

TEST(Verdict, WithoutHypothesesIsCompletedAndNeverPassed) {
  Recording r = good_recording();
  EXPECT_STREQ(judge(r).word(), "passed");
  r.hypotheses.clear();
  EXPECT_EQ(judge(r).exit, Exit::passed);
  EXPECT_STREQ(judge(r).word(), "completed");
  meet_nothing(r);
  EXPECT_STREQ(judge(r).word(), "inconclusive");
}

TEST(Verdict, OfAFaultThatAsksForNothingIsNotThatItMetNoPacket) {
  Recording r = good_recording();
  meet_nothing(r);
  r.faults[0].idle = true;
  EXPECT_EQ(judge(r).exit, Exit::passed);
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
