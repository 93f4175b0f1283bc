// Better, worse or noise: of records whose latencies are drawn, so that what is true is known.
#include "injector/report/compare.h"

#include <cmath>
#include <map>
#include <random>

#include "injector/record/json_fields.h"
#include "injector/report/bootstrap.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/say.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using record::Recording;

TEST(Compare, PairsByNameAndTellsTheChange) {
  record::Recording a = good_recording(), b = good_recording();
  b.seed = a.seed + 1;
  for (auto& answer : b.probes[0].answers) answer.latency *= 2;
  b.faults[0].name = "other";
  const Comparison comparison = compare({keep(a)}, {keep(b)});
  const auto c = record::to_json(comparison);
  ASSERT_EQ(c["faults"].size(), 2u);
  EXPECT_TRUE(c["faults"][0]["b"].is_null());
  EXPECT_TRUE(c["faults"][1]["a"].is_null());
  EXPECT_EQ(c["probes"][0]["phases"][0]["name"], "baseline");
  EXPECT_EQ(c["probes"][0]["phases"][0]["a"]["success"], 1.0);
  const std::string text = render_comparison(comparison).bytes();
  EXPECT_NE(text.find("the seeds differ"), std::string::npos) << text;
  EXPECT_NE(text.find("+100%"), std::string::npos) << text;
  EXPECT_NE(text.find("packets A"), std::string::npos) << text;
}

TEST(Compare, CutsNoNameAndTellsNothingOfWhatWasNotAsked) {
  record::Recording r = good_recording();
  const std::string name = "the second of two beliefs whose names begin alike: channel B";
  r.hypotheses[0].name = name;
  r.probes[0].answers.clear();
  const std::string text = render_comparison(compare({keep(r)}, {keep(r)})).bytes();
  EXPECT_NE(text.find(name + "\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("  baseline"), std::string::npos) << text;
}

TEST(Compare, OfARunWithItselfNothingDiffers) {
  const auto c = compare({keep(good_recording())}, {keep(good_recording())});
  EXPECT_EQ(c.verdict, Change::noise) << c.told;
  EXPECT_TRUE(c.remarks.empty());
  EXPECT_EQ(render_comparison(c).bytes().find("FAILED"), std::string::npos);
}

/// How a service behaves while a record of it is drawn.
struct Service {
  double slower = 1;     ///< by this factor, in every phase
  double failing = 0;    ///< share of requests while the fault lasts
  double stalls = 0.02;  ///< share of half seconds in which it is five times as slow
  Ns typical = 20 * kMillisecond;
  auto operator<=>(const Service&) const = default;
};

/// The run of the fixture with drawn latencies: spread by 15 %, each like those around it, and now and then a stall.
Recording drawn(std::uint64_t seed, const Service& service = {}) {
  std::mt19937_64 random(seed);
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) / 9007199254740992.0; };
  const auto normal = [&] { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * M_PI * uniform()); };
  constexpr double kAlike = 0.8, kSpread = 0.15;
  Recording r = good_recording();
  double level = normal();
  bool stalled = false;
  for (auto& one : r.probes[0].answers) {
    level = kAlike * level + std::sqrt(1 - kAlike * kAlike) * normal();
    if (one.due % (500 * kMillisecond) == 0) stalled = uniform() < service.stalls;
    const double latency = static_cast<double>(service.typical) * std::exp(kSpread * level) * (stalled ? 5 : 1);
    one.latency = static_cast<Ns>(latency * service.slower);
    const bool faulted = one.due >= 10 * kSecond && one.due < 20 * kSecond;
    if (uniform() < (faulted ? service.failing : 0)) one.error = r.probes[0].error_index("timeout");
  }
  return r;
}

/// Drawn and kept once, for all tests.
const KeptRun& kept(std::uint64_t seed, const Service& service = {}) {
  static std::map<std::pair<std::uint64_t, Service>, KeptRun> all;
  const auto [it, added] = all.try_emplace({seed, service});
  if (added) it->second = keep(drawn(seed, service));
  return it->second;
}

constexpr int kPairs = 20;

TEST(CompareChance, EqualPairsAreSilent) {
  for (std::uint64_t pair = 0; pair < kPairs; pair++) {
    const auto c = compare({kept(2 * pair + 1)}, {kept(2 * pair + 2)});
    EXPECT_EQ(c.verdict, Change::noise) << "pair " << pair << ": " << c.told;
    EXPECT_EQ(c.exit_code, 0);
  }
}

TEST(CompareChance, APlantedRegressionIsTold) {
  for (std::uint64_t pair = 0; pair < kPairs; pair++) {
    const auto before = kept(2 * pair + 1), after = kept(2 * pair + 2, {.slower = 1.2});
    const auto c = compare({before}, {after});
    EXPECT_EQ(c.verdict, Change::worse) << "pair " << pair << ": " << c.told;
    EXPECT_EQ(c.exit_code, 1);
    const auto back = compare({after}, {before});
    EXPECT_EQ(back.verdict, Change::better) << "pair " << pair << ": " << back.told;
    EXPECT_EQ(back.exit_code, 0);
  }
}

// Both differ by chance in every request: no alarm. Both have a fifth of their requests fail: none either.
TEST(CompareChance, WhatFailsAlikeIsSilentAndWhatFailsMoreIsTold) {
  for (std::uint64_t pair = 0; pair < kPairs; pair++) {
    const Service flaky{.failing = 0.2};
    const auto equal = compare({kept(2 * pair + 1, flaky)}, {kept(2 * pair + 2, flaky)});
    EXPECT_EQ(equal.verdict, Change::noise) << "pair " << pair << ": " << equal.told;
    const auto c = compare({kept(2 * pair + 1)}, {kept(2 * pair + 2, flaky)});
    EXPECT_EQ(c.verdict, Change::worse) << "pair " << pair << ": " << c.told;
    EXPECT_NE(c.told.find("success 100% -> "), std::string::npos) << c.told;
  }
}

// A change that is there, and that nobody would act upon.
TEST(CompareChance, WhatIsTooSmallToMatterIsNoise) {
  for (std::uint64_t pair = 0; pair < kPairs; pair++) {
    const auto c = compare({kept(2 * pair + 1, {.stalls = 0})}, {kept(2 * pair + 2, {.slower = 1.02, .stalls = 0})});
    EXPECT_EQ(c.verdict, Change::noise) << "pair " << pair << ": " << c.told;
  }
  const Service quick{.typical = 200 * kMicrosecond};
  const auto c = compare({kept(1, quick)}, {kept(2, {.slower = 1.2, .typical = 200 * kMicrosecond})});
  EXPECT_EQ(c.verdict, Change::noise) << c.told << ": 0.04 ms";
}

TEST(CompareChance, TheSameRecordsGiveTheSameAnswer) {
  const auto one = kept(1), other = kept(2, {.slower = 1.2});
  EXPECT_EQ(record::to_json(compare({one}, {other})), record::to_json(compare({one}, {other})));
}

// Each run has a level of its own, as on machines that are not alike: two runs cannot know that, a series does.
TEST(CompareSeries, RunsThatDifferByThemselvesShowWhatIsNoise) {
  const double levels[] = {1, 1.3, 0.9, 1.2, 1.05};
  std::vector<KeptRun> before;
  for (std::uint64_t i = 0; i < std::size(levels); i++) before.push_back(kept(i + 1, {.slower = levels[i]}));
  const auto last = kept(9, {.slower = 1.3});
  EXPECT_EQ(compare({before.front()}, {last}).verdict, Change::worse);
  EXPECT_EQ(compare(before, {last}).verdict, Change::noise) << compare(before, {last}).told;
  const auto worse = compare(before, {kept(10, {.slower = 3})});
  EXPECT_EQ(worse.verdict, Change::worse) << worse.told;
  EXPECT_EQ(worse.runs_a, 5u);
}

TEST(CompareSeries, WhatTheFirstRunDidNotAskIsComparedAllTheSame) {
  KeptRun less = kept(1);
  less.probes.clear();
  less.summary.probes.clear();
  for (const auto& before : {std::vector{less, kept(2), kept(3)}, std::vector{kept(2), kept(3), less}}) {
    const auto c = compare(before, {kept(9, {.slower = 3})});
    EXPECT_EQ(c.runs_a, 3u);
    EXPECT_EQ(c.verdict, Change::worse) << c.told;
  }
}

TEST(CompareSeries, RunsThatAreNoMeasurementDoNotCount) {
  Recording unlucky = drawn(2, {.slower = 3});
  unlucky.faults[0].account->matched = 0;  // inconclusive
  Recording cut_off = drawn(3, {.slower = 3});
  cut_off.ended = false;
  const auto c = compare({keep(drawn(1))}, {keep(unlucky), keep(cut_off), keep(drawn(4))});
  EXPECT_EQ(c.verdict, Change::noise) << c.told;
  EXPECT_EQ(c.runs_b, 1u);
  ASSERT_EQ(c.left_out.size(), 2u);
  EXPECT_EQ(c.left_out[0].reason, "it was inconclusive");
  EXPECT_EQ(c.left_out[1].reason, "its journal has no end");
  const auto none = compare({keep(drawn(1))}, {keep(unlucky)});
  EXPECT_EQ(none.verdict, Change::not_judged);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.told.find("not judged: no run after counts"), 0u) << none.told;
}

TEST(Compare, SaysWhyAFigureIsNotJudged) {
  Recording brief = good_recording();
  brief.faults[0].end = 13 * kSecond;
  Recording rare = good_recording();
  std::erase_if(rare.probes[0].answers,
                [](const record::Requests& one) { return one.due % (200 * kMillisecond) != 0; });
  rare.probes[0].every = 200 * kMillisecond;
  const auto reason = [](const Comparison& c, const char* phase, const char* figure) {
    for (const auto& one : c.figures)
      if (one.phase == phase && one.figure == figure) return one.reason;
    return std::string("it is not there");
  };
  const auto first = compare({keep(brief)}, {keep(brief)});
  EXPECT_EQ(reason(first, "cut", "p50"), "the phase is too short: 6 blocks of time, 8 are needed");
  EXPECT_EQ(reason(first, "baseline", "p50"), "");
  EXPECT_EQ(reason(compare({keep(good_recording())}, {keep(brief)}), "cut", "p50"),
            "the phase does not last equally long in all runs");
  const auto few = compare({keep(rare)}, {keep(rare)});
  EXPECT_EQ(reason(few, "cut", "p50"), "");
  EXPECT_EQ(reason(few, "cut", "p99"), "too few requests: 50, 1000 are needed");
}

TEST(Compare, NeverIsSlowerThanAnything) {
  const auto c = compare({keep(drawn(1))}, {keep(drawn(2, {.failing = 0.3}))});
  int seen = 0;
  for (const auto& one : c.figures)
    if (one.phase == "cut" && one.figure == "p90") {
      seen++;
      EXPECT_FALSE(one.b);
      EXPECT_FALSE(one.change);
      EXPECT_EQ(one.verdict, Change::worse) << one.phase;
      EXPECT_NE(figure_text(one).find(" -> never"), std::string::npos) << figure_text(one);
    }
  EXPECT_EQ(seen, 1);
}

TEST(Compare, TellsTheAnswerFirstOnEveryWay) {
  Recording before = drawn(1), after = drawn(2, {.slower = 1.5});
  after.title = "A <test> | of `markup`";
  const auto c = compare({keep(before)}, {keep(after)});
  EXPECT_EQ(c.told.find("worse: pay during "), 0u) << c.told;
  EXPECT_EQ(render_comparison(c).bytes().find(c.told + "\n"), 0u);
  const std::string text = comparison_markdown(c);
  EXPECT_EQ(text.find("## ❌ A \\<test\\> \\| of \\`markup\\`\n\nworse: pay during "), 0u) << text;
  EXPECT_NE(text.find("| ❌ | pay | cut | p50 | "), std::string::npos) << text;
  const std::string page = comparison_page(c);
  EXPECT_NE(page.find("class=\"verdict worse\">worse"), std::string::npos);
  EXPECT_EQ(page.find("<test>"), std::string::npos);
  EXPECT_NE(page.find("<tr class=\"worse\"><td class=\"name\" data-label=\"of\">pay</td>"), std::string::npos);
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

// The band of the page is the rule's: what lies in it is noise, what lies beyond it may not be.
TEST(Compare, ThePagesBandIsWhatIsTooSmallToMatter) {
  const CompareRules rules;
  const auto same = [](const Band& band, double low, double high) {
    EXPECT_NEAR(band.low, low, 1e-9);
    EXPECT_NEAR(band.high, high, 1e-9);
  };
  same(too_small(kFigures[0], 0.5, rules), -0.05, 0.05);
  same(too_small(kFigures[0], 0.99, rules), -0.01, 0.01);
  same(too_small(kFigures[1], 100, rules), 1 / 1.1 - 1, 0.1);
  same(too_small(kFigures[1], 2, rules), -0.25, 0.25);

  Comparison c;
  c.confidence = rules.confidence;
  c.least_change = rules.least_change;
  ComparedFigure& figure = c.figures.emplace_back();
  figure.figure = "success";
  figure.a = figure.b = 0.5;
  figure.change = figure.low = figure.high = 0;
  const std::string page = comparison_page(c);
  EXPECT_NE(page.find("<rect class=\"band\" x=\"90.0\" y=\"0\" width=\"20.0\""), std::string::npos)
      << page.substr(page.find("class=\"band\""), 80);
}

/// Files of runs, kept by themselves.
struct Files : TemporaryFolder {
  std::string keeping(const std::string& name, const Recording& r) { return write(name, baseline_document({keep(r)})); }
};

TEST(CompareCommand, OfSeveralTheLastIsComparedWithThoseBefore) {
  Files files;
  const auto a = files.keeping("a", drawn(1)), b = files.keeping("b", drawn(2)),
             slow = files.keeping("slow", drawn(3, {.slower = 1.5}));
  EXPECT_EQ(cli::say({"compare", a, b}).status, 0);
  const cli::Said worse = cli::say({"compare", a, b, slow});
  EXPECT_EQ(worse.status, 1) << worse.error;
  EXPECT_EQ(worse.out.find("worse: pay during "), 0u) << worse.out;
  EXPECT_NE(worse.out.find("2 runs before, 1 after"), std::string::npos) << worse.out;
  EXPECT_EQ(cli::say({"compare", slow, a}).status, 0);
  EXPECT_EQ(cli::say({"compare", a}).status, 3) << "nothing to compare with";
}

TEST(CompareCommand, ARunIsComparedWithAKeptBaseline) {
  Files files;
  const auto a = files.keeping("a", drawn(1)), b = files.keeping("b", drawn(2)),
             slow = files.keeping("slow", drawn(3, {.slower = 1.5}));
  const std::string kept = files.path() / "baseline.json";
  const cli::Said said = cli::say({"compare", "--keep", kept, a, b});
  EXPECT_EQ(said.status, 0) << said.error;
  EXPECT_NE(said.out.find("2 runs kept in "), std::string::npos) << said.out;
  for (const auto& [run, status] : {std::pair{a, 0}, {slow, 1}}) {
    const auto c = cli::say({"compare", "--baseline", kept, "--json", run});
    EXPECT_EQ(c.status, status) << c.error;
    EXPECT_EQ(nlohmann::json::parse(c.out).at("runs_a"), 2);
  }
  const auto two =
      nlohmann::json::parse(cli::say({"compare", "--baseline", a, "--baseline", b, "--json", slow, slow}).out);
  EXPECT_EQ(two.at("runs_a"), 2);
  EXPECT_EQ(two.at("runs_b"), 2);
  EXPECT_EQ(two.at("verdict"), "worse");
  EXPECT_EQ(cli::say({"compare", "--baseline", a, "--keep", kept, b}).status, 3) << "a wish too many";
}

TEST(CompareCommand, WhatIsWrongWithABaselineIsSaidInWords) {
  Files files;
  const auto a = files.keeping("a", drawn(1));
  const std::string whole = files.read("a");
  for (const auto& [text, why] : {std::pair{whole.substr(0, whole.size() / 2), "it is damaged"},
                                  {std::string("{\"runs\":[],\"version\":1}"), "it holds no run"},
                                  {std::string("{\"runs\":[],\"version\":2}"), "it is of another version"},
                                  {std::string("{\"runs\":7,\"version\":2}"), "it is of another version"},
                                  {std::string("{\"runs\":[],\"version\":\"x\"}"), "it is of another version"},
                                  {std::string("{\"runs\":7,\"version\":1}"), "it is damaged"}}) {
    const auto said = cli::say({"compare", a, files.write("broken", text)});
    EXPECT_EQ(said.status, 3);
    EXPECT_NE(said.error.find("broken is no baseline that can be read: " + std::string(why)), std::string::npos)
        << said.error;
  }
}

TEST(CompareCommand, WritesAPageAndMarkdown) {
  Files files;
  const auto a = files.keeping("a", drawn(1)), slow = files.keeping("slow", drawn(3, {.slower = 1.5}));
  const std::string page = files.path() / "c.html", text = files.path() / "c.md";
  EXPECT_EQ(cli::say({"compare", a, slow, "--html", page, "--markdown", text}).status, 1);
  EXPECT_NE(files.read("c.html").find("class=\"verdict worse\""), std::string::npos);
  EXPECT_EQ(files.read("c.md").find("## ❌ A test\n"), 0u) << files.read("c.md");
  EXPECT_EQ(cli::say({"compare", a, slow, "--html", files.path() / "none" / "c.html"}).status, 4);
}

TEST(CompareCommand, WhatIsSmallerThanLeastIsNoise) {
  Files files;
  const auto a = files.keeping("a", drawn(1)), slow = files.keeping("slow", drawn(3, {.slower = 1.5}));
  EXPECT_EQ(cli::say({"compare", a, slow, "--least", "90%"}).status, 0);
  EXPECT_EQ(cli::say({"compare", a, slow, "--least", "20%"}).status, 1);
  for (const auto& [least, why] : {std::pair{"0.2", "did you mean \"20%\"?"}, {"0%", "write a share above 0%"}}) {
    const auto said = cli::say({"compare", a, slow, "--least", least});
    EXPECT_EQ(said.status, 3);
    EXPECT_NE(said.error.find(fmt::format("--least {}: ", least)), std::string::npos) << said.error;
    EXPECT_NE(said.error.find(why), std::string::npos) << said.error;
  }
}

// Student's t by tables: Abramowitz and Stegun, table 26.10.
TEST(Bootstrap, StudentsTIsThatOfTheTables) {
  const std::tuple<unsigned, double, double> table[] = {{1, 12.706, 0.05}, {2, 9.925, 0.01},  {5, 4.032, 0.01},
                                                        {10, 3.169, 0.01}, {19, 2.093, 0.05}, {30, 3.646, 0.001},
                                                        {39, 2.708, 0.01}};
  for (const auto& [freedom, t, p] : table) {
    EXPECT_NEAR(beyond_t(t, freedom) / p, 1, 0.002) << freedom;
    EXPECT_NEAR(t_beyond(p, freedom) / t, 1, 0.001) << freedom;
  }
}

// Holm's own steps: the least times four, the next times three and not below it, and so on.
TEST(Bootstrap, HolmCorrectsForHowManyThereAre) {
  const auto corrected = holm({0.01, 0.005, 0.03, 0.04});
  const double expected[] = {0.03, 0.02, 0.06, 0.06};
  for (std::size_t i = 0; i < 4; i++) EXPECT_NEAR(corrected[i], expected[i], 1e-12) << i;
}

}  // namespace
}  // namespace faultline::report
