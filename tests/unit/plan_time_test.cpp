#include "tests/unit/plan_support.h"

namespace faultline::plan {
namespace {

std::string timed_plan(const std::string& top, const std::string& window, const std::string& more = "") {
  return top +
         "[targets.shop]\nnetns = \"shop\"\n[probes.pay]\nicmp = \"10.0.0.1\"\n[[faults]]\nname = \"f\"\nkind = "
         "\"degrade\"\non = \"shop\"\ndelay = \"100ms\"\n" +
         window + more;
}
const std::string kWindow = "start = \"20s\"\nfor = \"40s\"\n";
const std::string kRecovers = "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"25s\"\n";

ParseOptions scaled(double scale) {
  ParseOptions options;
  options.scale = scale;
  return options;
}

TEST(PlanTime, DurationDefaultsToTheLastFaultAndItsRecovery) {
  EXPECT_EQ(parse_good(timed_plan("", kWindow)).duration, 70 * kSecond);
  EXPECT_EQ(parse_good(timed_plan("", kWindow, kRecovers)).duration, 85 * kSecond);
  EXPECT_EQ(parse_good(timed_plan("duration = \"61s\"\n", kWindow)).duration, 61 * kSecond);
  EXPECT_EQ(parse_good("[probes.pay]\nicmp = \"10.0.0.1\"\n").duration, 10 * kSecond);
}

TEST(PlanTime, AFaultMayLastToTheEndOfTheRun) {
  const std::string run = "start = \"20s\"\nfor = \"run\"\n";
  EXPECT_EQ(parse_good(timed_plan("duration = \"90s\"\n", run)).faults[0].end, 90 * kSecond);
  only_mistake(timed_plan("", run), "every fault lasts to the end of the run", "duration = ");
  const auto both = parse_good(timed_plan(
      "", run, "[[faults]]\nkind = \"degrade\"\non = \"shop\"\ndelay = \"1ms\"\nstart = \"30s\"\nfor = \"5s\"\n"));
  EXPECT_EQ(both.duration, 45 * kSecond);
  EXPECT_EQ(both.faults[0].end, 45 * kSecond);
  EXPECT_EQ(both.faults[1].end, 35 * kSecond);
}

TEST(PlanTime, FaultsEndBeforeTheRunAndAfterTheyStart) {
  only_mistake(timed_plan("", "start = \"20s\"\nfor = \"0s\"\n"), "must end after it starts");
  const auto late = only_mistake(timed_plan("duration = \"15s\"\n", kWindow), "start: the run ends at 15s");
  EXPECT_EQ(late.at.line, 11u);
  const auto long_fault = only_mistake(timed_plan("duration = \"30s\"\n", kWindow),
                                       "for: the run ends at 30s, this fault at 1m", "\"run\"");
  EXPECT_EQ(long_fault.at.line, 12u);
  only_mistake(timed_plan("duration = \"0s\"\n", kWindow), "must be longer than 0s");
  only_mistake(timed_plan("duration = 60\n", kWindow), "duration: expected a string", "needs a unit");
  only_mistake(timed_plan("", "start = \"20s\"\nfor = \"2000000h\"\n"), "too long");
  EXPECT_EQ(parse_good(timed_plan("duration = \"60s\"\n", kWindow)).faults[0].end, 60 * kSecond);
}

TEST(PlanTime, ScaleCompressesTheTimelineOnly) {
  const auto plan = parse_good(
      timed_plan("duration = \"100s\"\n", kWindow, "[[hypotheses]]\nprobe = \"pay\"\nrecovers_within = \"3s\"\n"),
      scaled(10));
  EXPECT_EQ(plan.duration, 10 * kSecond);
  EXPECT_EQ(plan.faults[0].start, 2 * kSecond);
  EXPECT_EQ(plan.faults[0].end, 6 * kSecond);
  EXPECT_EQ(plan.faults[0].params.duration("delay"), 100 * kMillisecond);
  EXPECT_EQ(plan.probes[0].timeout, kSecond);
  EXPECT_EQ(*plan.hypotheses[0].recovers_within, 3 * kSecond);
  EXPECT_DOUBLE_EQ(plan.scale, 10);
}

TEST(PlanTime, EpisodesAreOnTheTimeline) {
  const std::string text =
      "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"machine-room-jitter\"\non = \"shop\"\nstart = "
      "\"20s\"\nfor = \"400s\"\n"
      "episodes = { every = \"80s\", last = { true = \"30s\", scaled = \"4s\" } }\ndelay = \"200ms\"\n";
  EXPECT_EQ(parse_good(text).faults[0].params.duration("episodes.every"), 80 * kSecond);
  EXPECT_EQ(parse_good(text).faults[0].params.duration("episodes.last"), 4 * kSecond);
  const auto plan = parse_good(text, scaled(10));
  EXPECT_EQ(plan.faults[0].params.duration("episodes.every"), 8 * kSecond);
  EXPECT_EQ(plan.faults[0].params.duration("episodes.last"), 3 * kSecond);
  EXPECT_EQ(plan.faults[0].params.duration("delay"), 200 * kMillisecond);
}

TEST(PlanTime, TrueAndScaledValues) {
  const auto text = timed_plan("", "start = \"20s\"\nfor = { true = \"79m\", scaled = \"30s\" }\n");
  EXPECT_EQ(parse_good(text).faults[0].end, 50 * kSecond);
  EXPECT_EQ(parse_good(text, scaled(1)).faults[0].end, 20 * kSecond + 79 * 60 * kSecond);
  EXPECT_EQ(parse_good(text, scaled(10)).faults[0].end, 2 * kSecond + 474 * kSecond);
  only_mistake(timed_plan("", "start = \"20s\"\nfor = { true = \"79m\" }\n"), "has no \"scaled\"");
  only_mistake(timed_plan("", "start = \"20s\"\nfor = { true = \"79m\", scaled = \"3s\", faked = \"1s\" }\n"),
               "unknown key \"faked\"");
  only_mistake(timed_plan("", "start = \"20s\"\nfor = { true = \"79\", scaled = \"3s\" }\n"),
               "for.true: \"79\" has no unit");
  only_mistake(timed_plan("", "start = \"1ns\"\nfor = \"30s\"\n"), "nothing is left of 1ns", "smaller scale",
               scaled(30));
}

TEST(PlanTime, HypothesesNeedTheirPhase) {
  const std::string baseline = "[[hypotheses]]\nprobe = \"pay\"\nduring = \"baseline\"\nsuccess = \">= 99%\"\n";
  const std::string recovery = "[[hypotheses]]\nprobe = \"pay\"\nduring = \"recovery\"\nsuccess = \">= 99%\"\n";
  parse_good(timed_plan("", kWindow, baseline + recovery + kRecovers));
  only_mistake(timed_plan("", "start = \"0s\"\nfor = \"5s\"\n", baseline), "there is no baseline");
  only_mistake(timed_plan("duration = \"60s\"\n", kWindow, recovery), "there is no recovery");
  only_mistake(timed_plan("", "start = \"999ms\"\nfor = \"5s\"\n", kRecovers), "a baseline of 999ms is too short",
               "1s or later");
  parse_good(timed_plan("", "start = \"1s\"\nfor = \"5s\"\n", kRecovers));
  only_mistake(timed_plan("duration = \"70s\"\n", kWindow, kRecovers), "the run ends 10s after the last fault");
  only_mistake("[probes.pay]\nicmp = \"10.0.0.1\"\n" + recovery, "no recovery without a fault");
  only_mistake("[probes.pay]\nicmp = \"10.0.0.1\"\n" + kRecovers, "no fault to recover from");
}

TEST(PlanTime, AProbeMayHaveAWindow) {
  const std::string text =
      "duration = { true = \"60m\", scaled = \"30s\" }\n[probes.crowd]\nicmp = \"10.0.0.1\"\n"
      "start = { true = \"20m\", scaled = \"10s\" }\nfor = \"5s\"\n";
  const auto probe = parse_good(text).probes[0];
  EXPECT_EQ(probe.start, 10 * kSecond);
  EXPECT_EQ(probe.length, 5 * kSecond);
  const auto scaled_probe = parse_good(text, scaled(10)).probes[0];
  EXPECT_EQ(scaled_probe.start, 120 * kSecond);
  EXPECT_EQ(scaled_probe.length, 500 * kMillisecond);
  EXPECT_FALSE(parse_good("[probes.p]\nicmp = \"10.0.0.1\"\n").probes[0].length);
  only_mistake("duration = \"9s\"\n[probes.p]\nicmp = \"10.0.0.1\"\nstart = \"9s\"\n",
               "probe \"p\" starts at 9s, when the run ends");
  only_mistake("[probes.p]\nicmp = \"10.0.0.1\"\nfor = \"0s\"\n", "must be longer than 0s");
}

TEST(PlanTime, OneMistakeDoesNotBreedOthers) {
  only_mistake(timed_plan("", "start = \"20\"\nfor = \"40s\"\n", kRecovers), "has no unit");
  only_mistake(timed_plan("", "start = \"20s\"\nfor = \"40\"\n", kRecovers), "has no unit");
  only_mistake(timed_plan("duration = \"x\"\n", kWindow, kRecovers), "not a duration");
  only_mistake(timed_plan("duration = \"x\"\n", "start = \"20s\"\nfor = \"run\"\n", kRecovers), "not a duration");
}

}  // namespace
}  // namespace faultline::plan
