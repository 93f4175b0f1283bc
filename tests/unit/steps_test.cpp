#include "injector/run/steps.h"

#include <gtest/gtest.h>

namespace faultline::run {
namespace {

plan::Fault fault(const std::string& name, Ns start, Ns end) {
  plan::Fault f;
  f.name = name;
  f.start = start;
  f.end = end;
  return f;
}

TEST(Steps, FaultsThatOverlapAreOne) {
  plan::Plan plan;
  plan.faults = {fault("late", 30 * kSecond, 40 * kSecond), fault("first", 10 * kSecond, 20 * kSecond),
                 fault("with it", 15 * kSecond, 25 * kSecond),
                 fault("at its heels", 25 * kSecond + Steps::kLead - 1, 26 * kSecond)};
  Steps steps(plan);
  ASSERT_TRUE(steps.next());
  EXPECT_EQ(steps.next()->faults, (std::vector<std::string>{"first", "with it", "at its heels"}));
  EXPECT_EQ(steps.hold_at(), 10 * kSecond - Steps::kLead);
  steps.confirm();
  ASSERT_TRUE(steps.next());
  EXPECT_EQ(steps.next()->faults, std::vector<std::string>{"late"});
  steps.confirm();
  EXPECT_FALSE(steps.next());
}

// Where the clock stands still no fault may be in force: its end would never come.
TEST(Steps, TheClockStandsStillWhereNothingIsInForce) {
  plan::Plan plan;
  plan.faults = {fault("first", 10 * kSecond, 20 * kSecond), fault("next", 20 * kSecond + Steps::kLead, 30 * kSecond)};
  Steps steps(plan);
  EXPECT_EQ(steps.next()->faults, std::vector<std::string>{"first"});
  steps.confirm();
  ASSERT_TRUE(steps.next());
  EXPECT_EQ(steps.hold_at(), 20 * kSecond) << "its end is not in force any more";
}

TEST(Steps, AFaultFromTheBeginningHoldsBeforeT0) {
  plan::Plan plan;
  plan.faults = {fault("at once", 0, kSecond)};
  EXPECT_LT(Steps(plan).hold_at(), 0);
}

}  // namespace
}  // namespace faultline::run
