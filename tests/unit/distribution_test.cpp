// The curves of jitter: their moments, their tails, and what a draw from the table makes of them.
#include "faults/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "faults/chance.h"

namespace faultline::faults {
namespace {

constexpr JitterShape kShapes[] = {JitterShape::normal, JitterShape::pareto, JitterShape::pareto_normal};

/// The share of a shape below x, by bisection of its quantile.
double share(JitterShape shape, double x) {
  double low = 0, high = 1;
  for (int i = 0; i < 50; i++) {
    const double middle = (low + high) / 2;
    (quantile(shape, middle) < x ? low : high) = middle;
  }
  return low;
}

}  // namespace

TEST(Distribution, NormalQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-12);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-9);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232306167813, 1e-9);
  EXPECT_NEAR(normal_quantile(1e-6), -4.753424308822899, 1e-8);
  EXPECT_NEAR(normal_quantile(1 - 1e-6), 4.753424308822899, 1e-6);
}

TEST(Distribution, HasMeanZeroAndDeviationOne) {
  for (const JitterShape shape : kShapes) {
    double sum = 0, squares = 0;
    constexpr int kSteps = 1 << 18;
    for (int i = 0; i < kSteps; i++) {
      const double x = quantile(shape, (i + 0.5) / kSteps);
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum / kSteps, 0, 0.002) << static_cast<int>(shape);
    // A Pareto's variance is mostly in a tail that a sum over even steps misses.
    EXPECT_NEAR(squares / kSteps, 1, shape == JitterShape::normal ? 0.001 : 0.03) << static_cast<int>(shape);
  }
}

TEST(Distribution, ATableDrawsItsDistribution) {
  constexpr int kDraws = 100000;
  for (const JitterShape shape : kShapes) {
    std::vector<double> drawn;
    for (std::uint64_t n = 0; n < kDraws; n++)
      drawn.push_back(fl_curve_at(&curves()[curve_of(shape)],
                                  static_cast<std::uint32_t>(fl_random(11, FL_STREAM_JITTER, 5, n) >> 32)) /
                      0x1p16);
    std::sort(drawn.begin(), drawn.end());
    double distance = 0;  // Kolmogorov and Smirnov; 0.0051 is exceeded once in a hundred times by chance alone
    for (int i = 0; i < kDraws; i += 10)
      distance = std::max(distance,
                          std::abs(share(shape, drawn[static_cast<std::size_t>(i)]) - static_cast<double>(i) / kDraws));
    EXPECT_LT(distance, 0.0052) << static_cast<int>(shape);
  }
}

TEST(Distribution, TailsHavePointsOfTheirOwn) {
  for (const JitterShape shape : kShapes) {
    const fl_curve& curve = curves()[curve_of(shape)];
    for (const double p : {0.0001, 0.001, 0.003, 0.01, 0.3, 0.9, 0.99, 0.997, 0.999, 0.9999})
      EXPECT_NEAR(fl_curve_at(&curve, static_cast<std::uint32_t>(p * 0x1p32)) / 0x1p16, quantile(shape, p),
                  0.002 + 0.005 * std::abs(quantile(shape, p)))
          << p;
    std::int32_t before = fl_curve_at(&curve, 0);
    for (std::uint64_t u = 0; u < 1ull << 32; u += 65521) {
      const std::int32_t value = fl_curve_at(&curve, static_cast<std::uint32_t>(u));
      ASSERT_GE(value, before) << u;
      before = value;
    }
  }
  Channel channel;
  EXPECT_EQ(reach_of(channel), 1);
  channel.shape = JitterShape::normal;
  EXPECT_NEAR(reach_of(channel), 4.62, 0.01) << "the quantile at 2^-19";
  channel.shape = JitterShape::table;
  channel.table = std::make_shared<const std::vector<double>>(std::vector{-7.0, 3.0});
  EXPECT_EQ(reach_of(channel), 7);
}

// Correlated levels go back to even shares: whatever the correlation, the shares keep their distribution.
TEST(Distribution, CorrelationKeepsTheShape) {
  const fl_curve& phi = curves()[FL_CURVE_PHI];
  const double rho = 0.6;
  const auto correlation = static_cast<std::int32_t>(std::lround(rho * 0x1p16));
  const auto innovation = static_cast<std::int32_t>(std::lround(std::sqrt(1 - rho * rho) * 0x1p16));
  constexpr int kDraws = 200000;
  std::int32_t level = 0;
  std::vector<double> shares, levels;
  for (std::uint64_t n = 0; n < kDraws; n++) {
    const std::int32_t fresh =
        fl_curve_at(&curves()[FL_CURVE_NORMAL], static_cast<std::uint32_t>(fl_random(3, FL_STREAM_JITTER, 0, n) >> 32));
    level = n == 0 ? fresh : fl_next_level(level, fresh, correlation, innovation);
    levels.push_back(level / 0x1p16);
    shares.push_back(fl_normal_share(&phi, level) / 0x1p32);
  }
  double product = 0, squares = 0;
  for (std::size_t i = 1; i < levels.size(); i++) {
    product += levels[i] * levels[i - 1];
    squares += levels[i] * levels[i];
  }
  EXPECT_NEAR(product / squares, rho, 0.01);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
  std::sort(shares.begin(), shares.end());
  for (int i = 0; i < kDraws; i += 1000)
    EXPECT_NEAR(shares[static_cast<std::size_t>(i)], static_cast<double>(i) / kDraws, 0.012);
}

}  // namespace faultline::faults
