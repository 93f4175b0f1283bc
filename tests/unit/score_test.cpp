#include "faults/score.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

#include "faults/channel.h"
#include "injector/base/units.h"

namespace faultline::faults {
namespace {

constexpr Ns kMinute = 60 * kSecond;

RuleSource rule(std::uint32_t site, Channel channel, Window window = {0, kMinute}) {
  return {.channel = std::move(channel), .window = window, .seed = 1, .site = site, .fault = 0};
}

RuleSource severed(std::uint32_t site, Window window) {
  Channel channel;
  add_step(channel.loss, window, 1.0);
  return rule(site, channel, window);
}

Score delayed(Track track) {
  Channel channel;
  channel.delay = std::move(track);
  return flatten({rule(0, channel)}, 1);
}

Score lossy(Track track) {
  Channel channel;
  channel.loss = std::move(track);
  return flatten({rule(0, channel)}, 1);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> live(const Score& score, std::uint32_t site) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
  const SiteScore& s = score.sites.at(site);
  for (std::uint32_t i = 0; i < s.live_count; i++) {
    const fl_live& entry = score.live.at(s.first_live + i);
    out.emplace_back(entry.t, entry.mask);
  }
  return out;
}

using Live = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

}  // namespace

TEST(Score, CertainLossIsExactlyOneFromStartToEnd) {
  const Window window{10 * kSecond, 20 * kSecond};
  const Score score = flatten({severed(0, window)}, 1);
  const fl_track& loss = score.tracks.at(FL_LOSS);
  EXPECT_EQ(evaluate(score, loss, 10 * kSecond - 1), 0);
  EXPECT_EQ(evaluate(score, loss, 10 * kSecond), FL_ONE);
  EXPECT_EQ(evaluate(score, loss, 15 * kSecond + 12345), FL_ONE);
  EXPECT_EQ(evaluate(score, loss, 20 * kSecond - 1), FL_ONE);
  EXPECT_EQ(evaluate(score, loss, 20 * kSecond), 0);
  EXPECT_EQ(evaluate(score, loss, FL_FOREVER), 0);
}

TEST(Score, OnlyOneIsCertain) {
  Track track;
  add_step(track, {0, kSecond}, std::nextafter(1.0, 0.0));
  const Score score = lossy(track);
  EXPECT_EQ(evaluate(score, score.tracks.at(FL_LOSS), 1), FL_ONE - 1);
}

TEST(Score, TracksAndRulesStandWhereThePlayerLooks) {
  Channel channel;
  add_step(channel.delay, {0, kSecond}, 100);
  add_step(channel.jitter, {0, kSecond}, 20);
  add_step(channel.loss, {0, kSecond}, 0.25);
  channel.free_order = true;
  RuleSource second = rule(0, channel, {5, kSecond});
  second.seed = 77;
  second.fault = 3;
  const Score score = flatten({rule(0, {}), second}, 1);
  ASSERT_EQ(score.tracks.size(), 2u * FL_TRACKS);
  EXPECT_EQ(score.tracks[FL_DELAY].count, 0u);
  EXPECT_EQ(evaluate(score, score.tracks[FL_DELAY], 500), 0);
  EXPECT_EQ(evaluate(score, score.tracks[FL_TRACKS + FL_DELAY], 500), 100);
  EXPECT_EQ(evaluate(score, score.tracks[FL_TRACKS + FL_JITTER], 500), 20);
  EXPECT_EQ(evaluate(score, score.tracks[FL_TRACKS + FL_LOSS], 500), FL_ONE / 4);
  const fl_rule& r = score.rules.at(1);
  EXPECT_EQ(r.start, 5u);
  EXPECT_EQ(r.end, static_cast<std::uint64_t>(kSecond));
  EXPECT_EQ(r.seed, 77u);
  EXPECT_EQ(r.fault, 3u);
  EXPECT_EQ(r.flags, static_cast<std::uint32_t>(FL_RULE_FREE_ORDER | FL_RULE_DELAYS));
  EXPECT_EQ(score.rules.at(0).flags, 0u);
}

TEST(Score, JumpsLandOnTheLaterPoint) {
  const Score score = delayed({{0, 1000}, {5000, 1000}, {5000, 9000}, {10000, 9000}});
  const fl_track& delay = score.tracks.at(FL_DELAY);
  EXPECT_EQ(evaluate(score, delay, 4999), 1000);
  EXPECT_EQ(evaluate(score, delay, 5000), 9000);
}

TEST(Score, RampsStayWithinTheStatedErrorAndTheirEnds) {
  std::mt19937_64 random(7);
  const Ns lengths[] = {1024,    1500,    10 * kMicrosecond, kMillisecond,     333 * kMillisecond,
                        kSecond, kMinute, 40 * kMinute,      24 * 60 * kMinute};
  const double tops[] = {1, 1000, 2e8, 120e9};
  for (const Ns length : lengths) {
    for (const double top : tops) {
      for (const bool rising : {true, false}) {
        const double from = rising ? 0 : top, to = rising ? top : 0;
        const Ns start = 20 * kSecond + 17;
        const Score score = delayed({{start, from}, {start + length, to}});
        const fl_track& delay = score.tracks.at(FL_DELAY);
        const double allowed =
            2 + std::ldexp(static_cast<double>(length), -30) + 1024 * top / static_cast<double>(length);
        for (int i = 0; i < 300; i++) {
          const Ns into = i == 0   ? 0
                          : i == 1 ? length - 1
                                   : static_cast<Ns>(random() % static_cast<std::uint64_t>(length));
          const std::int64_t value = evaluate(score, delay, static_cast<std::uint64_t>(start + into));
          const double exact = from + (to - from) * static_cast<double>(into) / static_cast<double>(length);
          ASSERT_LE(std::abs(static_cast<double>(value) - exact), allowed) << length << " " << top << " " << into;
          ASSERT_GE(value, 0);
          ASSERT_LE(value, static_cast<std::int64_t>(top));
        }
      }
    }
  }
}

TEST(Score, RampOfLossOverFortyMinutesNeverLeavesZeroToOne) {
  const Score score = lossy({{0, 0}, {40 * kMinute, 1}, {80 * kMinute, 0}});
  const fl_track& loss = score.tracks.at(FL_LOSS);
  std::int64_t before = -1;
  for (Ns t = 0; t < 40 * kMinute; t += 777 * kMillisecond) {
    const std::int64_t value = evaluate(score, loss, static_cast<std::uint64_t>(t));
    ASSERT_GE(value, before);
    ASSERT_LE(value, FL_ONE);
    before = value;
  }
  EXPECT_GT(before, FL_ONE - FL_ONE / 1000);
  EXPECT_EQ(evaluate(score, loss, 40 * kMinute), FL_ONE);
  EXPECT_GE(evaluate(score, loss, 80 * kMinute - 1), 0);
  EXPECT_LT(evaluate(score, loss, 80 * kMinute - 1), 5000);
}

TEST(Score, SegmentsBelowAStepAreFlatWhateverTheirSteepness) {
  for (const Ns length : {1, 512, 1023}) {
    const Score score = delayed({{0, 0}, {length, 120e9}, {kSecond, 120e9}});
    const fl_track& delay = score.tracks.at(FL_DELAY);
    EXPECT_EQ(score.points.at(0).slope, 0);  // the true one would not fit
    EXPECT_EQ(evaluate(score, delay, static_cast<std::uint64_t>(length - 1)), 0);
    EXPECT_EQ(evaluate(score, delay, static_cast<std::uint64_t>(length)), 120'000'000'000);
  }
}

TEST(Score, ThePlayersArithmeticNeedsNoSpecialCaseForTheLastPoint) {
  const Score score = delayed({{0, 500}, {kSecond, 500}});
  const fl_track& delay = score.tracks.at(FL_DELAY);
  const fl_point& last = score.points.at(delay.first + delay.count - 1);
  EXPECT_EQ(last.value, 0);
  EXPECT_EQ(last.slope, 0);
}

TEST(Score, LiveSpansDrainAndMerge) {
  const std::uint64_t drain = FL_DRAIN;
  Channel flapping;
  add_step(flapping.loss, {kSecond, 2 * kSecond}, 1);
  add_step(flapping.loss, {2 * kSecond + 10 * kMillisecond, 3 * kSecond}, 1);  // starts again while draining
  add_step(flapping.loss, {5 * kSecond, 6 * kSecond}, 1);
  const Score score = flatten({rule(0, flapping)}, 1);
  EXPECT_EQ(
      live(score, 0),
      (Live{{0, 0}, {1'000'000'000, 1}, {3'000'000'000 + drain, 0}, {5'000'000'000, 1}, {6'000'000'000 + drain, 0}}));
}

TEST(Score, LiveOutlastsWhatAnEpisodeHolds) {
  const std::uint64_t drain = FL_DRAIN;
  Channel episode;
  add_step(episode.delay, {kSecond, 2 * kSecond}, 3e8);
  add_step(episode.jitter, {kSecond, 2 * kSecond}, 1e8);
  // In the middle of its rule: a packet of 1.999 s may leave as late as 2.4 s.
  EXPECT_EQ(live(flatten({rule(0, episode)}, 1), 0), (Live{{0, 0}, {1'000'000'000, 1}, {2'400'000'000 + drain, 0}}));
  // Nothing is held beyond the rule's end.
  EXPECT_EQ(live(flatten({rule(0, episode, {0, 2 * kSecond + 100 * kMillisecond})}, 1), 0),
            (Live{{0, 0}, {1'000'000'000, 1}, {2'100'000'000 + drain, 0}}));
  EXPECT_EQ(live(flatten({rule(0, episode, {kSecond, 2 * kSecond})}, 1), 0),
            (Live{{0, 0}, {1'000'000'000, 1}, {2'000'000'000 + drain, 0}}));
}

TEST(Score, LiveCountsADelayThatDiesAwayOnlyAsFarAsItReaches) {
  Channel episode;
  episode.delay = {{kSecond, 2e8}, {2 * kSecond, 0}};  // t + delay grows to the end: all has left when it ends
  EXPECT_EQ(live(flatten({rule(0, episode)}, 1), 0).back().first, 2'000'000'000 + FL_DRAIN);
}

TEST(Score, LiveOutlastsTheSumOfDelaysThatMeet) {
  const std::uint64_t drain = FL_DRAIN;
  Channel a, b;
  add_step(a.delay, {kSecond, 2 * kSecond}, 3e8);
  add_step(b.delay, {kSecond, 2 * kSecond}, 2e8);
  EXPECT_EQ(live(flatten({rule(0, a), rule(0, b)}, 1), 0),
            (Live{{0, 0}, {1'000'000'000, 0b11}, {2'500'000'000 + drain, 0}}));
  // Rules of other sites, and of other times, do not count.
  EXPECT_EQ(live(flatten({rule(0, a), rule(1, b)}, 2), 0).back().first, 2'300'000'000 + drain);
  EXPECT_EQ(live(flatten({rule(0, a, {0, 10 * kSecond}), rule(0, b, {10 * kSecond, 20 * kSecond})}, 1), 0).back().first,
            2'300'000'000 + drain);
}

TEST(Score, LiveMasksOfOneSiteOverlap) {
  const std::uint64_t drain = FL_DRAIN;
  const Score score = flatten({severed(0, {0, kSecond}), severed(0, {kSecond, 3 * kSecond}), rule(0, {}),
                               severed(0, {static_cast<Ns>(kSecond + drain), 2 * kSecond})},
                              1);
  EXPECT_EQ(live(score, 0), (Live{{0, 0b1},
                                  {1'000'000'000, 0b11},
                                  {1'000'000'000 + drain, 0b1010},  // one off and one on at once: one entry
                                  {2'000'000'000 + drain, 0b10},
                                  {3'000'000'000 + drain, 0}}));
}

TEST(Score, EachSiteHasATableThatBeginsAtZero) {
  const Score score = flatten({severed(1, {kSecond, 2 * kSecond}), severed(3, {0, kSecond})}, 4);
  ASSERT_EQ(score.sites.size(), 4u);
  EXPECT_EQ(live(score, 0), (Live{{0, 0}}));
  EXPECT_EQ(live(score, 1).size(), 3u);
  EXPECT_EQ(live(score, 2), (Live{{0, 0}}));
  EXPECT_EQ(live(score, 3).front(), (std::pair<std::uint64_t, std::uint64_t>{0, 1}));
  EXPECT_EQ(score.sites[3].first_rule, 1u);
  EXPECT_EQ(score.sites[3].rule_count, 1u);
  EXPECT_EQ(score.sites[2].rule_count, 0u);
}

TEST(Score, TakesSixtyFourRulesASiteAtOnceAndNoMore) {
  std::vector<RuleSource> rules(FL_MAX_RULES_PER_SITE, severed(0, {0, kSecond}));
  for (std::uint32_t i = 0; i < rules.size(); i++) rules[i].fault = i;
  const Score score = flatten(rules, 1);
  EXPECT_EQ(score.live.front().mask, ~0ULL);
  EXPECT_EQ(score.live.front().bank, 0u);
  EXPECT_TRUE(score.banked.empty());
  EXPECT_EQ(score.banked_from(), 0u);
  const auto end_with = [&](Window window, std::uint32_t match) {
    rules.back() = severed(0, window);
    rules.back().match = match;
    rules.back().fault = FL_MAX_RULES_PER_SITE;
  };
  rules.push_back(severed(1, {0, kSecond}));
  EXPECT_NO_THROW(flatten(rules, 2));
  end_with({0, kSecond}, RuleSource::kNoOther);
  EXPECT_THROW(flatten(rules, 2), TooManyRules);
  for (auto& rule : rules) rule.match = 7;
  EXPECT_THROW(flatten(rules, 2), TooManyRules) << "alike, but at once";
  end_with({kSecond, 2 * kSecond}, 7);
  EXPECT_THROW(flatten(rules, 2), TooManyRules) << "what it follows is still draining";
  end_with({kSecond + static_cast<Ns>(FL_DRAIN), 2 * kSecond}, 7);
  EXPECT_NO_THROW(flatten(rules, 2));
  rules.back().match = 8;
  try {
    flatten(rules, 2);
    ADD_FAILURE() << "apart, but not alike";
  } catch (const TooManyRules& e) {
    EXPECT_EQ(e.site, 0u);
    EXPECT_NE(std::string(e.what()).find("would need a place for 65 at once"), std::string::npos) << e.what();
  }
}

// At every instant each live rule is found where its bit leads in the bank of that time, and nobody else.
TEST(Score, BanksSayWhichRuleABitIs) {
  constexpr Ns kStep = 500 * kMillisecond;
  std::vector<RuleSource> rules{severed(0, {0, kMinute})};
  for (int i = 0; i < 300; i++) {
    rules.push_back(severed(1, {i * kStep, i * kStep + kStep}));
    rules.back().match = 0;
  }
  for (int i = 0; i < 3; i++) {
    rules.push_back(severed(1, {i * 10 * kSecond, 120 * kSecond}));
    rules.back().match = 1;
  }
  rules.push_back(severed(2, {0, kMinute}));
  for (std::uint32_t i = 0; i < rules.size(); i++) rules[i].fault = i;
  const Score score = flatten(rules, 3);
  const SiteScore& site = score.sites[1];
  EXPECT_EQ(site.first_rule, 1u);
  EXPECT_EQ(score.sites[2].first_rule, 304u);
  EXPECT_LT(score.banked.size(), 64u * 10) << "a bank lasts long";
  ASSERT_EQ(site.first_bank, 0u);
  EXPECT_EQ(score.first_bank(site), score.rules.size());
  std::size_t banks = 0;
  for (std::uint32_t i = 0; i < site.live_count; i++) {
    const fl_live& entry = score.live[site.first_live + i];
    ASSERT_NE(entry.bank, 0u);
    banks += i > 0 && entry.bank != score.live[site.first_live + i - 1].bank;
    std::set<std::uint32_t> seen, expected;
    for (std::uint64_t mask = entry.mask; mask != 0; mask &= mask - 1)
      seen.insert(score.rule_of(site, entry.bank, static_cast<std::uint32_t>(std::countr_zero(mask))));
    for (std::uint32_t rule = 1; rule < 304; rule++)
      if (score.rules[rule].start <= entry.t && entry.t < score.rules[rule].end + FL_DRAIN) expected.insert(rule);
    ASSERT_EQ(seen, expected) << entry.t;
  }
  EXPECT_GT(banks, 2u);
  EXPECT_EQ(score.banked_from(), score.rules.size());
  for (const std::uint32_t other : {0u, 2u}) {
    EXPECT_EQ(score.live[score.sites[other].first_live].bank, 0u);
    EXPECT_EQ(score.rule_of(score.sites[other], 0, 0), score.sites[other].first_rule);
  }
}

TEST(Score, RefusesWhatOnlyADefectCanBring) {
  EXPECT_THROW(lossy({{0, 1.5}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(lossy({{0, -0.1}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(lossy({{0, std::numeric_limits<double>::quiet_NaN()}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(delayed({{0, 121e9}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(delayed({{-1, 1}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(delayed({{2, 1}, {1, 0}}), std::invalid_argument);
  EXPECT_THROW(flatten({severed(1, {0, 1}), severed(0, {0, 1})}, 2), std::invalid_argument);
  EXPECT_THROW(flatten({severed(2, {0, 1})}, 2), std::invalid_argument);
}

}  // namespace faultline::faults
