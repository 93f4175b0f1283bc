// A score is every rule's channel flattened into the arrays that the player reads: points with precomputed fixed-point
// slopes, tracks, rules, and per site the table of which rules are live when. Pure functions of channels: no kernel
// here.
#pragma once

#include <cstdint>
#include <stdexcept>
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
  /// Equal of those of a site's rules that match the same packets for the whole run; kNoOther: of no other.
  std::uint32_t match = kNoOther;
  static constexpr std::uint32_t kNoOther = ~0u;
};

struct SiteScore {
  std::uint32_t first_rule = 0;  ///< in Score::rules
  std::uint32_t rule_count = 0;
  std::vector<std::uint8_t> bits;  ///< of its masks, by rule: see banks.h
  std::uint32_t first_bank = 0;    ///< in Score::banked
  std::uint32_t first_live = 0;    ///< in Score::live; the first entry's t is 0, so a search always finds one
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
  std::vector<std::uint32_t> banked;  ///< entries of banks: rules, by number
  std::vector<SiteScore> sites;
  std::vector<std::vector<std::string>> targets;  ///< of the plan, by rule; empty: not known
  std::vector<Mate> mates;
  bool notes_losses = false;  ///< what rules drop of TCP is noted, for who counts what is sent again

  /// The place of the first entry of all banks, behind those of the rules; 0: there are none.
  std::uint32_t banked_from() const;
  /// Whether any rule follows connections one by one.
  bool follows_connections() const;
  /// Whether any rule asks how long a packet is.
  bool asks_sizes() const;
  /// The bits of the site's masks that stand, at any time, for a rule of which `is` holds: it is given its number.
  template <class Is>
  std::uint64_t bits_where(const SiteScore& site, Is is) const {
    std::uint64_t found = 0;
    for (std::uint32_t i = 0; i < site.rule_count; i++)
      if (is(site.first_rule + i)) found |= 1ull << site.bits[i];
    return found;
  }
  /// The bits of the site's rules about longer packets alone.
  std::uint64_t size_rules(const SiteScore& site) const;
  /// The place where the site's banks begin.
  std::uint32_t first_bank(const SiteScore& site) const;
  /// The rule, by number, that a bit of the site's masks stands for in a bank; 0: none of them.
  std::uint32_t rule_of(const SiteScore& site, std::uint32_t bank, std::uint32_t bit) const;
};

/// A site has more rules at once than its masks have bits.
class TooManyRules : public std::length_error {
 public:
  TooManyRules(std::uint32_t site, const std::string& why) : std::length_error(why), site(site) {}
  std::uint32_t site;
};

/// Flattens. Throws TooManyRules when the rules of a site cannot share its FL_MAX_RULES_PER_SITE bits, and
/// std::invalid_argument for what only a defect can bring about: points out of order or before T0, a probability
/// outside 0..1, a time outside 0..FL_MAX_HOLD_NS, rules that are not in the order of their sites (sites ascend; a site
/// without rules is allowed).
///
/// Live tables. A rule is live while its channel does something, then until everything it held may have left (at most
/// until its end), then FL_DRAIN longer, even past its end: what follows a held packet takes the same way. It keeps its
/// bit from its start until then, and at least FL_DRAIN past its end.
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
