#include "faults/distribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace faultline::faults {
namespace {

constexpr double kAlpha = 3;  // of the Pareto distribution
constexpr int kCells = FL_CURVE_CELLS, kTailCells = FL_TAIL_CELLS;
constexpr double kSmallest = 1.0 / (1u << 19);  // where the tails are cut: half of their outermost cell

double normal_share(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double pareto_quantile(double p) {
  constexpr double mean = kAlpha / (kAlpha - 1);
  const double deviation = std::sqrt(kAlpha / (kAlpha - 2)) / (kAlpha - 1);
  return (std::pow(1 - p, -1 / kAlpha) - mean) / deviation;
}

constexpr double kNormalPart = 0.25, kParetoPart = 0.75;

// The standard deviation of the weighted sum: its parts have deviation 1, and go up and down together.
double pareto_normal_deviation() {
  constexpr int kSteps = 8192;
  double covariance = 0;
  for (int i = 0; i < kSteps; i++) {
    const double p = (i + 0.5) / kSteps;
    covariance += normal_quantile(p) * pareto_quantile(p);
  }
  covariance /= kSteps;
  return std::sqrt(kNormalPart * kNormalPart + kParetoPart * kParetoPart + 2 * kNormalPart * kParetoPart * covariance);
}

double pareto_normal_quantile(double p) {
  static const double deviation = pareto_normal_deviation();
  return (kNormalPart * normal_quantile(p) + kParetoPart * pareto_quantile(p)) / deviation;
}

fl_curve tabulate_phi() {
  fl_curve curve{};
  for (int i = 0; i <= kCells; i++) {
    const double share = normal_share(-8.0 + 16.0 * i / kCells);
    curve.body[i] = static_cast<__s32>(static_cast<__u32>(std::min(share * 0x1p32, 0x1p32 - 1)));
  }
  return curve;
}

}  // namespace

// Newton's method on the distribution function, from a start that the tail's shape gives. In the lower half, where the
// function is a small number known to full precision; the upper half is its mirror image.
double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1 - p);
  double x = -std::sqrt(std::max(0.0, -2 * std::log(2 * p)));
  for (int i = 0; i < 50; i++) {
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    const double step = (normal_share(x) - p) / density;
    x -= std::clamp(step, -1.0, 1.0);
    if (std::abs(step) < 1e-12) break;
  }
  return x;
}

double quantile(JitterShape shape, double p) {
  switch (shape) {
    case JitterShape::uniform:
      return 2 * p - 1;
    case JitterShape::normal:
      return normal_quantile(p);
    case JitterShape::pareto:
      return pareto_quantile(p);
    case JitterShape::pareto_normal:
      return pareto_normal_quantile(p);
    case JitterShape::table:
      break;
  }
  return 0;
}

fl_curve tabulate(const std::function<double(double)>& quantile) {
  fl_curve curve{};
  const auto at = [&](double p) {
    const double value = quantile(std::clamp(p, kSmallest, 1 - kSmallest)) * 0x1p16;
    return static_cast<__s32>(std::clamp(value, -0x1p31, 0x1p31 - 1));
  };
  constexpr double kTail = 1.0 / 256;
  for (int i = 0; i <= kCells; i++) curve.body[i] = at(static_cast<double>(i) / kCells);
  for (int i = 0; i <= kTailCells; i++) {
    curve.low[i] = at(kTail * i / kTailCells);
    curve.high[i] = at(1 - kTail + kTail * i / kTailCells);
  }
  return curve;
}

const std::vector<fl_curve>& curves() {
  static const std::vector<fl_curve> all{tabulate_phi(), tabulate(normal_quantile), tabulate(pareto_quantile),
                                         tabulate(pareto_normal_quantile)};
  return all;
}

std::uint32_t curve_of(JitterShape shape) { return static_cast<std::uint32_t>(shape); }
static_assert(static_cast<int>(JitterShape::normal) == FL_CURVE_NORMAL &&
              static_cast<int>(JitterShape::pareto) == FL_CURVES_FIXED);

fl_curve tabulate(const Deviations& table) {
  const auto count = static_cast<double>(table->size());
  return tabulate([&](double p) { return (*table)[std::min(table->size() - 1, static_cast<std::size_t>(p * count))]; });
}

double reach_of(const Channel& channel) {
  if (channel.shape == JitterShape::uniform) return 1;
  if (channel.shape == JitterShape::table) return std::max(-channel.table->front(), channel.table->back());
  const fl_curve& curve = curves()[curve_of(channel.shape)];
  return std::max(-curve.low[0] / 0x1p16, curve.high[FL_TAIL_CELLS] / 0x1p16);
}

}  // namespace faultline::faults
