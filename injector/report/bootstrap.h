// How far chance alone moves a figure of a phase between two sides, runs before and runs after: a block bootstrap. The
// blocks of time of a phase are drawn again and again with replacement, the same places in the phase on both sides, and
// the difference of the figures is computed of each draw; how much it varies is its standard error. Requests need not
// be independent of one another, blocks nearly so (docs/decisions/0042-worse-better-or-noise.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "injector/report/kept_run.h"

namespace faultline::report {

/// What is compared of a phase.
struct Figure {
  const char* name;
  unsigned per_mille;      ///< of a time; 0: it is none
  bool is_number = false;  ///< how often a second something happened that had better not; else, without a quantile, the
                           ///< share of success
  bool is_share() const { return per_mille == 0 && !is_number; }
};
inline constexpr Figure kFigures[] = {{"success", 0}, {"p50", 500}, {"p90", 900}, {"p99", 990}};
/// Of a target's connections; their numbers are kKeptNumbers.
inline constexpr Figure kRttFigures[] = {{"rtt.p50", 500}, {"rtt.p90", 900}, {"rtt.p99", 990}};
inline constexpr Figure kTurnFigures[] = {{"turns.p50", 500}, {"turns.p90", 900}, {"turns.p99", 990}};

/// Any of these by its name; a number where it is none of the others.
Figure figure_named(const std::string& name);

struct CompareRules {
  double confidence = 0.99;    ///< that no figure of equal runs is called better or worse
  double least_change = 0.10;  ///< a smaller one is noise, however certain
};
/// A latency that changed by less than this is noise too: what a machine does to it by itself.
inline constexpr double kLeastChangeMs = 0.5;
/// So is a success that changed by less than a percentage point.
inline constexpr double kLeastSuccess = 0.01;

/// How far a share of success must move to matter: a tenth (CompareRules) of what is rarer, failures or successes.
double least_share(double share, const CompareRules& rules);

/// A number that differs by fewer in all of a phase is noise.
inline constexpr double kLeastNumber = 10;

/// A change between these two is too small to matter: of a share of success in itself, of all else in shares of it.
struct Band {
  double low = 0, high = 0;
};
/// `from`: the share, or ms above 0. What is 10 % worse is 10 % better seen from there: the band goes less far down.
Band too_small(const Figure& figure, double from, const CompareRules& rules);

/// A phase that has fewer blocks is not compared.
inline constexpr std::size_t kLeastBlocks = 8;
/// Of a quantile, so many requests must lie above it.
inline constexpr double kLeastAbove = 10;

struct Difference {
  Figure figure{"", 0};
  std::optional<double> a, b;  ///< share, ms, or how many a second; absent of a latency: never
  bool known = false;          ///< what follows was computed
  std::string reason;          ///< why not
  double effect = 0;           ///< share or number of b less that of a; of a time the logarithm of b / a
  double error = 0;            ///< standard error of that
  double least = 0;            ///< how much of an effect matters
  double p = 1;                ///< how often chance alone would make so much of it, were two thirds of that true
  double margin = 0;           ///< half of the interval that covers the effect with the given confidence
};

/// Of each of the figures, none of which is a number. `a` and `b` hold one phase of one probe, of every run of their
/// side; neither is empty.
std::vector<Difference> differences(const std::vector<const KeptPhase*>& a, const std::vector<const KeptPhase*>& b,
                                    const CompareRules& rules = {}, std::span<const Figure> figures = kFigures);

/// What happened in each block of a phase, in one run.
struct NumberedPhase {
  double length_s = 0;
  std::vector<std::uint64_t> blocks;
};
/// The same test of a number. Its mean over blocks that are drawn again is a sum, whose standard error needs no draw:
/// it is computed.
Difference number_difference(const char* name, const std::vector<NumberedPhase>& a, const std::vector<NumberedPhase>& b,
                             const CompareRules& rules = {});

/// The share of what matters that chance must not reach: a machine that is a little busier is not the service's doing.
inline constexpr double kBeyond = 2.0 / 3;
/// Neighbouring blocks that are taken as one, since what is slow is slow for a while.
inline constexpr std::size_t kTogether[] = {1, 2, 4};
inline constexpr std::size_t kLeastGroups = 5;  ///< fewer say nothing of how they differ
/// Why phases of so many blocks cannot be compared; empty: they can.
std::string unfit(std::size_t blocks, bool alike);
/// How often chance alone would part blocks so well, `beyond` of `all` on either side lying on b's side of the middle.
double chance_of_parting(double beyond_a, double all_a, double beyond_b, double all_b);

/// Of Student's t with so many degrees of freedom, above 0: how often it lies farther from 0 than `t`, either way.
double beyond_t(double t, unsigned freedom);
/// The t beyond which it lies as often as `p`.
double t_beyond(double p, unsigned freedom);

/// Holm, 1979: the probabilities corrected for how many there are, in the same order. What then lies below a level is
/// a false alarm, in all of them together, no oftener than that.
std::vector<double> holm(const std::vector<double>& p);

}  // namespace faultline::report
