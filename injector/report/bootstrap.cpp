#include "injector/report/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <random>
#include <utility>

#include "injector/base/quantile.h"
#include "injector/report/groups.h"

namespace faultline::report {
namespace {

constexpr int kDraws = 400;
constexpr std::uint64_t kSeed = 20261129;       ///< the same records give the same answer
constexpr std::size_t kTogether[] = {1, 2, 4};  ///< neighbouring blocks that are drawn as one
/// The share of what matters that chance must not reach: a machine that is a little busier is not the service's doing.
constexpr double kBeyond = 2.0 / 3;
constexpr std::size_t kLeastGroups = 5;  ///< fewer say nothing of how they differ
constexpr double kNever = 2;             ///< as often the slowest answer counts a request that failed

/// All latencies of both sides, ascending, each once; what a request that failed counts is behind them.
std::vector<double> scale_of(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b) {
  std::vector<double> values, more;
  for (const auto* side : {&a, &b})
    for (const auto* phase : *side)
      for (const auto& block : phase->blocks) {
        more.clear();
        std::set_union(values.begin(), values.end(), block.latency_ms.begin(), block.latency_ms.end(),
                       std::back_inserter(more));
        values.swap(more);
      }
  values.push_back(values.empty() ? 1 : values.back() * kNever);
  return values;
}

/// The blocks of one side, all of its runs laid over one another; and its runs, each as a whole.
struct Side {
  Groups blocks, runs;
  Side(const std::vector<const KeptPhase*>& side, const std::vector<double>& scale)
      : blocks(most_blocks(side), scale.size()), runs(side.size(), scale.size()) {
    for (std::size_t run = 0; run < side.size(); run++)
      for (std::size_t i = 0; i < side[run]->blocks.size(); i++) {
        blocks.count(i, side[run]->blocks[i], scale);
        runs.count(run, side[run]->blocks[i], scale);
      }
    blocks.add_up();
    runs.add_up();
  }
  static std::size_t most_blocks(const std::vector<const KeptPhase*>& side) {
    std::size_t most = 0;
    for (const auto* phase : side) most = std::max(most, phase->blocks.size());
    return most;
  }
};

/// Of all groups of a side.
struct Whole {
  std::vector<std::uint64_t> once;
  Mix mix;
  std::size_t places[std::size(kFigures)] = {};  ///< of figures that are quantiles
  explicit Whole(const Groups& groups) : once(groups.size(), 1), mix(groups, once) {
    for (std::size_t f = 0; f < std::size(kFigures) && mix.all() > 0; f++)
      if (kFigures[f].per_mille != 0) places[f] = mix.place(kFigures[f].per_mille, groups.last() / 2);
  }
  Whole(const Whole&) = delete;
};

double effect(double success_a, double success_b) { return success_b - success_a; }
double effect(std::size_t place_a, std::size_t place_b, const std::vector<double>& scale) {
  return std::log(scale[place_b] / scale[place_a]);
}

/// The standard error of every figure's effect, where these groups are drawn.
std::vector<double> errors(const Groups& a, const Groups& b, const Whole& whole_a, const Whole& whole_b,
                           const std::vector<double>& scale) {
  const std::size_t count = a.size();
  std::mt19937_64 random(kSeed);
  std::vector<double> sum(std::size(kFigures)), squares(std::size(kFigures));
  std::vector<std::uint64_t> times(count);
  int drawn = 0;
  for (int draw = 0; draw < kDraws; draw++) {
    std::fill(times.begin(), times.end(), 0);
    for (std::size_t i = 0; i < count; i++) times[static_cast<std::size_t>(random() % count)]++;
    const Mix one(a, times), other(b, times);
    if (one.all() == 0 || other.all() == 0) continue;
    drawn++;
    for (std::size_t f = 0; f < std::size(kFigures); f++) {
      const unsigned per_mille = kFigures[f].per_mille;
      const double value = per_mille == 0 ? effect(one.success(), other.success())
                                          : effect(one.place(per_mille, whole_a.places[f]),
                                                   other.place(per_mille, whole_b.places[f]), scale);
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
double between_runs(const Figure& figure, const Groups& a, const Groups& b, const std::vector<double>& scale) {
  double squares = 0;
  std::size_t freedom = 0;
  for (const Groups* side : {&a, &b}) {
    std::vector<double> values;
    for (std::size_t run = 0; run < side->size(); run++) {
      std::vector<std::uint64_t> alone(side->size());
      alone[run] = 1;
      const Mix mix(*side, alone);
      if (mix.all() == 0) continue;
      values.push_back(figure.per_mille == 0 ? mix.success()
                                             : std::log(scale[mix.place(figure.per_mille, side->last() / 2)]));
    }
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    freedom += values.empty() ? 0 : values.size() - 1;
  }
  if (freedom < 2) return 0;  // of three runs in all, one that differs says nothing
  return std::sqrt(squares / static_cast<double>(freedom) *
                   (1.0 / static_cast<double>(a.size()) + 1.0 / static_cast<double>(b.size())));
}

/// How many of the blocks lie beyond `middle`, above or below it, and how many there are.
std::pair<double, double> blocks_beyond(const Figure& figure, const Groups& blocks, double middle, bool above,
                                        const std::vector<double>& scale) {
  // The first place that is not below the middle, and the first above it.
  const auto from = static_cast<std::size_t>(std::lower_bound(scale.begin(), scale.end(), middle) - scale.begin());
  const auto behind = static_cast<std::size_t>(std::upper_bound(scale.begin(), scale.end(), middle) - scale.begin());
  const auto before = [&](std::size_t block, std::size_t place) {
    return place == 0 ? 0 : blocks.upto(block, place - 1);
  };
  double beyond = 0, all = 0;
  for (std::size_t i = 0; i < blocks.size(); i++) {
    const std::uint64_t sent = blocks.upto(i, blocks.last()), rank = quantile_rank(sent, figure.per_mille);
    if (sent == 0) continue;
    all++;
    if (figure.per_mille == 0) {
      const double value = 1 - static_cast<double>(sent - before(i, blocks.last())) / static_cast<double>(sent);
      beyond += above ? value > middle : value < middle;
    } else {
      beyond += above ? before(i, behind) < rank : before(i, from) >= rank;
    }
  }
  return {beyond, all};
}

/// How often chance alone would part blocks so well: how many of each side lie beyond the middle between the two
/// figures. What happened a few times may move a p99 far, and a bootstrap of the side on which it did not happen knows
/// nothing of it.
double chance_of_blocks(const Figure& figure, const Groups& a, const Groups& b, double from, double to,
                        const std::vector<double>& scale) {
  const double middle = figure.per_mille == 0 ? (from + to) / 2 : std::sqrt(from * to);
  const auto [beyond_a, all_a] = blocks_beyond(figure, a, middle, to > from, scale);
  const auto [beyond_b, all_b] = blocks_beyond(figure, b, middle, to > from, scale);
  const double share = (beyond_a + beyond_b) / (all_a + all_b);
  if (share <= 0 || share >= 1) return 1;
  const double z = (beyond_b / all_b - beyond_a / all_a) / std::sqrt(share * (1 - share) * (1 / all_a + 1 / all_b));
  return z <= 0 ? 1 : std::erfc(z / std::sqrt(2.0));
}

/// Of a latency: the same share either way, by its logarithm.
double least_effect(const Difference& d, const CompareRules& rules) {
  return d.figure->per_mille != 0 ? std::log(1 + rules.least_change) : least_share(*d.a, rules);
}

}  // namespace

double least_share(double share, const CompareRules& rules) {
  return std::max(kLeastSuccess, rules.least_change * std::min(share, 1 - share));
}

Band too_small(const Figure& figure, double from, const CompareRules& rules) {
  if (figure.per_mille == 0) {
    const double least = least_share(from, rules);
    return {-least, least};
  }
  const double brief = kLeastChangeMs / from;
  return {-std::max(1 - 1 / (1 + rules.least_change), brief), std::max(rules.least_change, brief)};
}

std::vector<Difference> differences(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b,
                                    const CompareRules& rules) {
  std::vector<Difference> all(std::size(kFigures));
  for (std::size_t f = 0; f < all.size(); f++) all[f].figure = &kFigures[f];
  const std::string why = unfit(a, b);
  const auto scale = scale_of(a, b);
  const Side side_a(a, scale), side_b(b, scale);
  const Whole whole_a(side_a.blocks), whole_b(side_b.blocks);
  const std::uint64_t fewer = std::min(whole_a.mix.all(), whole_b.mix.all());
  for (std::size_t f = 0; f < all.size(); f++) {
    Difference& one = all[f];
    for (const auto& [whole, value] : {std::pair{&whole_a, &one.a}, {&whole_b, &one.b}}) {
      if (whole->mix.all() == 0) continue;
      if (one.figure->per_mille == 0)
        *value = whole->mix.success();
      else if (whole->places[f] + 1 < scale.size())
        *value = scale[whole->places[f]];
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
  std::vector<double> error(all.size());
  for (const std::size_t together : kTogether) {
    if (side_a.blocks.size() / together < kLeastGroups) break;
    const auto these = errors(side_a.blocks.joined(together), side_b.blocks.joined(together), whole_a, whole_b, scale);
    for (std::size_t f = 0; f < all.size(); f++) error[f] = std::max(error[f], these[f]);
  }
  const auto freedom = static_cast<unsigned>(side_a.blocks.size() - 1);
  const double reach = t_beyond(1 - rules.confidence, freedom);
  for (std::size_t f = 0; f < all.size(); f++) {
    Difference& one = all[f];
    if (!one.reason.empty()) continue;
    one.known = true;
    const bool share = one.figure->per_mille == 0;
    const double from = share ? whole_a.mix.success() : scale[whole_a.places[f]],
                 to = share ? whole_b.mix.success() : scale[whole_b.places[f]];
    one.effect = share ? effect(from, to) : effect(whole_a.places[f], whole_b.places[f], scale);
    one.error = std::max(error[f], between_runs(*one.figure, side_a.runs, side_b.runs, scale));
    one.least = least_effect(one, rules);
    const double beyond = std::abs(one.effect) - kBeyond * one.least;
    one.p = beyond <= 0 ? 1 : one.error == 0 ? 0 : beyond_t(beyond / one.error, freedom);
    if (one.p < 1)
      one.p = std::max(one.p, chance_of_blocks(*one.figure, side_a.blocks, side_b.blocks, from, to, scale));
    one.margin = one.error * reach;
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
