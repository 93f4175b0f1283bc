#include <gtest/gtest.h>

#include "injector/probe/schedule.h"

namespace faultline::probe {
namespace {

TEST(ProbeSchedule, CountsEveryRequestDueBeforeTheEnd) {
  EXPECT_EQ((Schedule{0, 50 * kMillisecond, kSecond}.count()), 20u);
  EXPECT_EQ((Schedule{0, 50 * kMillisecond, kSecond + 1}.count()), 21u);
  EXPECT_EQ((Schedule{0, 50 * kMillisecond, kSecond - 1}.count()), 20u);
  EXPECT_EQ((Schedule{0, 300 * kMillisecond, kSecond}.count()), 4u);
  EXPECT_EQ((Schedule{0, kSecond, 1}.count()), 1u);
}

TEST(ProbeSchedule, NothingIsDueInNoTime) {
  EXPECT_EQ((Schedule{0, kSecond, 0}.count()), 0u);
  EXPECT_EQ((Schedule{0, kSecond, -5}.count()), 0u);
}

TEST(ProbeSchedule, AnInstantIsEpochPlusNTimesEvery) {
  const Schedule s{1000, 7, 100};
  EXPECT_EQ(s.due(3), 21);
  EXPECT_EQ(s.instant(3), 1021);
}

TEST(ProbeSchedule, AStartMovesAllOfThem) {
  const Schedule s{1000, 10, 100, 55};
  EXPECT_EQ(s.count(), 5u);
  EXPECT_EQ(s.due(0), 55);
  EXPECT_EQ(s.instant(4), 1095);
  EXPECT_EQ(s.until(1060).count(), 1u);
  EXPECT_EQ(s.until(1050).count(), 0u);
  EXPECT_EQ((Schedule{0, 10, 100, 100}.count()), 0u);
}

TEST(ProbeSchedule, CutKeepsWhatIsDueBeforeTheInstant) {
  const Schedule s{1000, 10, 100};
  EXPECT_EQ(s.until(1000).count(), 0u);
  EXPECT_EQ(s.until(1001).count(), 1u);
  EXPECT_EQ(s.until(1030).count(), 3u);
  EXPECT_EQ(s.until(900).count(), 0u);
  EXPECT_EQ(s.until(5000).count(), 10u);
}

}  // namespace
}  // namespace faultline::probe
