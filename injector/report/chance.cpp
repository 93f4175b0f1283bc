// How often chance makes so much of a difference: what the bootstrap's tests have in common.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "injector/report/bootstrap.h"

namespace faultline::report {

double chance_of_parting(double beyond_a, double all_a, double beyond_b, double all_b) {
  const double share = (beyond_a + beyond_b) / (all_a + all_b);
  if (share <= 0 || share >= 1) return 1;
  const double z = (beyond_b / all_b - beyond_a / all_a) / std::sqrt(share * (1 - share) * (1 / all_a + 1 / all_b));
  return z <= 0 ? 1 : std::erfc(z / std::sqrt(2.0));
}

// Abramowitz and Stegun, 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom.
double beyond_t(double t, unsigned freedom) {
  const double theta = std::atan(t / std::sqrt(static_cast<double>(freedom))), c2 = std::cos(theta) * std::cos(theta);
  const bool odd = freedom % 2 == 1;
  double term = odd ? std::cos(theta) : 1, sum = freedom == 1 ? 0 : term;
  for (unsigned k = odd ? 3 : 2; k + 1 < freedom; k += 2) {
    term *= c2 * (k - 1) / k;
    sum += term;
  }
  const double within = odd ? 2 / M_PI * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
  return std::clamp(1 - within, 0.0, 1.0);
}

double t_beyond(double p, unsigned freedom) {
  double low = 0, high = 1e6;
  for (int i = 0; i < 100; i++) (beyond_t((low + high) / 2, freedom) > p ? low : high) = (low + high) / 2;
  return high;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  std::vector<double> corrected(p.size());
  double least = 0;
  for (std::size_t rank = 0; rank < order.size(); rank++) {
    least = std::max(least, std::min(1.0, p[order[rank]] * static_cast<double>(p.size() - rank)));
    corrected[order[rank]] = least;
  }
  return corrected;
}

}  // namespace faultline::report
