// The search for a margin against services whose limit is known, sharp or with chance around it.
#include "injector/run/margin_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace faultline::run {
namespace {

using End = MarginSearch::End;

int play(MarginSearch& search, const std::function<Tried(double)>& service) {
  int runs = 0;
  while (const auto value = search.next()) {
    search.add(*value, service(*value));
    if (++runs > 200) break;
  }
  return runs;
}

Tried below(double limit, double value) { return value <= limit ? Tried::held : Tried::broken; }

TEST(MarginSearch, FindsASharpLimit) {
  for (const double limit : {12.0, 40.0, 300.0, 1234.0, 1990.0}) {
    MarginSearch search(10, 2000, 0.05);
    const int runs = play(search, [&](double value) { return below(limit, value); });
    const auto margin = search.margin();
    EXPECT_EQ(margin.end, End::found) << limit;
    EXPECT_LE(*margin.held, limit);
    EXPECT_GT(*margin.broken, limit);
    EXPECT_LE(*margin.broken - *margin.held, 0.05 * *margin.broken);
    EXPECT_LE(runs, 13) << limit << ": two ends, seven or so halvings, and both ends again";
  }
}

TEST(MarginSearch, GoesDownwardsWhereLessIsWorse) {
  MarginSearch search(1e9, 1e6, 0.1);  // a rate
  play(search, [](double value) { return value >= 5e7 ? Tried::held : Tried::broken; });
  const auto margin = search.margin();
  EXPECT_EQ(margin.end, End::found);
  EXPECT_GE(*margin.held, 5e7);
  EXPECT_LT(*margin.broken, 5e7);
}

TEST(MarginSearch, BeginsAtZero) {
  MarginSearch search(0, 1, 0.05);  // a share
  play(search, [](double value) { return below(0.3, value); });
  const auto margin = search.margin();
  EXPECT_EQ(margin.end, End::found);
  EXPECT_LE(*margin.held, 0.3);
  EXPECT_GT(*margin.broken, 0.3);
}

TEST(MarginSearch, SaysWhereThereIsNoLimitInReach) {
  MarginSearch never(10, 2000, 0.05), always(10, 2000, 0.05);
  EXPECT_EQ(play(never, [](double) { return Tried::broken; }), 2) << "once more, to be sure";
  EXPECT_EQ(never.margin().end, End::none_held);
  EXPECT_EQ(play(always, [](double) { return Tried::held; }), 3);
  EXPECT_EQ(always.margin().end, End::all_held);
}

TEST(MarginSearch, GivesUpOnWhatCannotBeJudged) {
  MarginSearch search(10, 2000, 0.05);
  EXPECT_EQ(play(search, [](double) { return Tried::unknown; }), MarginSearch::kMostUnknown);
  EXPECT_EQ(search.margin().end, End::unknown);
}

TEST(MarginSearch, TriesAgainWhatCouldNotBeJudgedOnce) {
  MarginSearch search(10, 2000, 0.05);
  int n = 0;
  play(search, [&](double value) { return n++ % 3 == 0 ? Tried::unknown : below(300, value); });
  EXPECT_EQ(search.margin().end, End::found);
}

TEST(MarginSearch, BearsChanceAroundTheLimit) {
  std::mt19937 random(1);
  int near = 0;
  constexpr int kSearches = 200;
  for (int i = 0; i < kSearches; i++) {
    MarginSearch search(10, 2000, 0.05);
    // Beyond 10 % of the limit the answer is sure, within it is chance, the more the nearer.
    const int runs = play(search, [&](double value) {
      const double sure = std::log(value / 300) / std::log(1.1);
      const double share = 1 / (1 + std::exp(6 * sure));
      return std::uniform_real_distribution<>(0, 1)(random) < share ? Tried::held : Tried::broken;
    });
    EXPECT_LE(runs, MarginSearch::kMostRuns);
    const auto margin = search.margin();
    near += margin.end == End::found && std::abs(std::log(*margin.held / 300)) < std::log(1.15);
  }
  EXPECT_GE(near, kSearches * 95 / 100);
}

}  // namespace
}  // namespace faultline::run
