// Chance: exact at the ends, uniform, independent between streams, and the same for ever. The statistical tests use
// fixed seeds, so they never flicker; "99.9 %" says how rarely a good generator would have missed the bound at an
// arbitrary seed.
#include "faults/chance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t kSeed = 20191205;
constexpr double kZ999 = 3.2905;  // two-sided 99.9 % of a standard normal

// Quantile of chi-square by Wilson and Hilferty's cube; good to a fraction of a percent at the degrees used here.
double chi_square_quantile(double degrees, double z) {
  const double a = 2 / (9 * degrees);
  return degrees * std::pow(1 - a + z * std::sqrt(a), 3);
}

// Neither too uneven nor too even for chance, at 99.9 % two-sided.
void expect_uniform(const std::vector<std::uint64_t>& cells, std::uint64_t draws) {
  const double expected = static_cast<double>(draws) / static_cast<double>(cells.size());
  double statistic = 0;
  for (const std::uint64_t n : cells)
    statistic += (static_cast<double>(n) - expected) * (static_cast<double>(n) - expected) / expected;
  const auto degrees = static_cast<double>(cells.size() - 1);
  EXPECT_LT(statistic, chi_square_quantile(degrees, kZ999));
  EXPECT_GT(statistic, chi_square_quantile(degrees, -kZ999));
}

double unit(std::uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

template <class First, class Second>
double correlation(std::uint64_t count, First first, Second second) {
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  for (std::uint64_t n = 0; n < count; n++) {
    const double a = unit(first(n)), b = unit(second(n));
    x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
  }
  const auto c = static_cast<double>(count);
  return (xy - x * y / c) / std::sqrt((xx - x * x / c) * (yy - y * y / c));
}

constexpr std::uint64_t kDraws = 1 << 19;
double bound() { return kZ999 / std::sqrt(static_cast<double>(kDraws)); }

}  // namespace

TEST(Chance, MixIsTheFinaliserOfSplitMix64) {
  // First outputs of the published generator for the seeds 0 and 1234567.
  EXPECT_EQ(fl_mix(FL_GOLDEN), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(fl_mix(2 * FL_GOLDEN), 0x6e789e6aa1b965f4ULL);
  EXPECT_EQ(fl_mix(3 * FL_GOLDEN), 0x06c45d188009454fULL);
  EXPECT_EQ(fl_mix(1234567 + FL_GOLDEN), 6457827717110365317ULL);
  EXPECT_EQ(fl_mix(1234567 + 2 * FL_GOLDEN), 3203168211198807973ULL);
}

TEST(Chance, DecisionsOfASeedNeverChange) {
  // A change here changes what every recorded seed means: it needs a major version, not a new golden value.
  EXPECT_EQ(fl_random(kSeed, FL_STREAM_LOSS, 42, 7), 0xfb38087ec66310a2ULL);
  EXPECT_EQ(fl_random(kSeed, FL_STREAM_JITTER, 42, 7), 0xd40360b2b15bf09cULL);
  EXPECT_EQ(fl_random(0, 0, 0, 0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(fl_jitter(fl_random(kSeed, FL_STREAM_JITTER, 42, 7), 150'000'000), 98452962);
  EXPECT_EQ(fl_text_key("bank", 4), 0x07d7da59a9c699ceULL);
  EXPECT_EQ(fl_rule_seed(fl_fault_seed(kSeed, fl_text_key("room-jitter", 11)), fl_text_key("bank", 4)),
            0xd8fdf0d9fe5779b0ULL);
}

TEST(Chance, LossIsExactAtItsEnds) {
  for (const std::uint64_t random : {0ULL, 1ULL, 0xffffffffULL, 1ULL << 32, 1ULL << 63, ~0ULL}) {
    EXPECT_FALSE(fl_lost(random, 0));
    EXPECT_FALSE(fl_lost(random, -1));
    EXPECT_TRUE(fl_lost(random, FL_ONE));
    EXPECT_TRUE(fl_lost(random, FL_ONE + 1));
  }
  EXPECT_FALSE(fl_lost(~0ULL, FL_ONE - 1));
  EXPECT_TRUE(fl_lost(0, 1));
  EXPECT_FALSE(fl_lost(1ULL << 32, 1));
}

TEST(Chance, LossMeetsTheAskedShareIn99Percent) {
  for (const double p : {0.0001, 0.01, 0.10, 0.33, 0.99}) {
    std::uint64_t lost = 0;
    for (std::uint64_t n = 0; n < kDraws; n++) {
      lost +=
          static_cast<std::uint64_t>(fl_lost(fl_random(kSeed, FL_STREAM_LOSS, n % 7, n / 7), std::llround(p * 0x1p32)));
    }
    const auto draws = static_cast<double>(kDraws);
    EXPECT_NEAR(static_cast<double>(lost), p * draws, 2.576 * std::sqrt(draws * p * (1 - p))) << p;
  }
}

TEST(Chance, UniformOverPacketsOverFlowsAndOverSeeds) {
  struct Axis {
    const char* name;
    std::uint64_t (*draw)(std::uint64_t);
  };
  const Axis axes[] = {
      {"packets", [](std::uint64_t n) -> std::uint64_t { return fl_random(kSeed, FL_STREAM_LOSS, 12345, n); }},
      {"flows", [](std::uint64_t n) -> std::uint64_t { return fl_random(kSeed, FL_STREAM_LOSS, n, 0); }},
      {"flows that differ in upper bits",
       [](std::uint64_t n) -> std::uint64_t { return fl_random(kSeed, FL_STREAM_LOSS, n << 40, 0); }},
      {"seeds", [](std::uint64_t n) -> std::uint64_t { return fl_random(n, FL_STREAM_LOSS, 12345, 0); }},
      {"rules",
       [](std::uint64_t n) -> std::uint64_t { return fl_random(fl_rule_seed(kSeed, n), FL_STREAM_LOSS, 12345, 0); }},
  };
  for (const Axis& axis : axes) {
    SCOPED_TRACE(axis.name);
    std::vector<std::uint64_t> high(256), low(256);
    for (std::uint64_t n = 0; n < kDraws; n++) {
      const std::uint64_t random = axis.draw(n);
      high[random >> 56]++;
      low[(random >> 32) & 255]++;
    }
    expect_uniform(high, kDraws);
    expect_uniform(low, kDraws);
  }
}

TEST(Chance, StreamsPacketsFlowsAndSeedsAreUncorrelated) {
  const auto loss = [](std::uint64_t n) { return fl_random(kSeed, FL_STREAM_LOSS, 9, n); };
  EXPECT_LT(
      std::abs(correlation(kDraws, loss, [](std::uint64_t n) { return fl_random(kSeed, FL_STREAM_JITTER, 9, n); })),
      bound());
  EXPECT_LT(
      std::abs(correlation(kDraws, loss, [](std::uint64_t n) { return fl_random(kSeed, FL_STREAM_LOSS, 9, n + 1); })),
      bound());
  EXPECT_LT(
      std::abs(correlation(kDraws, loss, [](std::uint64_t n) { return fl_random(kSeed, FL_STREAM_LOSS, 10, n); })),
      bound());
  EXPECT_LT(
      std::abs(correlation(kDraws, loss, [](std::uint64_t n) { return fl_random(kSeed + 1, FL_STREAM_LOSS, 9, n); })),
      bound());
}

TEST(Chance, LossSaysNothingAboutJitter) {
  // Stronger than correlation: the joint distribution of the two is flat.
  std::vector<std::uint64_t> cells(256);
  for (std::uint64_t n = 0; n < kDraws; n++) {
    const std::uint64_t loss = fl_random(kSeed, FL_STREAM_LOSS, 3, n) >> 60;
    const std::uint64_t jitter = fl_random(kSeed, FL_STREAM_JITTER, 3, n) >> 60;
    cells[loss * 16 + jitter]++;
  }
  expect_uniform(cells, kDraws);
}

TEST(Chance, JitterStaysWithinItsWidthAndReachesBothEnds) {
  const auto all_ones = ~0ULL;
  for (const std::int64_t width :
       {1LL, 2LL, 1000LL, 1LL << 31, (1LL << 31) + 1, 5'000'000'000LL, static_cast<long long>(FL_MAX_HOLD_NS)}) {
    EXPECT_EQ(fl_jitter(0, width), -width);
    const std::int64_t top = fl_jitter(all_ones, width);
    EXPECT_LE(top, width);
    EXPECT_GE(top, width - (1 << FL_TICK_SHIFT)) << width;  // a step is finer than a tick
  }
  EXPECT_EQ(fl_jitter(all_ones, 1), 1);
  EXPECT_EQ(fl_jitter(1ULL << 63, 1'000'000), 0);
  EXPECT_EQ(fl_jitter(all_ones, 0), 0);
  EXPECT_EQ(fl_jitter(all_ones, -5), 0);
}

TEST(Chance, JitterIsUniform) {
  for (const std::int64_t width : {50LL, 150'000'000LL, 50'000'000'000LL}) {
    const std::int64_t values = 2 * width + 1;
    std::vector<std::uint64_t> cells(101);
    for (std::uint64_t n = 0; n < kDraws; n++) {
      const std::int64_t jitter = fl_jitter(fl_random(kSeed, FL_STREAM_JITTER, 1, n), width);
      ASSERT_LE(std::abs(jitter), width);
      cells[static_cast<std::size_t>(static_cast<__int128>(jitter + width) * 101 / values)]++;
    }
    expect_uniform(cells, kDraws);
  }
}

TEST(Chance, NamesGiveDistinctKeysAndSeeds) {
  std::set<std::uint64_t> seen;
  for (const std::string_view name : {"", "a", "b", "ab", "ba", "bank", "bank ", "payment"}) {
    const std::uint64_t key = fl_text_key(name.data(), name.size());
    seen.insert(key);
    seen.insert(fl_fault_seed(kSeed, key));
    seen.insert(fl_rule_seed(kSeed, key));
  }
  EXPECT_EQ(seen.size(), 24u);
}
