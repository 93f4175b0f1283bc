#include "injector/report/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "injector/base/quantile.h"

namespace faultline::report {
namespace {

constexpr int kDraws = 400;
constexpr std::uint64_t kSeed = 20261129;       ///< the same records give the same answer
constexpr std::size_t kTogether[] = {1, 2, 4};  ///< neighbouring blocks that are drawn as one
constexpr std::size_t kLeastGroups = 5;         ///< fewer say nothing of how they differ
constexpr double kNever = 2;                    ///< as often the slowest answer counts a request that failed

/// All latencies of both sides, ascending; what a request that failed counts is behind them.
std::vector<double> scale_of(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b) {
  std::vector<double> values;
  for (const auto* side : {&a, &b})
    for (const auto* phase : *side)
      for (const auto& block : phase->blocks)
        values.insert(values.end(), block.latency_ms.begin(), block.latency_ms.end());
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  values.push_back(values.empty() ? 1 : values.back() * kNever);
  return values;
}

/// Requests by where their latency stands in the scale; the last is of those that failed.
using Spread = std::vector<std::uint64_t>;

/// The blocks of one side, all of its runs laid over one another.
std::vector<Spread> counted(const std::vector<const KeptPhase*>& side, const std::vector<double>& scale) {
  std::vector<Spread> blocks(side.front()->blocks.size(), Spread(scale.size()));
  for (const auto* phase : side)
    for (std::size_t i = 0; i < blocks.size(); i++) {
      const KeptBlock& block = phase->blocks[i];
      std::uint64_t ok = 0;
      auto at = scale.begin();
      for (std::size_t k = 0; k < block.latency_ms.size(); k++) {
        at = std::lower_bound(scale.begin(), scale.end() - 1, block.latency_ms[k]);
        blocks[i][static_cast<std::size_t>(at - scale.begin())] += block.answers[k];
        ok += block.answers[k];
      }
      blocks[i].back() += block.sent - std::min(ok, block.sent);
    }
  return blocks;
}

void add(Spread& to, const Spread& more) {
  for (std::size_t i = 0; i < to.size(); i++) to[i] += more[i];
}

std::uint64_t total(const Spread& counts) { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

/// Where in the scale a quantile stands.
std::size_t place(const Spread& counts, std::uint64_t all, unsigned per_mille) {
  const std::uint64_t rank = quantile_rank(all, per_mille);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); i++)
    if ((seen += counts[i]) >= rank) return i;
  return counts.size() - 1;
}

double success(const Spread& counts, std::uint64_t all) {
  return 1 - static_cast<double>(counts.back()) / static_cast<double>(all);
}

double effect(const Figure& figure, const Spread& a, const Spread& b, const std::vector<double>& scale) {
  const std::uint64_t all_a = total(a), all_b = total(b);
  if (figure.per_mille == 0) return success(b, all_b) - success(a, all_a);
  return std::log(scale[place(b, all_b, figure.per_mille)] / scale[place(a, all_a, figure.per_mille)]);
}

/// The standard error of every figure's effect, where so many neighbours are drawn as one.
std::vector<double> errors(const std::vector<Spread>& a, const std::vector<Spread>& b, const std::vector<double>& scale,
                           std::size_t together) {
  const std::size_t count = a.size() / together;
  const auto grouped = [&](const std::vector<Spread>& blocks) {
    std::vector<Spread> groups(count, Spread(scale.size()));
    for (std::size_t i = 0; i < blocks.size(); i++) add(groups[std::min(i / together, count - 1)], blocks[i]);
    return groups;
  };
  const auto groups_a = grouped(a), groups_b = grouped(b);
  std::mt19937_64 random(kSeed);
  std::vector<double> sum(std::size(kFigures)), squares(std::size(kFigures));
  int drawn = 0;
  for (int draw = 0; draw < kDraws; draw++) {
    Spread one(scale.size()), other(scale.size());
    for (std::size_t i = 0; i < count; i++) {
      const auto which = static_cast<std::size_t>(random() % count);
      add(one, groups_a[which]);
      add(other, groups_b[which]);
    }
    if (total(one) == 0 || total(other) == 0) continue;
    drawn++;
    for (std::size_t f = 0; f < std::size(kFigures); f++) {
      const double value = effect(kFigures[f], one, other, scale);
      sum[f] += value;
      squares[f] += value * value;
    }
  }
  std::vector<double> result;
  for (std::size_t f = 0; f < std::size(kFigures); f++) {
    const double mean = sum[f] / drawn, variance = std::max(0.0, squares[f] / drawn - mean * mean);
    // As few draws vary less than their source: n / (n - 1).
    result.push_back(std::sqrt(variance * static_cast<double>(count) / static_cast<double>(count - 1)));
  }
  return result;
}

std::string unfit(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b) {
  const std::size_t blocks = a.front()->blocks.size();
  for (const auto* side : {&a, &b})
    for (const auto* phase : *side)
      if (phase->blocks.size() != blocks || std::abs(phase->length_s - a.front()->length_s) > 0.01)
        return "the phase does not last equally long in all runs";
  if (blocks < kLeastBlocks)
    return fmt::format("the phase is too short: {} blocks of time, {} are needed", blocks, kLeastBlocks);
  return "";
}

/// How far the runs of a side lie apart by themselves: what several of them show, and two do not.
double between_runs(const Figure& figure, const std::vector<const KeptPhase*>& a,
                    const std::vector<const KeptPhase*>& b, const std::vector<double>& scale) {
  double squares = 0;
  std::size_t freedom = 0;
  for (const auto* side : {&a, &b}) {
    std::vector<double> values;
    for (const auto* phase : *side) {
      Spread all(scale.size());
      for (const auto& block : counted({phase}, scale)) add(all, block);
      const std::uint64_t sent = total(all);
      if (sent == 0) continue;
      values.push_back(figure.per_mille == 0 ? success(all, sent)
                                             : std::log(scale[place(all, sent, figure.per_mille)]));
    }
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    freedom += values.empty() ? 0 : values.size() - 1;
  }
  if (freedom < 2) return 0;  // of three runs in all, one that differs says nothing
  return std::sqrt(squares / static_cast<double>(freedom) *
                   (1.0 / static_cast<double>(a.size()) + 1.0 / static_cast<double>(b.size())));
}

double value_of(const Figure& figure, const Spread& counts, const std::vector<double>& scale) {
  const std::uint64_t all = total(counts);
  return figure.per_mille == 0 ? success(counts, all) : scale[place(counts, all, figure.per_mille)];
}

/// How often chance alone would part blocks so well: how many of each side lie beyond the middle between the two
/// figures. What happened a few times may move a p99 far, and a bootstrap of the side on which it did not happen knows
/// nothing of it.
double chance_of_blocks(const Figure& figure, const std::vector<Spread>& a, const std::vector<Spread>& b, double from,
                        double to, const std::vector<double>& scale) {
  const double middle = figure.per_mille == 0 ? (from + to) / 2 : std::sqrt(from * to);
  double beyond[2] = {}, all[2] = {};
  for (int side = 0; side < 2; side++)
    for (const auto& block : side == 0 ? a : b) {
      if (total(block) == 0) continue;
      all[side]++;
      const double value = value_of(figure, block, scale);
      beyond[side] += to > from ? value > middle : value < middle;
    }
  const double share = (beyond[0] + beyond[1]) / (all[0] + all[1]);
  if (share <= 0 || share >= 1) return 1;
  const double z =
      (beyond[1] / all[1] - beyond[0] / all[0]) / std::sqrt(share * (1 - share) * (1 / all[0] + 1 / all[1]));
  return z <= 0 ? 1 : std::erfc(z / std::sqrt(2.0));
}

/// Of a share: a tenth of what is rarer, failures or successes. Of a latency: the same share either way, so that what
/// is 10 % worse is 10 % better seen from there.
double least_effect(const Difference& d, const CompareRules& rules) {
  if (d.figure->per_mille != 0) return std::log(1 + rules.least_change);
  return std::max(kLeastSuccess, rules.least_change * std::min(*d.a, 1 - *d.a));
}

}  // namespace

std::vector<Difference> differences(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b,
                                    const CompareRules& rules) {
  std::vector<Difference> all(std::size(kFigures));
  for (std::size_t f = 0; f < all.size(); f++) all[f].figure = &kFigures[f];
  const std::string why = unfit(a, b);
  const auto scale = scale_of(a, b);
  Spread sum_a(scale.size()), sum_b(scale.size());
  for (const auto& [side, sum] : {std::pair{&a, &sum_a}, {&b, &sum_b}})
    for (const auto* phase : *side)
      for (const auto& block : counted({phase}, scale)) add(*sum, block);
  const std::uint64_t sent_a = total(sum_a), sent_b = total(sum_b), fewer = std::min(sent_a, sent_b);
  for (auto& one : all) {
    for (const auto& [sum, sent, value] : {std::tuple{&sum_a, sent_a, &one.a}, {&sum_b, sent_b, &one.b}}) {
      if (sent == 0) continue;
      const std::size_t at = one.figure->per_mille == 0 ? 0 : place(*sum, sent, one.figure->per_mille);
      if (one.figure->per_mille == 0)
        *value = success(*sum, sent);
      else if (at + 1 < scale.size())
        *value = scale[at];
    }
    const double share_above = 1 - one.figure->per_mille / 1000.0;
    if (!why.empty())
      one.reason = why;
    else if (fewer == 0)
      one.reason = "no request was due";
    else if (static_cast<double>(fewer) * share_above < kLeastAbove)
      one.reason = fmt::format("too few requests: {}, {:.0f} are needed", fewer, std::ceil(kLeastAbove / share_above));
  }
  if (!why.empty() || fewer == 0) return all;
  const auto blocks_a = counted(a, scale), blocks_b = counted(b, scale);
  std::vector<double> error(all.size());
  for (const std::size_t together : kTogether) {
    if (blocks_a.size() / together < kLeastGroups) break;
    const auto these = errors(blocks_a, blocks_b, scale, together);
    for (std::size_t f = 0; f < all.size(); f++) error[f] = std::max(error[f], these[f]);
  }
  const auto freedom = static_cast<unsigned>(blocks_a.size() - 1);
  for (std::size_t f = 0; f < all.size(); f++) {
    Difference& one = all[f];
    if (!one.reason.empty()) continue;
    one.known = true;
    one.effect = effect(*one.figure, sum_a, sum_b, scale);
    one.error = std::max(error[f], between_runs(*one.figure, a, b, scale));
    one.least = least_effect(one, rules);
    // Beyond half of what matters: a machine that is a little busier is not the service's doing.
    const double beyond = std::abs(one.effect) - one.least / 2;
    one.p = beyond <= 0 ? 1 : one.error == 0 ? 0 : beyond_t(beyond / one.error, freedom);
    const double from = value_of(*one.figure, sum_a, scale), to = value_of(*one.figure, sum_b, scale);
    if (one.p < 1) one.p = std::max(one.p, chance_of_blocks(*one.figure, blocks_a, blocks_b, from, to, scale));
    one.margin = one.error * t_beyond(1 - rules.confidence, freedom);
  }
  return all;
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
