// How busy the machine was: read from /proc, told in a verdict's warnings, summed up.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "injector/base/clock.h"
#include "injector/observe/contention/contention.h"
#include "injector/observe/contention/cpu_waits.h"
#include "injector/record/contention.h"
#include "injector/record/verdict.h"
#include "injector/report/page_charts.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record::testing {
namespace {

/// A second in which the programs got a CPU 100 times, and one of their threads waited for one for `share` of it.
events::Contention second(Ns from, double share) {
  const Ns longest = static_cast<Ns>(share * kSecond);
  events::Contention one;
  one.from = from;
  one.length = kSecond;
  one.own = {200, 20 * kMillisecond, 4 * kMillisecond, 2 * kMillisecond};
  one.programs = {100, 50 * kMillisecond, longest + 100 * kMillisecond, longest};
  one.cpu = kSecond / 4;
  return one;
}

/// A run of 30 s, in which "payments keep working" breaks in [10 s, 20 s).
Recording broken(double meanwhile, double otherwise = 0.01) {
  Recording r = good_recording();
  replace_requests(r, 10 * kSecond, 20 * kSecond, false, 2 * kMillisecond);
  for (int i = 0; i < 30; i++) r.contention.push_back(second(i * kSecond, i >= 12 && i < 16 ? meanwhile : otherwise));
  return r;
}

TEST(Contention, ABrokenHypothesisOnABusyMachineComesWithAWarning) {
  const Verdict verdict = judge(broken(0.49));
  EXPECT_EQ(verdict.exit, Exit::deviated);
  ASSERT_EQ(verdict.warnings.size(), 1U);
  EXPECT_EQ(
      verdict.warnings[0],
      "this machine was busy: while \"payments keep working\" broke, in 4 s of 10 s a program of this run waited "
      "for a CPU a tenth of the time or more, 49% at the worst. The machine may be what broke it: play it again on "
      "a quieter one");
}

TEST(Contention, OnAMachineWithTimeToSpareNobodyIsWarned) {
  EXPECT_TRUE(judge(broken(0.09)).warnings.empty());
  EXPECT_TRUE(judge(good_recording()).warnings.empty()) << "nothing was recorded";
}

TEST(Contention, WhatWasBusyAtAnotherTimeIsNoReason) {
  Recording r = broken(0.01);
  for (auto& one : r.contention)
    if (one.from < 10 * kSecond || one.from >= 20 * kSecond) one = second(one.from, 0.9);
  EXPECT_TRUE(judge(r).warnings.empty());
}

TEST(Contention, ASecondOrTwoOfManyAreNoReason) {
  Recording r = broken(0.01);
  for (int i = 12; i < 14; i++) r.contention[i] = second(i * kSecond, 0.9);
  EXPECT_TRUE(judge(r).warnings.empty());
}

TEST(Contention, WhatAnArmMustBreakNeedsNoOtherReason) {
  Recording r = broken(0.9);
  r.expected_to_fail = {"payments keep working"};
  EXPECT_TRUE(judge(r).warnings.empty());
}

TEST(Contention, WhatHeldNeedsNoWarning) {
  Recording r = good_recording();
  for (int i = 0; i < 30; i++) r.contention.push_back(second(i * kSecond, 1));
  EXPECT_TRUE(judge(r).warnings.empty());
}

TEST(Contention, WithoutProgramsItIsFaultlinesOwnThreads) {
  Recording r = broken(0);
  for (auto& one : r.contention) {
    one.programs = {};
    one.own.longest = 300 * kMillisecond;
  }
  const Verdict verdict = judge(r);
  ASSERT_EQ(verdict.warnings.size(), 1U);
  EXPECT_NE(verdict.warnings[0].find("in 10 s of 10 s Faultline waited for a CPU"), std::string::npos)
      << verdict.warnings[0];
}

TEST(Contention, HalfASecondIsToldAsThat) {
  EXPECT_TRUE((Waiting{true, kSecond, kSecond / 2, 0.3}.text().starts_with("in 0.5 s of 1 s a program")));
}

TEST(Contention, TheSummaryHasTheMeanAndTheWorstSecond) {
  const Recording r = broken(0.4, 0.1);
  const auto summary = report::summarize(r, judge(r));
  ASSERT_TRUE(summary.contention);
  const auto& programs = summary.contention->programs;
  EXPECT_NEAR(programs.mean_ms.value_or(0), (26 * 200 + 4 * 500) / 3000.0, 1e-3);
  EXPECT_DOUBLE_EQ(programs.worst, 0.4);
  EXPECT_DOUBLE_EQ(programs.ran_s, 1.5);
  EXPECT_DOUBLE_EQ(summary.contention->own.mean_ms.value_or(0), 0.02);
  EXPECT_DOUBLE_EQ(summary.contention->cpu.value_or(0), 0.25);
  EXPECT_FALSE(summary.contention->memory);
}

TEST(Contention, ItsChartIsDrawnWhereItWasBusy) {
  const auto drawn = report::contention_chart(broken(0.4));
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->unit, "share");
  ASSERT_EQ(drawn->series.size(), 2U);
  const auto& values = drawn->series[0].values;
  ASSERT_EQ(values.size(), 30U);
  EXPECT_DOUBLE_EQ(values[12].value_or(0), 0.4);
  EXPECT_DOUBLE_EQ(values[11].value_or(0), 0.01);
  EXPECT_FALSE(report::contention_chart(broken(0.05)));
}

TEST(Contention, WhatNoRunCanHaveComeToIsNotReckonedWith) {
  std::istringstream journal(R"({"event":"plan","name":"p","duration":5}
{"event":"contention","from":0,"length":1000000000,"own":{"turns":18446744073709551615,"ran":0,"waited":-9223372036854775808,"longest":0},"programs":{"turns":0,"ran":0,"waited":0,"longest":0}}
{"event":"contention","from":0,"length":1000000000,"own":{"turns":18446744073709551615,"ran":0,"waited":9,"longest":0},"programs":{"turns":0,"ran":0,"waited":0,"longest":0}}
{"event":"end"})");
  const Recording r = read_recording(journal);
  EXPECT_EQ(r.contention.size(), 1U);
  EXPECT_TRUE(report::summarize(r, judge(r)).contention);
}

TEST(Contention, AnOldJournalHasNothingOfIt) {
  EXPECT_FALSE(report::summarize(good_recording(), judge(good_recording())).contention);
}

TEST(Pressure, IsReadFromWhatTheKernelWrites) {
  EXPECT_EQ(observe::stalled("some avg10=1.00 avg60=0.50 avg300=0.10 total=1234\nfull avg10=0.00 total=7\n"),
            1234 * kMicrosecond);
  EXPECT_FALSE(observe::stalled("full avg10=0.00 total=7\n"));
  EXPECT_FALSE(observe::stalled(""));
}

/// One CPU alone, with whoever else does.
void share_a_cpu() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
}

constexpr Ns kEnough = 20 * kMillisecond;

/// What `reader` tells, added up until it is `enough` (a minute at most).
template <class Enough>
observe::CpuWaitsReader::Since read_until(observe::CpuWaitsReader& reader, Enough enough) {
  observe::CpuWaitsReader::Since all;
  for (int i = 0; i < 30'000 && !enough(all); i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto since = reader.read();
    all.root.add(since.root);
    all.descendants.add(since.descendants);
  }
  return all;
}

TEST(CpuWaits, ThreadsThatShareACpuWaitForEachOther) {
  observe::CpuWaitsReader reader(getpid());
  std::atomic<bool> over = false;
  const auto spin = [&] {
    share_a_cpu();
    while (!over) continue;
  };
  std::jthread one(spin), other(spin);
  const auto all =
      read_until(reader, [](const auto& since) { return since.root.ran >= kEnough && since.root.waited >= kEnough; });
  over = true;
  EXPECT_GE(all.root.ran, kEnough);
  EXPECT_GE(all.root.waited, kEnough);
  EXPECT_GT(all.root.turns, 0U);
}

TEST(CpuWaits, WhatAProcessStartsIsCountedApart) {
  observe::CpuWaitsReader reader(getpid());
  const pid_t child = fork();
  if (child == 0)
    for (volatile unsigned long n = 0;;) n = n + 1;
  const auto all = read_until(reader, [](const auto& since) { return since.descendants.ran >= kEnough; });
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_GE(all.descendants.ran, kEnough);
}

TEST(CpuWaits, OfAProcessThatIsNotThereThereIsNothing) {
  observe::CpuWaitsReader reader(getpid(), "/nowhere");
  EXPECT_EQ(reader.read().root.turns, 0U);
}

}  // namespace
}  // namespace faultline::record::testing
