// A score is every rule's channel flattened into the arrays that the player reads: points with precomputed fixed-point
// slopes, tracks, rules, and per site the table of which rules are live when. Pure functions of channels: no kernel
// here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faults/abi.h"
#include "faults/channel.h"

namespace faultline::faults {

/// One rule of one site, before flattening.
struct RuleSource {
  Channel channel;
  Window window;
  std::uint64_t seed = 0;
  std::uint32_t site = 0;        ///< index of its site; rules of one site must be consecutive
  std::uint32_t fault = 0;       ///< index of its fault
  std::uint64_t fault_seed = 0;  ///< of what is drawn once, whatever the site; 0: `seed`
};

struct SiteScore {
  std::uint32_t first_rule = 0;  ///< in Score::rules; the site's rule i is bit i of its masks
  std::uint32_t rule_count = 0;
  std::uint32_t first_live = 0;  ///< in Score::live; the first entry's t is 0, so a search always finds one
  std::uint32_t live_count = 0;
};

/// A name that a rule is about.
struct ScoreName {
  std::uint32_t rule;  ///< in Score::rules
  NameRule name;
};

/// An address of a target whose part of a fault is met elsewhere: see fl_mate.
struct Mate {
  fl_mate key;
  std::vector<std::string> targets;  ///< that have it
};

struct Score {
  std::vector<fl_point> points;
  std::vector<fl_track> tracks;  ///< FL_TRACKS a rule
  std::vector<fl_rule> rules;
  std::vector<fl_curve> curves;    ///< those of distribution.h, then one for each table
  std::vector<fl_answer> answers;  ///< one a rule
  std::vector<ScoreName> names;    ///< in order of rule
  std::vector<fl_live> live;
  std::vector<SiteScore> sites;
  std::vector<std::vector<std::string>> targets;  ///< of the plan, by rule; empty: not known
  std::vector<Mate> mates;
};

/// Flattens. Throws std::length_error when a site has more than FL_MAX_RULES_PER_SITE rules, and std::invalid_argument
/// for what only a defect can bring about: points out of order or before T0, a probability outside 0..1, a time outside
/// 0..FL_MAX_HOLD_NS, rules that are not in the order of their sites (sites ascend; a site without rules is allowed).
///
/// Live tables. A rule is live while its channel does something, then until everything it held may have left (at most
/// until its end), then FL_DRAIN longer, even past its end: what follows a held packet takes the same way.
///
/// Accuracy. Within a segment of length L >= 1024 ns whose value changes by D, the fixed-point value differs from the
/// exact one by less than 2 + L / 2^30 + 1024 * |D| / L (in ns or 2^-32): rounding of the ends and of the result,
/// rounding of the slope, and time read in steps of 1024 ns. Over 40 minutes that is 2.3 us. It never lies outside the
/// segment's two ends. A segment below 1024 ns keeps its first value. Constant segments are exact to the rounding of
/// their value.
Score flatten(const std::vector<RuleSource>& rules, std::uint32_t site_count);

/// What the player computes for a track at `t`, in the same fixed-point arithmetic. Exact: tests compare with it.
std::int64_t evaluate(const Score& score, const fl_track& track, std::uint64_t t);

}  // namespace faultline::faults
