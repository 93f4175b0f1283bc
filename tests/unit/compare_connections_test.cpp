// Better, worse or noise of what became of connections: of records that are drawn, so that what is true is known.
#include <cmath>
#include <map>
#include <random>

#include "injector/record/json_fields.h"
#include "injector/report/bootstrap.h"
#include "injector/report/compare.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using record::Recording;

/// What becomes of a target's connections while a record of it is drawn.
struct Network {
  double slower = 1;                 ///< round trips and answers, by this factor
  double often = 1;                  ///< what goes wrong happens so many times as often
  double retransmits = 40;           ///< a second
  double failed = 15, timeouts = 8;  ///< likewise
  auto operator<=>(const Network&) const = default;
};

/// The fixture's run, with connections of "web": round trips of 20 ms that spread by 15 %, each like those before it;
/// numbers as Poisson has them, and a burst of ten in one of fifty spans.
Recording drawn_network(std::uint64_t seed, const Network& network = {}) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Recording r = good_recording();
  record::TelemetryRecord web{"web"};
  const auto number = [&](double a_second) -> std::uint64_t {
    if (a_second <= 0) return 0;
    const double burst = random() % 50 == 0 ? 10 : 0;
    return std::poisson_distribution<std::uint64_t>(network.often * (a_second / 10 + burst))(random);
  };
  constexpr double kAlike = 0.8, kSpread = 0.15;
  double level = normal(random);
  for (Ns from = 0; from < r.duration; from += 100 * kMillisecond) {
    auto span = bucket(from);
    span.opened = 20;
    span.packets_sent = 1000;
    span.retransmits = number(network.retransmits);
    span.timeouts = number(network.timeouts);
    if (const auto failed = number(network.failed); failed > 0) span.failed = {{"refused", failed}};
    std::map<Ns, std::uint64_t> rtt, turns;
    for (int i = 0; i < 10; i++) {
      level = kAlike * level + std::sqrt(1 - kAlike * kAlike) * normal(random);
      const double took = 20e6 * std::exp(kSpread * level) * network.slower;
      rtt[static_cast<Ns>(took)]++;
      turns[static_cast<Ns>(2 * took)]++;
    }
    span.rtt.assign(rtt.begin(), rtt.end());
    span.turns.emplace(turns.begin(), turns.end());
    web.buckets.push_back(span);
  }
  r.telemetry.push_back(web);
  return r;
}

/// Drawn and kept once, for all tests.
const KeptRun& kept_network(std::uint64_t seed, const Network& network = {}) {
  static std::map<std::pair<std::uint64_t, Network>, KeptRun> all;
  const auto [it, added] = all.try_emplace({seed, network});
  if (added) it->second = keep(drawn_network(seed, network));
  return it->second;
}

/// The verdict on each figure of web's connections in the whole run.
std::map<std::string, Change> verdicts(const Comparison& c) {
  std::map<std::string, Change> all;
  for (const auto& one : c.figures)
    if (one.telemetry == "web" && one.phase == "run") all[one.figure] = one.verdict;
  return all;
}

constexpr std::uint64_t kPairsOfRuns = 20;

TEST(CompareConnectionsChance, EqualPairsAreSilent) {
  for (std::uint64_t pair = 0; pair < kPairsOfRuns; pair++) {
    const auto c = compare({kept_network(2 * pair + 1)}, {kept_network(2 * pair + 2)});
    EXPECT_EQ(c.verdict, Change::noise) << "pair " << pair << ": " << c.told;
    EXPECT_EQ(verdicts(c).size(), std::size(kRttFigures) + std::size(kTurnFigures) + std::size(kKeptNumbers));
  }
}

TEST(CompareConnectionsChance, SlowerRoundTripsAreTold) {
  for (std::uint64_t pair = 0; pair < kPairsOfRuns; pair++) {
    const auto before = kept_network(2 * pair + 1), after = kept_network(2 * pair + 2, {.slower = 1.25});
    const auto c = compare({before}, {after});
    EXPECT_EQ(c.verdict, Change::worse) << "pair " << pair << ": " << c.told;
    EXPECT_EQ(verdicts(c).at("rtt.p50"), Change::worse) << "pair " << pair;
    EXPECT_EQ(verdicts(c).at("turns.p50"), Change::worse) << "pair " << pair;
    EXPECT_EQ(verdicts(c).at("retransmits"), Change::noise) << "pair " << pair;
    EXPECT_EQ(compare({after}, {before}).verdict, Change::better) << "pair " << pair;
  }
}

TEST(CompareConnectionsChance, MoreRetransmissionsAndFailedConnectionsAreTold) {
  for (std::uint64_t pair = 0; pair < kPairsOfRuns; pair++) {
    const auto before = kept_network(2 * pair + 1), after = kept_network(2 * pair + 2, {.often = 2.5});
    const auto c = compare({before}, {after});
    EXPECT_EQ(c.verdict, Change::worse) << "pair " << pair << ": " << c.told;
    EXPECT_EQ(verdicts(c).at("retransmits"), Change::worse) << "pair " << pair;
    EXPECT_EQ(verdicts(c).at("connections.failed"), Change::worse) << "pair " << pair;
    EXPECT_EQ(verdicts(c).at("rtt.p99"), Change::noise) << "pair " << pair;
    EXPECT_EQ(compare({after}, {before}).verdict, Change::better) << "pair " << pair;
  }
}

// From none at all: there is no share by which it is more.
TEST(CompareConnectionsChance, WhatWasNotThereBeforeIsTold) {
  const Network clean{.retransmits = 0, .failed = 0, .timeouts = 0};
  const auto c = compare({kept_network(1, clean)}, {kept_network(2)});
  EXPECT_EQ(verdicts(c).at("retransmits"), Change::worse) << c.told;
  EXPECT_EQ(c.told.find("worse: web's connections during "), 0u) << c.told;
  EXPECT_NE(c.told.find(" 0/s -> "), std::string::npos) << c.told;
  const auto text = render_comparison(c).bytes();
  EXPECT_NE(text.find("web's connections during"), std::string::npos) << text;
  EXPECT_NE(comparison_markdown(c).find("| ❌ | web's connections | run | retransmits | 0/s | "), std::string::npos);
  EXPECT_NE(
      comparison_page(c).find("<tr class=\"worse\"><td class=\"name\" data-label=\"of\">web&#39;s connections</td>"),
      std::string::npos);
  const auto none = compare({kept_network(1, clean)}, {kept_network(2, clean)});
  EXPECT_EQ(verdicts(none).at("retransmits"), Change::noise);
}

// One burst, however large, is one thing that happened.
TEST(CompareConnections, ABurstIsNoChange) {
  Recording burst = drawn_network(2);
  burst.telemetry[0].buckets[155].retransmits += 5000;
  const auto c = compare({kept_network(1)}, {keep(burst)});
  EXPECT_EQ(verdicts(c).at("retransmits"), Change::noise) << c.told;
}

TEST(CompareConnections, FewerThanTenAreTooFewToMatter) {
  const Network clean{.retransmits = 0, .failed = 0, .timeouts = 0};
  Recording few = drawn_network(2, clean);
  for (std::size_t i = 0; i < 9; i++) few.telemetry[0].buckets[30 * i + 5].retransmits = 1;
  EXPECT_EQ(verdicts(compare({kept_network(1, clean)}, {keep(few)})).at("retransmits"), Change::noise);
}

TEST(CompareConnections, WhatWasNotCountedIsNotCompared) {
  Recording r = drawn_network(2);
  record::events::Uncounted lack;
  lack.series = {"retransmits"};
  lack.why = "for a test";
  r.telemetry[0].uncounted.push_back(lack);
  for (auto& span : r.telemetry[0].buckets) span.turns.reset();
  const auto found = verdicts(compare({kept_network(1)}, {keep(r)}));
  EXPECT_FALSE(found.contains("retransmits"));
  EXPECT_FALSE(found.contains("turns.p50"));
  EXPECT_TRUE(found.contains("rtt.p50"));
  r.telemetry.clear();
  EXPECT_TRUE(verdicts(compare({kept_network(1)}, {keep(r)})).empty());
}

TEST(CompareConnections, ASeriesKnowsHowMuchRunsDiffer) {
  std::vector<KeptRun> before;
  for (std::uint64_t i = 0; i < 5; i++) before.push_back(kept_network(i + 1, {.often = i % 2 == 0 ? 1.0 : 3.0}));
  EXPECT_EQ(verdicts(compare({before.front()}, {kept_network(9, {.often = 3})})).at("retransmits"), Change::worse);
  EXPECT_EQ(verdicts(compare(before, {kept_network(9, {.often = 3})})).at("retransmits"), Change::noise);
}

TEST(CompareConnections, AreKeptInABaseline) {
  const KeptRun& run = kept_network(1);
  const auto read = record::from_json<Baseline>(nlohmann::json::parse(baseline_document({run})));
  EXPECT_EQ(record::to_json(compare({run}, {kept_network(2, {.often = 3})})),
            record::to_json(compare(read.runs, {kept_network(2, {.often = 3})})));
}

}  // namespace
}  // namespace faultline::report
