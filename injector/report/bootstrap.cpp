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
constexpr std::uint64_t kSeed = 20261129;  ///< the same records give the same answer
constexpr double kNever = 2;               ///< as often the slowest answer counts a request that failed

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
  std::vector<std::size_t> places;  ///< of figures that are quantiles
  Whole(const Groups& groups, std::span<const Figure> figures)
      : once(groups.size(), 1), mix(groups, once), places(figures.size()) {
    for (std::size_t f = 0; f < figures.size() && mix.all() > 0; f++)
      if (figures[f].per_mille != 0) places[f] = mix.place(figures[f].per_mille, groups.last() / 2);
  }
  Whole(const Whole&) = delete;
};

double effect(double success_a, double success_b) { return success_b - success_a; }
double effect(std::size_t place_a, std::size_t place_b, const std::vector<double>& scale) {
  return std::log(scale[place_b] / scale[place_a]);
}

/// The standard error of every figure's effect, where these groups are drawn.
std::vector<double> errors(std::span<const Figure> figures, const Groups& a, const Groups& b, const Whole& whole_a,
                           const Whole& whole_b, const std::vector<double>& scale) {
  const std::size_t count = a.size();
  std::mt19937_64 random(kSeed);
  std::vector<double> sum(figures.size()), squares(figures.size());
  std::vector<std::uint64_t> times(count);
  int drawn = 0;
  for (int draw = 0; draw < kDraws; draw++) {
    std::fill(times.begin(), times.end(), 0);
    for (std::size_t i = 0; i < count; i++) times[static_cast<std::size_t>(random() % count)]++;
    const Mix one(a, times), other(b, times);
    if (one.all() == 0 || other.all() == 0) continue;
    drawn++;
    for (std::size_t f = 0; f < figures.size(); f++) {
      const unsigned per_mille = figures[f].per_mille;
      const double value = per_mille == 0 ? effect(one.success(), other.success())
                                          : effect(one.place(per_mille, whole_a.places[f]),
                                                   other.place(per_mille, whole_b.places[f]), scale);
      sum[f] += value;
      squares[f] += value * value;
    }
  }
  std::vector<double> result;
  for (std::size_t f = 0; f < figures.size(); f++) {
    const double mean = sum[f] / drawn, variance = std::max(0.0, squares[f] / drawn - mean * mean);
    // As few draws vary less than their source: n / (n - 1).
    result.push_back(std::sqrt(variance * static_cast<double>(count) / static_cast<double>(count - 1)));
  }
  return result;
}

std::string unfit_phases(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b) {
  const KeptPhase& first = *a.front();
  bool alike = true;
  for (const auto* side : {&a, &b})
    for (const auto* phase : *side)
      alike &= phase->blocks.size() == first.blocks.size() && std::abs(phase->length_s - first.length_s) <= 0.01;
  return unfit(first.blocks.size(), alike);
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
  return chance_of_parting(beyond_a, all_a, beyond_b, all_b);
}

/// Of a latency: the same share either way, by its logarithm.
double least_effect(const Difference& d, const CompareRules& rules) {
  return d.figure.per_mille != 0 ? std::log(1 + rules.least_change) : least_share(*d.a, rules);
}

}  // namespace

Figure figure_named(const std::string& name) {
  for (const std::span<const Figure> figures :
       {std::span<const Figure>(kFigures), std::span<const Figure>(kRttFigures), std::span<const Figure>(kTurnFigures)})
    for (const Figure& one : figures)
      if (one.name == name) return one;
  return {"", 0, true};
}

std::string unfit(std::size_t blocks, bool alike) {
  if (!alike) return "the phase does not last equally long in all runs";
  if (blocks < kLeastBlocks)
    return fmt::format("the phase is too short: {} blocks of time, {} are needed", blocks, kLeastBlocks);
  return "";
}

double least_share(double share, const CompareRules& rules) {
  return std::max(kLeastSuccess, rules.least_change * std::min(share, 1 - share));
}

Band too_small(const Figure& figure, double from, const CompareRules& rules) {
  if (figure.is_share()) {
    const double least = least_share(from, rules);
    return {-least, least};
  }
  const double brief = figure.is_number ? 0 : kLeastChangeMs / from;
  return {-std::max(1 - 1 / (1 + rules.least_change), brief), std::max(rules.least_change, brief)};
}

std::vector<Difference> differences(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b,
                                    const CompareRules& rules, std::span<const Figure> figures) {
  std::vector<Difference> all(figures.size());
  for (std::size_t f = 0; f < all.size(); f++) all[f].figure = figures[f];
  const char* what = figures.front().is_share() ? "requests" : "values";
  const std::string why = unfit_phases(a, b);
  const auto scale = scale_of(a, b);
  const Side side_a(a, scale), side_b(b, scale);
  const Whole whole_a(side_a.blocks, figures), whole_b(side_b.blocks, figures);
  const std::uint64_t fewer = std::min(whole_a.mix.all(), whole_b.mix.all());
  for (std::size_t f = 0; f < all.size(); f++) {
    Difference& one = all[f];
    for (const auto& [whole, value] : {std::pair{&whole_a, &one.a}, {&whole_b, &one.b}}) {
      if (whole->mix.all() == 0) continue;
      if (one.figure.per_mille == 0)
        *value = whole->mix.success();
      else if (whole->places[f] + 1 < scale.size())
        *value = scale[whole->places[f]];
    }
    const double share_above = 1 - one.figure.per_mille / 1000.0;
    if (!why.empty())
      one.reason = why;
    else if (fewer == 0)
      one.reason = "no request was due";
    else if (static_cast<double>(fewer) * share_above < kLeastAbove)
      one.reason = fmt::format("too few {}: {}, {:.0f} are needed", what, fewer, std::ceil(kLeastAbove / share_above));
  }
  if (!why.empty() || fewer == 0) return all;
  std::vector<double> error(all.size());
  for (const std::size_t together : kTogether) {
    if (side_a.blocks.size() / together < kLeastGroups) break;
    const auto these =
        errors(figures, side_a.blocks.joined(together), side_b.blocks.joined(together), whole_a, whole_b, scale);
    for (std::size_t f = 0; f < all.size(); f++) error[f] = std::max(error[f], these[f]);
  }
  const auto freedom = static_cast<unsigned>(side_a.blocks.size() - 1);
  const double reach = t_beyond(1 - rules.confidence, freedom);
  for (std::size_t f = 0; f < all.size(); f++) {
    Difference& one = all[f];
    if (!one.reason.empty()) continue;
    one.known = true;
    const bool share = one.figure.per_mille == 0;
    const double from = share ? whole_a.mix.success() : scale[whole_a.places[f]],
                 to = share ? whole_b.mix.success() : scale[whole_b.places[f]];
    one.effect = share ? effect(from, to) : effect(whole_a.places[f], whole_b.places[f], scale);
    one.error = std::max(error[f], between_runs(one.figure, side_a.runs, side_b.runs, scale));
    one.least = least_effect(one, rules);
    const double beyond = std::abs(one.effect) - kBeyond * one.least;
    one.p = beyond <= 0 ? 1 : one.error == 0 ? 0 : beyond_t(beyond / one.error, freedom);
    if (one.p < 1) one.p = std::max(one.p, chance_of_blocks(one.figure, side_a.blocks, side_b.blocks, from, to, scale));
    one.margin = one.error * reach;
  }
  return all;
}

}  // namespace faultline::report
