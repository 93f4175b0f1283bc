// Full, or merely late: what the line's thread did with a window of its time.
#include "injector/line/occupancy.h"
#include "tests/unit/milliseconds.h"

#include <gtest/gtest.h>

namespace faultline::line {
namespace {

using Reading = Occupancy::Reading;

/// A window of 2 ms in which the thread used and slept so much, and wrote so many frames of ten packets of 1.5 kB.
std::optional<bool> window(Ns cpu, Ns idle, std::uint64_t frames, std::uint64_t switches = 1) {
  Occupancy occupancy;
  const Reading begin{kSecond, 5 * kMs, 3 * kMs, 70, 1000, 10'000, 15'000'000};
  occupancy.begin(begin);
  return occupancy.look({begin.now + 2 * kMs, begin.cpu + cpu, begin.idle + idle, begin.switches + switches,
                         begin.frames + frames, begin.packets + 10 * frames, begin.bytes + 15'000 * frames});
}

TEST(Occupancy, IsFullWhenItWorkedAllTheTime) { EXPECT_EQ(window(2 * kMs, 0, 50), true); }
TEST(Occupancy, OnHalfACpuToo) { EXPECT_EQ(window(kMs, 0, 50), true); }
TEST(Occupancy, IsNotWhenItSleptForWantOfWork) {
  EXPECT_EQ(window(1800 * kMicrosecond, 200 * kMicrosecond, 50), false);
}
TEST(Occupancy, NorWhenItGotNoCpu) { EXPECT_EQ(window(500 * kMicrosecond, 0, 50), false); }
TEST(Occupancy, IsFullWhenItNeverLeftItsCpuWhateverTheKernelCounts) { EXPECT_EQ(window(kMs / 2, 0, 50, 0), true); }
TEST(Occupancy, NorWhenTheMachineStoodStillUnderIt) { EXPECT_EQ(window(2 * kMs, 0, 2), false); }

TEST(Occupancy, LooksAtWholeWindows) {
  Occupancy occupancy;
  occupancy.begin({});
  EXPECT_FALSE(occupancy.look({kMs, kMs, 0, 0, 100, 100, 100}).has_value());
  EXPECT_EQ(occupancy.look({2 * kMs, 2 * kMs, 0, 0, 200, 200, 200}), true);
}

TEST(Occupancy, SumsUpWhatWasCarriedWhileFull) {
  Occupancy occupancy;
  occupancy.begin({});
  occupancy.look({2 * kMs, 2 * kMs, 0, 0, 100, 1000, 100'000});        // full
  occupancy.look({4 * kMs, 2 * kMs, 2 * kMs, 9, 101, 1001, 100'100});  // idle
  occupancy.look({7 * kMs, 5 * kMs, 2 * kMs, 9, 301, 3001, 400'100});  // full
  EXPECT_EQ(occupancy.full().time, 5 * kMs);
  EXPECT_EQ(occupancy.full().packets, 3000u);
  EXPECT_EQ(occupancy.full().bytes, 400'000u);
}

}  // namespace
}  // namespace faultline::line
