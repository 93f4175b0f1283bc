// The same test for how often a second something happened. A sum over blocks that are drawn again has a standard error
// that needs no draw: that of the differences between the two sides' blocks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "injector/report/bootstrap.h"

namespace faultline::report {
namespace {

/// Means over the runs of a side, of each block.
std::vector<double> blocks_of(const std::vector<NumberedPhase>& side) {
  std::vector<double> blocks(side.front().blocks.size());
  for (const auto& run : side)
    for (std::size_t i = 0; i < blocks.size(); i++)
      blocks[i] += static_cast<double>(run.blocks[i]) / static_cast<double>(side.size());
  return blocks;
}

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// How far they lie from their mean, squared and added up.
double squares_of(const std::vector<double>& values) {
  const double mean = sum_of(values) / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares;
}

/// Of the sum of all blocks' differences, were so many neighbours drawn as one. What is left over belongs to the last.
double error_of_sum(const std::vector<double>& differences, std::size_t together) {
  const std::size_t count = differences.size() / together;
  std::vector<double> groups(count);
  for (std::size_t i = 0; i < differences.size(); i++) groups[std::min(i / together, count - 1)] += differences[i];
  const auto n = static_cast<double>(count);
  return std::sqrt(squares_of(groups) * n / (n - 1));
}

/// Of the difference of the sums, as far as several runs of a side show how they differ by themselves; 0: they do not.
double error_between_runs(const std::vector<NumberedPhase>& a, const std::vector<NumberedPhase>& b) {
  double squares = 0;
  for (const auto* side : {&a, &b}) {
    std::vector<double> sums;
    for (const auto& run : *side)
      sums.push_back(static_cast<double>(std::accumulate(run.blocks.begin(), run.blocks.end(), std::uint64_t{0})));
    squares += squares_of(sums);
  }
  const std::size_t freedom = a.size() + b.size() - 2;
  if (freedom < 2) return 0;  // of three runs in all, one that differs says nothing
  return std::sqrt(squares / static_cast<double>(freedom) *
                   (1.0 / static_cast<double>(a.size()) + 1.0 / static_cast<double>(b.size())));
}

}  // namespace

Difference number_difference(const char* name, const std::vector<NumberedPhase>& a, const std::vector<NumberedPhase>& b,
                             const CompareRules& rules) {
  Difference one;
  one.figure = {name, 0, true};
  const NumberedPhase& first = a.front();
  bool alike = true;
  for (const auto* side : {&a, &b})
    for (const auto& run : *side)
      alike &= run.blocks.size() == first.blocks.size() && std::abs(run.length_s - first.length_s) <= 0.01;
  if (one.reason = unfit(first.blocks.size(), alike); !one.reason.empty()) return one;

  const double length = first.length_s;
  const std::vector<double> blocks_a = blocks_of(a), blocks_b = blocks_of(b);
  one.a = sum_of(blocks_a) / length;
  one.b = sum_of(blocks_b) / length;
  one.known = true;
  one.effect = *one.b - *one.a;
  one.least = std::max(rules.least_change * std::min(*one.a, *one.b), kLeastNumber / length);
  std::vector<double> differences(blocks_a.size());
  std::transform(blocks_b.begin(), blocks_b.end(), blocks_a.begin(), differences.begin(), std::minus<>());
  double error = error_between_runs(a, b);
  for (const std::size_t together : kTogether)
    if (differences.size() / together >= kLeastGroups) error = std::max(error, error_of_sum(differences, together));
  one.error = error / length;
  const auto freedom = static_cast<unsigned>(differences.size() - 1);
  one.margin = one.error * t_beyond(1 - rules.confidence, freedom);
  const double beyond = std::abs(one.effect) - kBeyond * one.least;
  if (beyond <= 0) return one;
  one.p = one.error == 0 ? 0 : beyond_t(beyond / one.error, freedom);
  const double middle = (sum_of(blocks_a) + sum_of(blocks_b)) / 2 / static_cast<double>(blocks_a.size());
  const auto beyond_middle = [&](const std::vector<double>& blocks) {
    return static_cast<double>(std::count_if(
        blocks.begin(), blocks.end(), [&](double value) { return one.effect > 0 ? value > middle : value < middle; }));
  };
  const auto all = static_cast<double>(blocks_a.size());
  one.p = std::max(one.p, chance_of_parting(beyond_middle(blocks_a), all, beyond_middle(blocks_b), all));
  return one;
}

}  // namespace faultline::report
