// The pace of a load: when each request is due, and what a plan may ask for.
#include <cmath>

#include "injector/probe/pace.h"
#include "injector/probe/probe.h"
#include "injector/probe/schedule.h"
#include "tests/unit/plan_support.h"

namespace faultline::probe {
namespace {

std::uint64_t due_in(const Pace& pace, Ns from, Ns to) { return pace.before(to) - pace.before(from); }

TEST(Pace, ASteadyRateIsATimeBetweenRequests) {
  const Pace pace({{0, 500}});
  EXPECT_EQ(pace.at(0), 0);
  EXPECT_EQ(pace.at(1), 2 * kMillisecond);
  EXPECT_EQ(pace.at(1000), 2 * kSecond);
  EXPECT_EQ(pace.before(kSecond), 500u);
  EXPECT_EQ(pace.before(kSecond + 1), 501u);
  EXPECT_EQ(pace.before(0), 0u);
}

TEST(Pace, ARampHasAsManyAsItsAreaUnderTheLine) {
  const Pace pace({{0, 100}, {10 * kSecond, 300}});
  EXPECT_EQ(pace.before(10 * kSecond), 2000u);
  EXPECT_EQ(pace.before(5 * kSecond), 750u);
  EXPECT_EQ(due_in(pace, 10 * kSecond, 11 * kSecond), 300u) << "the last point holds";
  // Down, to nothing: as many, and no more ever.
  const Pace down({{0, 300}, {10 * kSecond, 0}});
  EXPECT_NEAR(static_cast<double>(down.before(3600 * kSecond)), 1500, 1);
  EXPECT_EQ(down.before(3600 * kSecond), down.before(11 * kSecond));
}

TEST(Pace, TwoPointsAtOneInstantAreAJump) {
  const Pace pace({{0, 100}, {10 * kSecond, 100}, {10 * kSecond, 5000}, {20 * kSecond, 5000}, {20 * kSecond, 100}});
  EXPECT_EQ(pace.before(10 * kSecond), 1000u);
  EXPECT_EQ(due_in(pace, 10 * kSecond, 11 * kSecond), 5000u);
  EXPECT_EQ(due_in(pace, 20 * kSecond, 21 * kSecond), 100u);
}

TEST(Pace, NothingIsDueWhileTheRateIsZero) {
  const Pace pace({{0, 0},
                   {5 * kSecond, 0},
                   {5 * kSecond, 10},
                   {6 * kSecond, 10},
                   {6 * kSecond, 0},
                   {8 * kSecond, 0},
                   {8 * kSecond, 10}});
  EXPECT_EQ(pace.at(0), 5 * kSecond);
  EXPECT_EQ(due_in(pace, 5 * kSecond, 6 * kSecond), 10u);
  EXPECT_EQ(pace.at(10), 8 * kSecond);
}

TEST(Pace, WhatIsDueBeforeAnInstantIsWhatItSaysOfEach) {
  const Pace pace({{0, 3}, {7 * kSecond, 1234}, {7 * kSecond, 50}, {9 * kSecond, 0}, {11 * kSecond, 777}});
  Ns last = 0;
  for (std::uint64_t n = 0; n < 6000; ++n) {
    const Ns at = pace.at(n);
    ASSERT_GE(at, last) << n;
    ASSERT_LE(pace.before(at), n) << n;
    ASSERT_GT(pace.before(at + 1), n) << n;
    last = at;
  }
}

TEST(Pace, IsExactAfterAnHour) {
  const Pace pace({{0, 20000}});
  EXPECT_EQ(pace.before(3600 * kSecond), 72'000'000u);
  EXPECT_EQ(pace.at(71'999'999), 3600 * kSecond - 50 * kMicrosecond);
}

TEST(Pace, AScheduleStartsAndEndsIt) {
  Schedule schedule{1000, 0, 10 * kSecond, 4 * kSecond};
  schedule.pace = std::make_shared<const Pace>(Rate{{0, 100}});
  EXPECT_EQ(schedule.count(), 600u);
  EXPECT_EQ(schedule.due(1), 4 * kSecond + 10 * kMillisecond);
  EXPECT_EQ(schedule.until(1000 + 5 * kSecond).count(), 100u);
}

TEST(Pace, IsSaidInWords) {
  EXPECT_EQ(rate_text({{0, 0.5}}), "0.5/s");
  EXPECT_EQ(rate_text({{0, 100}, {1500 * kMillisecond, 5000}}), "100/s at 0s, 5000/s at 1.5s");
}

const std::string kHttp = "[probes.p]\nhttp = \"http://10.0.0.1/\"\n";

TEST(PlanRate, ReadsOneFigureAndPoints) {
  const auto steady = plan::parse_good(kHttp + "rate = \"500/s\"\n").probes.at(0);
  EXPECT_TRUE(steady.is_load());
  EXPECT_EQ(steady.rate, (Rate{{0, 500}}));
  EXPECT_EQ(steady.every, 2 * kMillisecond) << "at its peak";
  plan::ParseOptions scaled;
  scaled.scale = 10;
  const auto crowd =
      plan::parse_good(kHttp +
                           "rate = [{ at = \"0s\", rate = \"0/s\" }, { at = \"10s\", rate = \"2000/s\" }, { at = "
                           "\"10s\", rate = \"0.5/s\" }]\n",
                       scaled)
          .probes.at(0);
  EXPECT_EQ(crowd.rate, (Rate{{0, 0}, {kSecond, 2000}, {kSecond, 0.5}})) << "times scale, rates do not";
  EXPECT_EQ(crowd.every, 500 * kMicrosecond);
  EXPECT_FALSE(plan::parse_good(kHttp).probes.at(0).is_load());
}

TEST(PlanRate, StepsHoldUntilTheNextPoint) {
  const auto probe =
      plan::parse_good(kHttp +
                       "steps = true\nrate = [{ at = \"0s\", rate = \"10/s\" }, { at = \"5s\", rate = \"20/s\" }]\n")
          .probes.at(0);
  EXPECT_EQ(probe.rate, (Rate{{0, 10}, {5 * kSecond, 10}, {5 * kSecond, 20}}));
}

TEST(PlanRate, WhatCannotBeAskedIsRefused) {
  plan::only_mistake(kHttp + "rate = \"500\"\n", "is not a rate", "500/s");
  plan::only_mistake(kHttp + "rate = \"0/s\"\n", "it never asks");
  plan::only_mistake(kHttp + "rate = \"200000/s\"\n", "is out of range", "100000/s");
  plan::only_mistake(kHttp + "rate = \"5/s\"\nevery = \"1s\"\n", "the rate says how often", "leave out one");
  plan::only_mistake(kHttp + "rate = []\n", "it has no points");
  plan::only_mistake(kHttp + "rate = [{ at = \"1s\", rate = \"5/s\" }]\n", "not at the probe's start");
  plan::only_mistake(kHttp +
                         "rate = [{ at = \"0s\", rate = \"5/s\" }, { at = \"2s\", rate = \"5/s\" }, { at = \"1s\", "
                         "rate = \"5/s\" }]\n",
                     "lies before the one above it");
  plan::only_mistake(kHttp + "steps = true\n", "there is no rate");
  plan::only_mistake(kHttp + "rate = \"50000/s\"\ntimeout = \"1s\"\n", "up to 50000 requests", "655ms or less");
  plan::parse_good(kHttp + "rate = \"50000/s\"\ntimeout = \"655ms\"\n");
  plan::only_mistake("[probes.p]\nexec = [\"true\"]\nrate = \"5/s\"\n", "exec probes start a process each");
}

}  // namespace
}  // namespace faultline::probe
