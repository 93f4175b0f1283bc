// The arithmetic that is compiled twice, for eBPF and natively: both give the same.
#include <gtest/gtest.h>

#include <random>

#include "faults/abi.h"
#include "faults/segment.h"
#include "tests/harness/stage.h"

namespace faultline::test {
namespace {

TEST(Arithmetic, HistogramBuckets) {
  Stage stage;
  std::mt19937_64 random(1);
  for (std::uint64_t v = 0; v < 1024; v++) ASSERT_EQ(stage.bucket(v), fl_bucket(v)) << v;
  for (int i = 0; i < 5000; i++) {
    const std::uint64_t v = random() >> (random() % 64);
    ASSERT_EQ(stage.bucket(v), fl_bucket(v)) << v;
  }
}

TEST(Arithmetic, SegmentsOfATrack) {
  Stage stage;
  std::mt19937_64 random(2);
  for (int i = 0; i < 5000; i++) {
    const std::uint64_t start = random() >> 20, t = start + (random() >> (22 + random() % 20));
    const auto value = static_cast<std::int64_t>(random() >> 24);
    const auto slope = static_cast<std::int64_t>(random() >> 40) - (1 << 23);
    const fl_point point{start, value, slope};
    ASSERT_EQ(stage.segment_value(start, value, slope, t), fl_segment_value(&point, t))
        << start << " " << t << " " << value << " " << slope;
  }
}

}  // namespace
}  // namespace faultline::test
