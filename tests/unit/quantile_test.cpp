#include "injector/base/quantile.h"

#include <gtest/gtest.h>

#include "injector/pen/counts.h"

namespace faultline {
namespace {

TEST(Quantile, IsTheNearestRank) {
  struct Case {
    std::uint64_t count;
    unsigned per_mille;
    std::uint64_t rank;
  };
  for (const Case& c : {Case{0, 990, 0}, Case{1, 0, 1}, Case{1, 500, 1}, Case{1, 1000, 1}, Case{2, 500, 1},
                        Case{3, 500, 2}, Case{60, 990, 60}, Case{99, 990, 99}, Case{100, 990, 99}, Case{101, 990, 100},
                        Case{200, 990, 198}, Case{1000, 1000, 1000}, Case{1ull << 62, 500, 1ull << 61}})
    EXPECT_EQ(quantile_rank(c.count, c.per_mille), c.rank) << c.count << " " << c.per_mille;
}

TEST(Quantile, IsTheSameInHistograms) {
  // A hundred packets in one bucket each: p99 is the 99th, whose bucket's upper end is told.
  fl_histogram histogram{};
  for (std::uint32_t i = 0; i < 100; i++) histogram.bucket[i]++;
  const auto spread = pen::quantiles_of(histogram, 1000);
  const double tick = (1 << FL_TICK_SHIFT) / 1000.0;
  EXPECT_DOUBLE_EQ(spread.p50, 50 * tick);
  EXPECT_DOUBLE_EQ(spread.p99, 99 * tick);
  histogram.bucket[99]--;  // of 99 the slowest
  EXPECT_DOUBLE_EQ(pen::quantiles_of(histogram, 1000).p99, 99 * tick);
}

}  // namespace
}  // namespace faultline
