// What may have gone by a fault, and how it weighs against what the fault met.
#include "injector/report/summary.h"
#include "tests/unit/verdict_case.h"

namespace faultline::record {
namespace {

using namespace testing;

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

class EscapeVerdicts : public ::testing::TestWithParam<VerdictCase> {};

TEST_P(EscapeVerdicts, HaveTheirExitStatusAndReason) { expect_verdict_of(GetParam()); }

const VerdictCase kEscapeCases[] = {
    {"passed_by_during_the_fault", [](Recording& r) { escape(r, 15 * kSecond, 16 * kSecond); }, Exit::inconclusive,
     "from 15.0 s to 16.0 s: program x runs before the fault; the device carried 40 packets"},
    {"passed_by_from_the_start", [](Recording& r) { escape(r, 0, {}); }, Exit::inconclusive, "from the start"},
    {"passed_by_into_the_fault", [](Recording& r) { escape(r, 2 * kSecond, 10 * kSecond + 1); }, Exit::inconclusive,
     "packets may bypass"},
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
     Exit::inconclusive, "packets may bypass"},
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
};

INSTANTIATE_TEST_SUITE_P(All, EscapeVerdicts, ::testing::ValuesIn(kEscapeCases),
                         [](const auto& i) { return i.param.name; });

TEST(Verdict, OneCauseHasOneReason) {
  Recording r = good_recording();
  bounded_escape(r, 400);
  unseen(r, "eth0", 30);
  EXPECT_EQ(
      judge(r).reasons,
      std::vector<std::string>{
          "fault \"cut\": packets may bypass the faults at egress of eth0 in netns a, since 15.0 s: taken off; the "
          "device carried 400 packets that way meanwhile; 30 of the packets that it had held left there "
          "uncounted; that is at most 0.4% of what it met there, and less than 0.1% is allowed"});
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
            std::vector<std::string>{"fault \"cut\": packets may bypass the faults at egress of eth0 in netns a, since "
                                     "15.0 s: taken off; the device carried no packet that way meanwhile"});
  r = good_recording();
  ask(r, {"rate", "delay"});
  result(r).delayed = 1000;
  ASSERT_EQ(judge(r).warnings.size(), 1u);
  EXPECT_NE(judge(r).warnings[0].find("the traffic never reached it"), std::string::npos) << judge(r).warnings[0];
}

}  // namespace
}  // namespace faultline::record
