// What the report's page is drawn from: figures of recordings that are known, its bounds, and what strangers wrote.
#include "injector/report/page_data.h"

#include <gtest/gtest.h>

#include "injector/plan/asked.h"
#include "injector/record/json_fields.h"
#include "injector/report/page_charts.h"
#include "injector/report/report.h"
#include "tests/unit/field_rows.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using record::Recording;

PageData data_of(const Recording& r) { return page_data(r, summarize(r, record::judge(r))); }

const PageChart& chart(const PageData& data, const std::string& id) {
  for (const auto& one : data.charts)
    if (one.id == id) return one;
  throw std::runtime_error("there is no chart " + id);
}
const PageSeries& series(const PageChart& chart, const std::string& name) {
  for (const auto& one : chart.series)
    if (one.name == name) return one;
  throw std::runtime_error("there is no series " + name);
}

TEST(PageData, HasWhatARunCameToOverTime) {
  Recording r = good_recording();  // 30 s, "cut" from 10 s to 20 s
  replace_requests(r, 12 * kSecond, 13 * kSecond, false, kSecond);
  r.faults[0].on = {"shop"};
  r.faults[0].episodes = {{11 * kSecond, 12 * kSecond}};
  r.notes = {{15 * kSecond, "the pager rang", "alice"}, {{}, "before", "bob"}};
  const PageData data = data_of(r);
  EXPECT_EQ(data.until_s, 30);
  EXPECT_EQ(data.phases.size(), 3u);
  ASSERT_EQ(data.lanes.size(), 1u);
  EXPECT_EQ(data.lanes[0].where, "shop");
  EXPECT_EQ(data.lanes[0].from_s, 10);
  EXPECT_EQ(data.lanes[0].episodes, (std::vector<SpanS>{{11, 12}}));
  ASSERT_GE(data.marks.size(), 1u);
  const auto note = std::find_if(data.marks.begin(), data.marks.end(), [](const auto& m) { return m.kind == "note"; });
  ASSERT_NE(note, data.marks.end());
  EXPECT_EQ(note->text, "the pager rang (alice)");
  EXPECT_EQ(note->at_s, 15);

  const auto& success = chart(data, "success");
  EXPECT_EQ(success.probe, "pay");
  const auto cell = [&](double s) { return static_cast<std::size_t>(s / success.cell_s); };
  EXPECT_EQ(success.series[0].values.at(cell(11)), 1.0);
  EXPECT_EQ(success.series[0].values.at(cell(12.5)), 0.0);
  const auto& latency = chart(data, "latency");
  EXPECT_EQ(series(latency, "p50").values.at(cell(11)), 2.0);
  EXPECT_FALSE(series(latency, "p50").values.at(cell(12.5))) << "none succeeded then";
  const auto& outcomes = chart(data, "outcomes");
  EXPECT_NEAR(*series(outcomes, "timeout").values.at(cell(12.5)), 50, 1);
  EXPECT_EQ(series(outcomes, "ok").values.at(cell(12.5)), 0.0);
}

TEST(PageData, DrawsTheBoundsOfHypothesesWhereTheyAreAsked) {
  Recording r = good_recording();
  for (auto& answer : r.probes[0].answers) answer.latency = 300 * kMillisecond;
  r.hypotheses[0].p50 = {plan::Bound::Op::le, 2, "<= 2x baseline", plan::Bound::Measure::times_baseline};
  r.hypotheses[0].after = 2 * kSecond;
  const PageData data = data_of(r);
  const auto& drawn = chart(data, "latency").bounds;
  ASSERT_EQ(drawn.size(), 2u);
  EXPECT_EQ(drawn[0].text, "p50 <= 2x baseline");
  EXPECT_NEAR(drawn[0].value, 600, 6) << "in ms, of what it was in the baseline";
  EXPECT_EQ(drawn[1].value, 250);
  EXPECT_EQ(drawn[1].from_s, 12);
  EXPECT_EQ(drawn[1].to_s, 20);
  EXPECT_EQ(drawn[1].held, false);
  EXPECT_EQ(drawn[0].held, true) << "that of p50 was kept, whatever became of the other";
  ASSERT_EQ(chart(data, "success").bounds.size(), 1u);
  EXPECT_EQ(chart(data, "success").bounds[0].value, 0.99);
  EXPECT_EQ(chart(data, "success").bounds[0].held, true);
}

TEST(PageData, TelemetryHasItsChartsWhereThereIsAny) {
  Recording r = good_recording();
  r.telemetry = {{"web", {}}};
  EXPECT_EQ(data_of(r).charts.size(), 3u) << "nothing happened";
  record::events::Telemetry bucket;
  bucket.target = "web";
  bucket.from = 10 * kSecond;
  bucket.length = 100 * kMillisecond;
  bucket.retransmits = 7;
  bucket.retransmits_ours = 5;
  bucket.rtt = {{5 * kMillisecond, 3}};
  r.telemetry[0].buckets = {bucket};
  const PageData data = data_of(r);
  const auto& again = chart(data, "retransmits");
  EXPECT_EQ(again.title, "web: retransmissions and resets per second");
  const auto at = static_cast<std::size_t>(10 / again.cell_s);
  EXPECT_NEAR(*again.series[0].values.at(at) * again.cell_s, 7, 0.05);
  EXPECT_NEAR(*series(again, "ours").values.at(at) * again.cell_s, 5, 0.05);
  EXPECT_EQ(series(chart(data, "rtt"), "p50").values.at(at), 5.0);
  EXPECT_FALSE(series(chart(data, "rtt"), "p50").values.at(at + 1));
}

TEST(PageData, DrawsWhatIsAskedOfConnections) {
  Recording r = good_recording();  // "cut" from 10 s to 20 s
  r.telemetry = {{"web", {one_of_each(5 * kSecond), one_of_each(15 * kSecond)}}};
  plan::Hypothesis h;
  h.name = "few again";
  h.telemetry = "web";
  h.during = "cut";
  h.retransmits = bound(plan::Bound::Op::le, 20, "<= 20");
  h.resets_sent = bound(plan::Bound::Op::le, 3, "<= 3/s");
  h.resets_sent->measure = plan::Bound::Measure::per_second;
  h.rtt_p99 = bound(plan::Bound::Op::le, 1.0 * kMillisecond, "<= 1ms");
  h.bytes_sent = bound(plan::Bound::Op::ge, 1, ">= 1x baseline");
  h.bytes_sent->measure = plan::Bound::Measure::times_baseline;
  plan::Hypothesis of_peer = h;
  of_peer.name = "of one of them";
  of_peer.peer = "bank";
  r.hypotheses = {h, of_peer};
  const PageData data = data_of(r);
  const auto& again = chart(data, "retransmits").bounds;
  ASSERT_EQ(again.size(), 2u) << "that with the bank is not drawn";
  EXPECT_EQ(again[0].text, "retransmits <= 20");
  EXPECT_EQ(again[0].value, 2) << "20 in 10 s";
  EXPECT_EQ(again[0].from_s, 10);
  EXPECT_EQ(again[0].to_s, 20);
  EXPECT_EQ(again[0].held, true) << "that the round trip takes too long is no fault of it";
  EXPECT_EQ(again[1].value, 3);
  ASSERT_EQ(chart(data, "rtt").bounds.size(), 1u);
  EXPECT_EQ(chart(data, "rtt").bounds[0].value, 1);
  EXPECT_EQ(chart(data, "rtt").bounds[0].held, false) << "it takes 3 ms";
  ASSERT_EQ(chart(data, "bytes").bounds.size(), 1u);
  EXPECT_NEAR(chart(data, "bytes").bounds[0].value, 0.9, 0.001) << "9 in 10 s of baseline";
  EXPECT_TRUE(chart(data, "connections").bounds.empty());
}

TEST(PageData, ValuesHaveAChartWhereThereIsAny) {
  Recording r = good_recording();
  for (const auto& one : data_of(r).charts) EXPECT_NE(one.id, "values");
  double value = -5;
  for (auto& one : r.probes[0].answers)
    if (one.due >= 15 * kSecond && one.due < 16 * kSecond) one.value = value++;  // 50 of them, to 44
  r.hypotheses[0].value_max = bound(plan::Bound::Op::le, 40, "<= 40");
  const PageData data = data_of(r);
  const auto& values = chart(data, "values");
  EXPECT_EQ(values.title, "pay: values");
  EXPECT_EQ(values.unit, "number");
  const auto cells = static_cast<std::size_t>(1 / values.cell_s), first = 15 * cells;
  EXPECT_EQ(series(values, "least").values.at(first), -5);
  EXPECT_EQ(series(values, "greatest").values.at(first + cells - 1), 44);
  EXPECT_FALSE(series(values, "p50").values.at(first - 1));
  ASSERT_EQ(values.bounds.size(), 1u);
  EXPECT_EQ(values.bounds[0].text, "value.max <= 40");
  EXPECT_EQ(values.bounds[0].value, 40);
  EXPECT_EQ(values.bounds[0].held, false);
}

/// Of values that nobody judges as well: the mark says what it is about.
TEST(PageData, WhenEachProbeHadRecoveredIsMarked) {
  Recording r = good_recording();
  for (auto& one : r.probes[0].answers) one.value = static_cast<double>(one.due);
  const auto marks = data_of(r).marks;
  const auto mark = std::find_if(marks.begin(), marks.end(), [](const auto& m) { return m.kind == "recovered"; });
  ASSERT_NE(mark, marks.end());
  EXPECT_EQ(mark->text, "pay: success and latency were back to the baseline's");
}

TEST(PageData, CellsAreRoundAndHoldAsManyRequests) {
  for (const Ns every : {Ns{0}, 3 * kMillisecond, 100 * kMillisecond, 150 * kMillisecond, 7 * kSecond})
    for (const Ns until : {kSecond, 40 * kSecond, 2400 * kSecond}) {
      const Cells cells = cells_for(until, every, 1200);
      EXPECT_LE(cells.count, 1250u);
      EXPECT_GE(static_cast<Ns>(cells.count) * cells.width, until);
      EXPECT_GE(cells.width, every);
      if (every > kMillisecond) {
        EXPECT_EQ(cells.width % every, 0) << every << " " << until;
      }
    }
}

/// A probe for 40 minutes.
record::ProbeRecord long_probe(const std::string& name, Ns every, bool gathered) {
  record::ProbeRecord probe;
  probe.name = name;
  probe.every = every;
  const auto timeout = probe.error_index("timeout");
  std::uint64_t state = 1;
  const auto next = [&](std::uint64_t most) {
    return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33 % most;
  };
  for (Ns due = 0; due < 2400 * kSecond; due += gathered ? 100 * kMillisecond : every) {
    const bool bad = due > 600 * kSecond && due < 900 * kSecond && (due / kSecond) % 10 == 0;
    for (int i = 0; i < (gathered ? 5 : 1); i++)
      probe.answers.push_back(
          {due, static_cast<Ns>(kMillisecond + next(1000) % 5000 * 10000), bad ? timeout : 0, gathered ? 20u : 1u});
  }
  return probe;
}

TEST(PageData, FortyMinutesFitIntoFiveMegabytes) {
  for (const bool gathered : {false, true}) {
    Recording r = good_recording();
    r.duration = r.last_seen = 2400 * kSecond;
    r.probes.clear();
    for (int i = 0; i < (gathered ? 1 : 20); i++)
      r.probes.push_back(
          long_probe("probe " + std::to_string(i), gathered ? kMillisecond : 400 * kMillisecond, gathered));
    r.hypotheses[0].probe = r.probes[0].name;
    const auto summary = summarize(r, record::judge(r));
    const PageData data = page_data(r, summary);
    std::size_t values = 0, rows = 0, failed = 0;
    for (const auto& one : data.charts)
      for (const auto& curve : one.series) values += curve.values.size();
    EXPECT_LE(values, kMostValues);
    EXPECT_GE(values / data.charts.size(), gathered ? 1000u : 500u) << "and still show something";
    for (const auto& one : data.requests) {
      rows += one.rows.size();
      EXPECT_TRUE(
          std::is_sorted(one.rows.begin(), one.rows.end(), [](const auto& a, const auto& b) { return a[0] < b[0]; }));
      EXPECT_EQ(one.all, gathered ? 2'400'000u : 6'000u);
      EXPECT_EQ(one.gathered, gathered);
      for (const auto& row : one.rows) failed += row[2] != 0;
    }
    EXPECT_LE(rows, kMostRequests);
    EXPECT_GE(rows, kMostRequests / 2);
    EXPECT_GE(failed, 20u * 30) << "failures come first";
    EXPECT_LT(render_report(r, summary).size(), 5'000'000u);
  }
}

TEST(PageData, ManyFaultsProbesAndNotesAreBounded) {
  Recording r = good_recording();
  for (int i = 0; i < 60; i++) {
    r.faults.push_back(r.faults[0]);
    r.faults.back().name = "fault " + std::to_string(i);
  }
  for (int i = 0; i < 120; i++) {
    r.probes.push_back(r.probes[0]);
    r.probes.back().name = "probe " + std::to_string(i);
  }
  for (int i = 0; i < 3000; i++) r.notes.push_back({kSecond, "note", "alice"});
  const PageData data = data_of(r);
  EXPECT_EQ(data.lanes.size(), kMostLanes);
  EXPECT_EQ(data.lanes_left_out, 61 - kMostLanes);
  EXPECT_LE(data.marks.size(), kMostMarks);
  EXPECT_EQ(data.requests.size(), 100u);
  EXPECT_EQ(data.probes_left_out, 21u);
  EXPECT_LT(page_json(data).size(), 4'000'000u);
}

TEST(PageData, ThatOfBrokenHypothesesComesFirst) {
  Recording r = good_recording();
  r.probes.push_back(r.probes[0]);
  r.probes[1].name = "other";
  replace_requests(r, 12 * kSecond, 20 * kSecond, false, kSecond);
  std::swap(r.probes[0], r.probes[1]);
  EXPECT_EQ(data_of(r).charts.at(0).probe, "pay");
  r.hypotheses.clear();
  EXPECT_EQ(data_of(r).charts.at(0).probe, "other");
}

std::vector<std::string> charts_of(const Recording& r) {
  std::vector<std::string> charts;
  for (const auto& one : data_of(r).charts)
    charts.push_back(one.probe.value_or("") + " " + one.id + (one.low ? " low" : ""));
  return charts;
}

TEST(PageData, AProbeThatAskedSeldomHasOneLowChart) {
  Recording r = good_recording();
  r.probes.insert(r.probes.begin(), r.probes[0]);
  r.probes[0].name = "order";
  r.probes[0].answers.resize(9);
  EXPECT_EQ(charts_of(r),
            (std::vector<std::string>{"pay latency", "pay success", "pay outcomes", "order outcomes low"}))
      << "and what has curves comes before it";
  r.probes[0].answers[0].value = 7;
  EXPECT_EQ(charts_of(r).back(), "order values low") << "its values are shown nowhere else";
  r.probes[0] = r.probes[1];
  r.probes[0].name = "order";
  r.probes[0].answers.resize(10);
  EXPECT_EQ(data_of(r).charts.size(), 6u);
  EXPECT_EQ(data_of(r).charts.at(0).probe, "order");
}

TEST(PageData, OfWhatBrokeThatWhoseCurvesShowHowComesFirst) {
  Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 20 * kSecond, false, kSecond);
  record::ProbeRecord seldom = r.probes[0], fine = r.probes[0];
  seldom.name = "order";
  std::erase_if(seldom.answers, [](const auto& one) { return one.due % (4 * kSecond) != 0; });
  ASSERT_LT(seldom.answers.size(), 10u);
  fine.name = "fine";
  r.probes = {fine, seldom, r.probes[0]};
  r.hypotheses.insert(r.hypotheses.begin(), r.hypotheses[0]);
  r.hypotheses[0].name = "orders are carried out";
  r.hypotheses[0].probe = "order";
  EXPECT_EQ(charts_of(r), (std::vector<std::string>{"pay latency", "pay success", "pay outcomes", "order outcomes low",
                                                    "fine latency", "fine success", "fine outcomes"}));
}

TEST(PageData, WhatStrangersWroteStaysText) {
  Recording r = good_recording();
  const std::string nasty = "</script><script>alert(1)</script><!-- \u2028 \" \\ \x01 \xff";
  r.faults[0].name = r.probes[0].name = r.probes[0].errors.emplace_back(nasty);
  r.notes = {{kSecond, nasty, nasty}};
  const std::string json = page_json(data_of(r));
  EXPECT_EQ(json.find('<'), std::string::npos) << "nothing can end the element";
  EXPECT_EQ(json.find("\u2028"), std::string::npos);
  const auto read = nlohmann::json::parse(json);
  EXPECT_EQ(read.at("version"), kPageVersion);
  EXPECT_NE(read.at("lanes").at(0).at("name").get<std::string>().find("</script><script>alert(1)"), std::string::npos)
      << "and reads as what it was";
}

TEST(PageData, ARunThatNeverBeganHasNone) {
  const PageData data = data_of(Recording());
  EXPECT_EQ(data.until_s, 0);
  EXPECT_TRUE(data.charts.empty());
}

TEST(PageData, TheJournalHasAFaultsEpisodesAsItsSeedHasThem) {
  const auto p = plan::parse_good(plan::kSmall + R"(
[[faults]]
kind = "flap"
name = "on and off"
on = "shop"
start = "5s"
for = "10s"
up = "1s"
down = "1s"
)");
  const TemporaryFolder folder;
  {
    record::Journal journal(folder.path());
    record::events::plan(journal, p);
  }
  const Recording r = record::read_recording(folder.path());
  const auto& flap = r.faults.back();
  ASSERT_GE(flap.episodes.size(), 3u);
  for (const auto& [from, to] : flap.episodes) {
    EXPECT_GE(from, 5 * kSecond);
    EXPECT_LE(to, 15 * kSecond);
    EXPECT_LT(from, to);
  }
  EXPECT_TRUE(r.faults.front().episodes.empty()) << "it acts all the time";
}

TEST(AskedDelays, AreThoseOfTheChannelOverItsTime) {
  const auto of = [](const std::string& keys) {
    const auto p = plan::parse_good(
        "[targets.shop]\nnetns = \"shop\"\n[probes.pay]\nicmp = \"10.0.0.1\"\n[[faults]]\n"
        "kind = \"degrade\"\non = \"shop\"\nstart = \"5s\"\nfor = \"10s\"\n" +
        keys);
    return plan::asked_delays(plan::channels_at(p, p.faults.front(), {""}));
  };
  const auto steady = of("delay = \"100ms\"\n");
  ASSERT_TRUE(steady);
  EXPECT_EQ(steady->p50, 100'000);
  EXPECT_EQ(steady->max, 100'000);
  const auto uneven = of("delay = \"100ms\"\njitter = \"50ms\"\n");
  ASSERT_TRUE(uneven);
  EXPECT_NEAR(uneven->p50, 100'000, 2'000);
  EXPECT_NEAR(uneven->p90, 140'000, 2'000);
  EXPECT_NEAR(uneven->max, 150'000, 2'000);
  EXPECT_FALSE(of("loss = \"10%\"\n"));
  EXPECT_FALSE(of("delay = \"100ms\"\nrate = \"1mbit\"\n")) << "that depends on the traffic";
}

}  // namespace
}  // namespace faultline::report
