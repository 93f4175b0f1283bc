#include "faults/score.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "faults/banks.h"
#include "faults/distribution.h"
#include "faults/segment.h"

namespace faultline::faults {
namespace {

std::int64_t to_fixed(double value, int which) {
  const bool probability = which != FL_DELAY && which != FL_JITTER && which != FL_RATE;
  const double limit = probability ? 1.0 : static_cast<double>(which == FL_RATE ? FL_RATE_MAX : FL_MAX_HOLD_NS);
  if (!(value >= 0 && value <= limit)) throw std::invalid_argument("flatten: a channel's value is out of range");
  if (!probability) return std::llround(value);
  if (value == 1.0) return FL_ONE;
  // Only 1 itself is certain: anything below must be able to let a packet pass.
  return std::min<std::int64_t>(std::llround(value * static_cast<double>(FL_ONE)), FL_ONE - 1);
}

// Change of value per 1024 ns, with FL_SLOPE_SHIFT fraction bits, rounded towards 0 so that no segment overshoots its
// end (a loss above 1, a delay below 0). Segments below 1024 ns never reach their first step: they are flat, and slopes
// of such steepness, which would overflow, do not occur.
std::int64_t slope_of(std::int64_t from, std::int64_t to, std::uint64_t length) {
  if (length < 1024) return 0;
  const __int128 scaled = static_cast<__int128>(to - from) * (1LL << (10 + FL_SLOPE_SHIFT));
  return static_cast<std::int64_t>(scaled / static_cast<__int128>(length));
}

fl_track append_track(Score& score, const Track& track, int which) {
  fl_track out{static_cast<std::uint32_t>(score.points.size()), 0};
  if (track.size() < 2) return out;  // no segment: always 0
  for (const Point& p : track) {
    if (p.t < 0) throw std::invalid_argument("flatten: a point lies before T0");
    fl_point point{static_cast<std::uint64_t>(p.t), to_fixed(p.value, which), 0};
    if (out.count > 0) {
      fl_point& previous = score.points.back();
      if (point.t < previous.t) throw std::invalid_argument("flatten: a track's points are not in order of time");
      previous.slope = slope_of(previous.value, point.value, point.t - previous.t);
    }
    score.points.push_back(point);
    out.count++;
  }
  score.points.back().value = 0;  // from the last point on the track is 0: no special case for the player
  return out;
}

struct Edge {
  std::uint64_t t;
  std::uint32_t rule;  // of the site
  bool on;
};

double peak(const Track& track) {
  double highest = 0;
  for (const Point& p : track) highest = std::max(highest, p.value);
  return highest;
}

double longest_hold(const Channel& channel) {
  return peak(channel.delay) + peak(channel.jitter) * reach_of(channel) + static_cast<double>(channel.longest_queue());
}

struct Span {
  double latest;   // of t + value
  double highest;  // value
};

// A track's extremes within an active span. Its segments lie wholly inside or outside, so its points tell all.
Span extremes(const Track& track, Window span) {
  Span out{static_cast<double>(span.end), 0};
  auto p = std::lower_bound(track.begin(), track.end(), span.start, [](const Point& a, Ns t) { return a.t < t; });
  for (; p != track.end() && p->t <= span.end; ++p) {
    out.latest = std::max(out.latest, static_cast<double>(p->t) + p->value);
    out.highest = std::max(out.highest, p->value);
  }
  return out;
}

// The longest that other rules of the site may add to a packet of this one, and the last end of them all.
struct Overlapping {
  double hold = 0;
  Ns end = 0;
};

Overlapping overlapping_with(std::span<const RuleSource> rules, std::size_t self) {
  Overlapping out{0, rules[self].window.end};
  for (std::size_t i = 0; i < rules.size(); i++) {
    const Window& own = rules[self].window;
    const Window& other = rules[i].window;
    if (i == self || other.end <= own.start || own.end <= other.start) continue;
    const double hold = longest_hold(rules[i].channel);
    if (hold == 0) continue;
    out.hold += hold;
    out.end = std::max(out.end, other.end);
  }
  return out;
}

// A span ends for the selector when the last packet held by it has left (an upper bound: nothing is held beyond the
// rules' end), and FL_DRAIN later. Let go earlier, the flow's next packets would overtake those still in the line: an
// episode may end in the middle of its rule with a delay far above FL_DRAIN.
void append_edges(std::vector<Edge>& edges, const Channel& channel, const Overlapping& overlapping,
                  std::uint32_t rule) {
  const std::size_t first = edges.size();
  const double queued = static_cast<double>(channel.longest_queue());
  Track wide = channel.jitter;  // in the multiples that its shape can draw
  for (Point& p : wide) p.value *= reach_of(channel);
  for (const Window& span : channel.active()) {
    const Span delay = extremes(channel.delay, span);
    const Span jitter = extremes(wide, span);
    // A piecewise-linear delay may leave later from before its end; of the other parts the longest is enough.
    const double due =
        std::min(delay.latest + jitter.highest, jitter.latest + delay.highest) + queued + overlapping.hold;
    const Ns left = std::max(span.end, static_cast<Ns>(std::ceil(std::min(due, static_cast<double>(overlapping.end)))));
    const auto start = static_cast<std::uint64_t>(span.start);
    const std::uint64_t end = static_cast<std::uint64_t>(left) + FL_DRAIN;
    if (edges.size() > first && start <= edges.back().t) {
      edges.back().t = std::max(edges.back().t, end);  // still draining when it starts again
    } else {
      edges.push_back({start, rule, true});
      edges.push_back({end, rule, false});
    }
  }
}

// The banks of a site, one after the other in time. A bank holds until a bit is to stand for another rule.
class Banks {
 public:
  Banks(Score& score, const SiteScore& site, std::uint32_t number)
      : score_(score), site_(site), number_of_site_(number), used_(site.rule_count > FL_MAX_RULES_PER_SITE) {}

  // What the live rules' bits stand for, from the entry on that is appended next.
  void tell(const std::set<std::uint32_t>& live) {
    if (!used_) return;
    if (std::any_of(live.begin(), live.end(), [&](std::uint32_t rule) {
          const auto known = now_.find(site_.bits[rule]);
          return known != now_.end() && known->second != rule;
        }))
      close();
    for (const std::uint32_t rule : live) now_[site_.bits[rule]] = rule;
  }

  std::uint32_t number() const { return used_ ? static_cast<std::uint32_t>(written()) + 1 : 0; }

  void close() {
    if (now_.empty()) return;
    const std::size_t first = score_.banked.size();
    score_.banked.resize(first + now_.rbegin()->first + 1u, site_.first_rule);
    for (const auto& [bit, rule] : now_) score_.banked[first + bit] = site_.first_rule + rule;
    now_.clear();
    if (written() > FL_MAX_BANKED)
      throw TooManyRules(number_of_site_,
                         "has " + std::to_string(site_.rule_count) + " rules, more than there is room for");
  }

 private:
  std::size_t written() const { return score_.banked.size() - site_.first_bank; }

  Score& score_;
  const SiteScore& site_;
  const std::uint32_t number_of_site_;
  const bool used_;
  std::map<std::uint8_t, std::uint32_t> now_;  // the site's rules by bit
};

void append_live(Score& score, const SiteScore& site, std::uint32_t number, std::vector<Edge> edges) {
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.t < b.t; });
  std::set<std::uint32_t> live;
  Banks banks(score, site, number);
  std::size_t i = 0;
  const auto append = [&](std::uint64_t t) {
    for (; i < edges.size() && edges[i].t == t; i++) {
      if (edges[i].on)
        live.insert(edges[i].rule);
      else
        live.erase(edges[i].rule);
    }
    fl_live entry{t, 0, 0, 0};
    for (const std::uint32_t rule : live) entry.mask |= 1ULL << site.bits[rule];
    banks.tell(live);
    entry.bank = banks.number();
    score.live.push_back(entry);  // differs from the one before: a rule's own spans neither touch nor overlap
  };
  append(0);
  while (i < edges.size()) append(edges[i].t);
  banks.close();
}

// A rule keeps its bit through its window and as long as it is live.
std::vector<Claim> claims_of(std::span<const RuleSource> rules, const std::vector<Edge>& edges) {
  std::vector<Claim> claims;
  for (const RuleSource& rule : rules) {
    const auto number = static_cast<std::uint32_t>(claims.size());
    claims.push_back({static_cast<std::uint64_t>(rule.window.start),
                      static_cast<std::uint64_t>(rule.window.end) + FL_DRAIN,
                      rule.match != RuleSource::kNoOther ? rule.match : RuleSource::kNoOther - number, rule.fault});
  }
  for (const Edge& edge : edges) {
    Claim& claim = claims[edge.rule];
    claim.from = std::min(claim.from, edge.t);
    claim.until = std::max(claim.until, edge.t);
  }
  return claims;
}

std::vector<std::uint8_t> bits_of(std::uint32_t site, const std::vector<Claim>& claims) {
  if (auto bits = allot_bits(claims)) return std::move(*bits);
  throw TooManyRules(site,
                     "has " + std::to_string(claims.size()) + " rules and would need a place for " +
                         std::to_string(std::max<std::size_t>(bits_needed(claims), FL_MAX_RULES_PER_SITE + 1)) +
                         " at once; it has " + std::to_string(FL_MAX_RULES_PER_SITE) +
                         ", and rules share one only where they match the same packets and are 0.3 s and more apart");
}

std::uint64_t chance_of(double probability) { return static_cast<std::uint64_t>(to_fixed(probability, FL_LOSS)); }

/// The curves of tables, which many rules may share.
using TableCurves = std::map<Deviations, std::uint32_t>;

std::uint32_t curve_in(Score& score, TableCurves& tables, const Channel& channel) {
  if (channel.shape != JitterShape::table) return curve_of(channel.shape);
  const auto [known, is_new] = tables.try_emplace(channel.table, static_cast<std::uint32_t>(score.curves.size()));
  if (is_new) score.curves.push_back(tabulate(channel.table));
  return known->second;
}

fl_rule rule_of(const RuleSource& source) {
  const Channel& channel = source.channel;
  fl_rule rule{};
  rule.start = static_cast<std::uint64_t>(source.window.start);
  rule.end = static_cast<std::uint64_t>(source.window.end);
  rule.seed = source.seed;
  rule.fault_seed = source.fault_seed != 0 ? source.fault_seed : source.seed;
  rule.fault = source.fault;
  if (channel.free_order) rule.flags |= FL_RULE_FREE_ORDER;
  if (!channel.delay.empty() || !channel.jitter.empty() || !channel.rate.empty()) rule.flags |= FL_RULE_DELAYS;
  if (channel.valid_checksum) rule.flags |= FL_RULE_VALID;
  if (channel.turns)
    rule.flags |= FL_RULE_TURNS | (channel.turns_out ? FL_RULE_OUT : 0) | (channel.turns_in ? FL_RULE_IN : 0);
  if (channel.bursts) {
    rule.flags |= FL_RULE_BURSTS;
    rule.bursts = {chance_of(channel.bursts->enter), chance_of(channel.bursts->leave), chance_of(channel.bursts->good),
                   chance_of(channel.bursts->bad)};
  }
  rule.rho = static_cast<__s32>(std::lround(channel.correlation * 0x1p16));
  rule.innovation = static_cast<__s32>(std::lround(std::sqrt(1 - channel.correlation * channel.correlation) * 0x1p16));
  rule.queue_ns = static_cast<std::uint64_t>(channel.queue_time);
  rule.queue_bytes = channel.queue_bytes;
  rule.above = channel.above;
  rule.limit =
      channel.answer.filter == FL_FILTER_SENT ? channel.answer.sent : static_cast<std::uint64_t>(channel.answer.silent);
  if (channel.answer.filter == FL_FILTER_SENT) rule.flags |= FL_RULE_SENT;
  return rule;
}

}  // namespace

Score flatten(const std::vector<RuleSource>& rules, std::uint32_t site_count) {
  Score score;
  score.curves = curves();
  TableCurves tables;
  std::size_t next = 0;
  for (std::uint32_t site = 0; site < site_count; site++) {
    SiteScore out;
    out.first_rule = static_cast<std::uint32_t>(score.rules.size());
    std::size_t beyond = next;
    while (beyond < rules.size() && rules[beyond].site == site) beyond++;
    const std::span<const RuleSource> own(rules.data() + next, beyond - next);
    std::vector<Edge> edges;
    for (; next < beyond; next++) {
      const RuleSource& source = rules[next];
      const Channel& channel = source.channel;
      score.rules.push_back(rule_of(source));
      score.rules.back().curve = curve_in(score, tables, channel);
      score.answers.push_back(flatten_answer(channel.answer));
      const auto number = static_cast<std::uint32_t>(score.rules.size() - 1);
      for (const auto& name : channel.answer.names) score.names.push_back({number, name_rule(name)});
      for (int which = 0; which < FL_TRACKS; which++) {
        score.tracks.push_back(append_track(score, channel.*kTracks[static_cast<std::size_t>(which)], which));
        if (score.tracks.back().count != 0) score.rules.back().uses |= FL_USES(which);
      }
      append_edges(edges, channel, overlapping_with(own, out.rule_count), out.rule_count);
      out.rule_count++;
    }
    out.first_live = static_cast<std::uint32_t>(score.live.size());
    out.first_bank = static_cast<std::uint32_t>(score.banked.size());
    out.bits = bits_of(site, claims_of(own, edges));
    append_live(score, out, site, std::move(edges));
    out.live_count = static_cast<std::uint32_t>(score.live.size()) - out.first_live;
    score.sites.push_back(out);
  }
  if (next != rules.size()) {
    throw std::invalid_argument("flatten: rules are not ordered by site, or name a site that does not exist");
  }
  return score;
}

std::uint32_t Score::banked_from() const { return banked.empty() ? 0 : static_cast<std::uint32_t>(rules.size()); }

bool Score::follows_connections() const {
  return std::any_of(answers.begin(), answers.end(), [](const fl_answer& answer) { return follows(answer); });
}

bool Score::asks_sizes() const {
  return std::any_of(rules.begin(), rules.end(), [](const fl_rule& rule) { return rule.above != 0; });
}

std::uint64_t Score::size_rules(const SiteScore& site) const {
  return bits_where(site, [&](std::uint32_t rule) { return rules[rule].above != 0; });
}

std::uint32_t Score::first_bank(const SiteScore& site) const {
  return static_cast<std::uint32_t>(rules.size()) + site.first_bank;
}

std::uint32_t Score::rule_of(const SiteScore& site, std::uint32_t bank, std::uint32_t bit) const {
  return bank == 0 ? site.first_rule + bit : banked.at(site.first_bank + bank - 1 + bit);
}

std::int64_t evaluate(const Score& score, const fl_track& track, std::uint64_t t) {
  const auto first = score.points.begin() + track.first;
  const auto last = first + track.count;
  const auto next = std::upper_bound(first, last, t, [](std::uint64_t at, const fl_point& p) { return at < p.t; });
  if (next == first || next == last) return 0;
  return fl_segment_value(&next[-1], t);
}

}  // namespace faultline::faults
