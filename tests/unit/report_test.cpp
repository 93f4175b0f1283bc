// The page and the comparison, from recordings whose figures are known.
#include "injector/report/report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

#include "injector/base/clock.h"
#include "injector/record/events.h"
#include "injector/record/json_fields.h"
#include "injector/report/chart.h"
#include "injector/report/derive.h"
#include "injector/report/junit.h"
#include "injector/report/markdown.h"
#include "injector/report/page_files.h"
#include "injector/report/summary.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/say.h"

namespace faultline::report {
namespace {

using namespace record::testing;
using record::Recording;

Summary summary_of(const record::Recording& r) { return report::summarize(r, record::judge(r)); }

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) n++;
  return n;
}

/// A drawing must be XML for a browser to show it.
pugi::xml_document parsed(const std::string& svg) {
  pugi::xml_document document;
  const auto result = document.load_string(svg.c_str());
  EXPECT_TRUE(result) << result.description() << " at " << svg.substr(static_cast<std::size_t>(result.offset), 80);
  return document;
}

TEST(Report, SaysTheVerdictAndEveryHypothesis) {
  record::Recording r = good_recording();
  const std::string page = render_report(r, summary_of(r));
  EXPECT_NE(page.find("class=\"verdict passed\">passed"), std::string::npos);
  EXPECT_NE(page.find("<h1>A test</h1>"), std::string::npos);
  EXPECT_EQ(count(page, "class=\"mark held\">"), r.hypotheses.size());
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

TEST(Report, LoadsNothingAndRunsWhatItWasBuiltWithAlone) {
  const record::Recording r = good_recording();
  const std::string page = render_report(r, summary_of(r));
  for (const char* from_elsewhere :
       {" src=", "href=\"http", "url(", "@import", "sourceMappingURL", " onclick=", " style=\""})
    EXPECT_EQ(count(page.substr(0, page.find("<script>")), from_elsewhere), 0u) << from_elsewhere;
  const std::string policy = page.substr(page.find("Content-Security-Policy"), 400);
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << policy;
  EXPECT_NE(policy.find(fmt::format("script-src '{}'", kPageScriptHash)), std::string::npos) << policy;
  EXPECT_NE(policy.find(fmt::format("style-src '{}'", kPageStyleHash)), std::string::npos) << policy;
  EXPECT_EQ(kPageScriptHash.size(), 7u + 44);
  EXPECT_EQ(count(page, "<script"), 2u) << "the data and the script";
  EXPECT_EQ(count(page, "{{"), count(std::string(kPageScript), "{{")) << "nothing is left to be filled";
  EXPECT_NE(page.find("Permission is hereby granted, free of charge"), std::string::npos) << "the library's licence";
}

TEST(Report, DrawsFaultsWhereTheyWere) {
  record::Recording r = good_recording();  // 30 s, the fault from 10 s to 20 s
  const auto document = parsed(draw(r));
  const auto bar = document.select_node("//g[@class='fault']/rect").node();
  const double from = bar.attribute("x").as_double(), wide = bar.attribute("width").as_double(), left = 96,
               whole = 1000 - 96 - 12;
  EXPECT_NEAR(from, left + whole / 3, 0.2);
  EXPECT_NEAR(wide, whole / 3, 0.2);
  EXPECT_EQ(document.select_nodes("//rect[@class='window']").size(), r.probes.size() * r.faults.size());
  EXPECT_EQ(document.select_nodes("//rect[@class='failed']").size(), 0u);
  EXPECT_GE(document.select_nodes("//path[@class='p50']").size(), 1u);
}

/// A column's figure holds of all of it: nothing changes before it changed.
TEST(Report, TheDrawingGoesInSteps) {
  record::Recording r = good_recording();
  for (auto& one : r.probes[0].answers)
    if (one.due >= 15 * kSecond) one.latency = 20 * kMillisecond;
  const auto document = parsed(draw(r));
  std::string path = document.select_node("//path[@class='p50']").node().attribute("d").as_string();
  std::replace_if(
      path.begin(), path.end(), [](char c) { return c == 'M' || c == 'L'; }, ' ');
  std::istringstream numbers(path);
  double x = 0, y = 0, x_before = 0, y_before = -1, rose = 0;
  while (numbers >> x >> y) {
    if (y_before >= 0 && y != y_before) {
      EXPECT_EQ(x, x_before) << "straight up";
      rose = x;
    }
    x_before = x;
    y_before = y;
  }
  EXPECT_NEAR(rose, 96 + (1000 - 96 - 12) / 2.0, 4) << "at 15 s";
}

TEST(Report, FailuresAreRedWhereTheyHappened) {
  record::Recording r = good_recording();
  r.probes[0].answers.clear();
  add_requests(r.probes[0], 0, 12 * kSecond, true, 2 * kMillisecond);
  add_requests(r.probes[0], 12 * kSecond, 15 * kSecond, false, kSecond);
  add_requests(r.probes[0], 15 * kSecond, 30 * kSecond, true, 2 * kMillisecond);
  const auto document = parsed(draw(r));
  const double left = 96, whole = 1000 - 96 - 12;
  double least = 1000, most = 0;
  for (const auto& node : document.select_nodes("//rect[@class='failed']")) {
    least = std::min(least, node.node().attribute("x").as_double());
    most = std::max(most, node.node().attribute("x").as_double() + node.node().attribute("width").as_double());
  }
  EXPECT_NEAR(least, left + whole * 12 / 30, 6);
  EXPECT_NEAR(most, left + whole * 15 / 30, 6);
  EXPECT_EQ(document.select_nodes("//path[@class='p50']").size(), 2u) << "no line where nothing was answered";
}

TEST(Report, WhatUsersWriteCannotBecomeMarkup) {
  record::Recording r = good_recording();
  r.title = "<script>alert(1)</script> & \"quotes\"";
  r.probes[0].subject = "'><img src=x>";
  r.warnings = {{"a <b> in a warning"}};
  const std::string page = render_report(r, summary_of(r));
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;"), std::string::npos);
  EXPECT_NE(page.find("a &lt;b&gt; in a warning"), std::string::npos);
  parsed(draw(r));
}

TEST(Report, ARunThatNeverBeganHasAPageWithoutADrawing) {
  record::Recording r;
  r.name = "nothing";
  const std::string page = render_report(r, summary_of(r));
  EXPECT_EQ(page.find("<svg"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("did not record its cleanup"), std::string::npos);
}

/// Of "payments keep working" in `r`, which does not hold: from its <article> to its end.
std::string card_of(const record::Recording& r) {
  const std::string page = render_report(r, summary_of(r));
  const auto begin = page.find("<article"), end = page.find("</article>");
  return begin == std::string::npos ? "" : page.substr(begin, end - begin);
}

TEST(Report, ACardSaysWhatBrokeWhyAndHowToSeeItAgain) {
  record::Recording r = good_recording();
  r.probes[0].subject = "http://edge/<pay>";
  r.faults[0].on = {"bank"};
  r.faults[0].asked_text = "delay 100ms";
  r.faults[0].episodes = {{11 * kSecond, 13 * kSecond}, {18 * kSecond, 19 * kSecond}};
  r.repeat = {"faultline", "run", "p.toml", "--arm", "naive", "--seed", "5"};
  EXPECT_EQ(card_of(r), "") << "all held";
  replace_requests(r, 12 * kSecond, 12500 * kMillisecond, false, kSecond);
  replace_requests(r, 15 * kSecond, 15100 * kMillisecond, false, kSecond);
  const std::string card = card_of(r);
  for (const char* part :
       {"payments keep working", "success &gt;= 99%, p99 &lt;= 250ms", "success 94.0% (470 of 500)",
        "http://edge/&lt;pay&gt;", "window <b>cut</b>, 10 to 20 s", "degrade on bank", "in 2 episodes", "delay 100ms",
        "it met 1,000 packets", "<b>25 of the 30 failed requests</b> were under way while it acted",
        "30 of 500 requests: 30 × timeout; due from 12 to 15.08 s", "success 100% (500 of 500), p50 2.00 ms",
        "at 12 s, it failed: <b>timeout</b> after 1.00 s", "faultline run p.toml --arm naive --seed 5",
        "data-from=\"10.000000\"", "data-at=\"12.000000\""})
    EXPECT_NE(card.find(part), std::string::npos) << part << "\n" << card;
}

/// Of several figures those that kept their bounds are no news.
TEST(Report, OfWhatWasObservedOnlyWhatBrokeItsBoundIsRed) {
  record::Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 12500 * kMillisecond, true, 400 * kMillisecond);
  std::string card = card_of(r);
  EXPECT_NE(card.find("<dt>Observed</dt><dd>success 100% (500 of 500), <span class=\"value broken\">p99 400 ms</span>"),
            std::string::npos)
      << card;
  r.arm = "naive";
  r.expected_to_fail = {r.hypotheses[0].name};
  EXPECT_NE(card_of(r).find("<span class=\"value open\">p99 400 ms</span>"), std::string::npos) << "as was expected";
  r.expected_to_fail.clear();
  r.hypotheses[0].eventually = kSecond;
  card = card_of(r);
  EXPECT_NE(card.find("<dt>Observed</dt><dd><span class=\"value broken\">held after 2.42 s</span>; from 1.00 s on: "
                      "success 100% (450 of 450), <span class=\"value broken\">p99 400 ms</span>"),
            std::string::npos)
      << card;
  for (const auto& h : summary_of(r).hypotheses) {
    std::string all;
    for (const auto& figure : h.figures) all += figure.lead + figure.text;
    EXPECT_EQ(all, h.observed) << "nothing is left out";
  }
}

TEST(Report, WhereNoRequestFailedTheFirstSlowOneIsTold) {
  record::Recording r = good_recording();
  replace_requests(r, 14 * kSecond, 15 * kSecond, true, 400 * kMillisecond);
  const std::string card = card_of(r);
  EXPECT_NE(card.find("<dt>First slow answer</dt><dd>at 14 s, it was answered after 400 ms"), std::string::npos)
      << card;
}

TEST(Report, WhatAnArmMustBreakIsMarkedAsExpected) {
  record::Recording r = good_recording();
  r.arm = "naive";
  r.expected_to_fail = {r.hypotheses[0].name};
  replace_requests(r, 12 * kSecond, 15 * kSecond, false, kSecond);
  EXPECT_NE(card_of(r).find("broken, as expected of this arm"), std::string::npos);
  r.expected_to_fail.clear();
  EXPECT_EQ(card_of(r).find("of this arm"), std::string::npos) << "where nothing is expected, nothing is unexpected";
  plan::Hypothesis other = r.hypotheses[0];
  other.name = "another";
  r.hypotheses.push_back(other);
  r.expected_to_fail = {other.name};
  EXPECT_NE(card_of(r).find("broken, and not expected of this arm"), std::string::npos);
}

TEST(Report, WhatBrokeAfterAFaultNamesTheLastOne) {
  record::Recording r = good_recording();
  r.hypotheses[0].during = "recovery";
  replace_requests(r, 22 * kSecond, 29 * kSecond, false, kSecond);
  EXPECT_NE(card_of(r).find("The last one, <b>cut</b>, had ended as the window began: what it left"), std::string::npos)
      << card_of(r);
  record::Recording odd = r;
  odd.faults[0].end = 4'100 * kMillisecond;  // 4.1 s is a little less as a floating-point number
  replace_requests(odd, 5 * kSecond, 29 * kSecond, false, kSecond);
  EXPECT_NE(card_of(odd).find("had ended as the window began"), std::string::npos) << card_of(odd);
  record::Recording both = r;
  both.faults.push_back(both.faults[0]);
  both.faults.back().name = "other";
  EXPECT_NE(
      card_of(both).find("The last ones, <b>cut</b>, <b>other</b>, had ended as the window began: what they left"),
      std::string::npos)
      << card_of(both);
  r.hypotheses[0].during = "baseline";
  replace_requests(r, 2 * kSecond, 9 * kSecond, false, kSecond);
  EXPECT_NE(card_of(r).find("no fault had begun by then"), std::string::npos) << card_of(r);
}

TEST(Report, TheNearestLineIsRatherOneThatCameBefore) {
  record::Recording r = good_recording();
  replace_requests(r, 14 * kSecond, 15 * kSecond, false, kSecond);
  r.notes = {{14 * kSecond + 300 * kMillisecond, "after it", "alice"}, {13200 * kMillisecond, "before it", "bob"}};
  EXPECT_NE(card_of(r).find("<dt>Nearest to it</dt><dd>at 13.2 s, 800 ms before: before it (bob)"), std::string::npos);
  r.notes[1].when = 12 * kSecond;
  EXPECT_NE(card_of(r).find("at 14.3 s, 300 ms after: after it (alice)"), std::string::npos) << "not at any distance";
  r.notes[0].when = 18 * kSecond;
  EXPECT_NE(card_of(r).find("at 12 s, 2.00 s before: before it"), std::string::npos);
  r.notes[1].when = 14 * kSecond;
  EXPECT_NE(card_of(r).find("at 14 s, the same instant: before it"), std::string::npos) << card_of(r);
}

TEST(Report, WhatHeldWithoutATestIsMarkedAndSaysWhy) {
  record::Recording r = good_recording();
  r.hypotheses[0].eventually = 2 * kSecond;
  const record::Verdict verdict = record::judge(r);
  const Summary s = summarize(r, verdict);
  const std::string page = render_report(r, s);
  EXPECT_NE(page.find("1 of 1 hypotheses held, <span class=\"open\">1 of them untested</span> (○)"), std::string::npos);
  EXPECT_EQ(page.find(">✓<"), std::string::npos);
  EXPECT_NE(page.find("untested: held at once: it was so"), std::string::npos);
  const std::string terminal = render_outcome({verdict.exit, s}, "run", false).bytes();
  EXPECT_NE(terminal.find("untested held at once: it was so from the window's beginning on"), std::string::npos)
      << terminal;
  EXPECT_NE(markdown(s).find("⚪"), std::string::npos);
  EXPECT_NE(junit_xml(s).find("<system-out>untested: held at once"), std::string::npos) << junit_xml(s);
  EXPECT_EQ(s.exit_code, 0) << "it held all the same";
}

TEST(Report, SaysTheScaleThatWasAskedFor) {
  record::Recording r = good_recording();
  const auto head = [&] {
    const std::string page = render_report(r, summary_of(r));
    return page.substr(0, page.find("</header>"));
  };
  EXPECT_EQ(head().find("scale 1:"), std::string::npos);
  r.scale = 30;
  EXPECT_NE(head().find(">scale 1:30<"), std::string::npos);
  r.scale = 1;
  r.repeat = {"faultline", "run", "p.toml", "--scale", "1:1", "--seed", "5"};
  EXPECT_NE(head().find(">scale 1:1<"), std::string::npos) << "true length";
}

TEST(Report, ABoundOnValuesShowsTheFirstBeyondItAndTheLast) {
  record::Recording r = good_recording();
  auto& h = r.hypotheses[0];
  h.success.reset();
  h.p99.reset();
  h.value = record::testing::bound(plan::Bound::Op::eq, 0, "= 0");
  for (auto& answer : r.probes[0].answers) answer.value = answer.due < 15 * kSecond ? 0 : 3;
  const std::string card = card_of(r);
  EXPECT_NE(card.find("<dt>Values</dt><dd>first beyond it at 15 s: 3; the last, at 19.98 s: 3"), std::string::npos)
      << card;
  EXPECT_EQ(card.find("<dt>Before the faults</dt>"), std::string::npos) << "how long a look took is not the question";
  EXPECT_NE(card.find(" data-at=\"15.000000\" data-probe=\"pay\""), std::string::npos) << "where to look";
  EXPECT_NE(card.find("<dt>Nearest to it</dt>"), std::string::npos);
  EXPECT_EQ(card.find(", asked "), std::string::npos) << "it was asked all the time";
  auto& answers = r.probes[0].answers;
  answers.erase(std::remove_if(answers.begin(), answers.end(), [](const auto& a) { return a.due < 19'950'000'000; }),
                answers.end());
  const std::string late = card_of(r);
  EXPECT_NE(late.find("every 20.0 ms, asked 2 times from 19.96 s on"), std::string::npos) << late;
  EXPECT_NE(late.find("<dt>Values</dt><dd>beyond it from the first answer on, at 19.96 s: 3; the last, at 19.98 s: 3"),
            std::string::npos)
      << late;
}

TEST(Report, OfConnectionsThatAreToDieItTellsHowManyDid) {
  record::Recording r = good_recording();
  ASSERT_TRUE(r.faults[0].account);
  r.faults[0].loss = 1;
  const auto page = [&] { return render_report(r, summary_of(r)); };
  EXPECT_NE(page().find("asked, at its height"), std::string::npos);
  r.faults[0].account->flows_met = 24;
  r.faults[0].account->flows_dead = 7;
  EXPECT_NE(page().find("7 of 24 connections dead (29.2%)"), std::string::npos);
  EXPECT_EQ(page().find("asked, at its height"), std::string::npos);
}

TEST(Report, ShowsThePlanWithoutItsSecrets) {
  record::Recording r = good_recording();
  const std::string page = render_report(r, summary_of(r), {.plan_text = R"(title = "A <plan>"
[vars]
db_password = "hunter2"
api-token = 'hunter3'
[probes.db]
postgresql = "postgresql://app:hunter4@db/shop?password=hunter5"
headers = { "Authorization" = "Bearer hunter6", "X-Api-Key" = "hunter7" }
every = "100ms"
)"});
  EXPECT_EQ(page.find("hunter"), std::string::npos) << page.substr(page.find("hunter") - 60, 80);
  for (const char* part :
       {"A &lt;plan&gt;", "db_password = &quot;***&quot;", "every = &quot;100ms&quot;", "app:***@db/shop"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

TEST(Report, SaysOfAFaultWhereItActed) {
  record::Recording r = good_recording();
  r.faults[0].direction = "ingress";
  r.faults[0].peer = {"bank"};
  const std::string page = render_report(r, summary_of(r));
  EXPECT_NE(page.find("what it receives from bank"), std::string::npos);
}

TEST(Report, ShowsWhatActedAndWhatWasSaid) {
  record::Recording r = good_recording();
  record::GuardRecord guard;
  guard.guard.name = "lost";
  guard.guard.success = bound(plan::Bound::Op::lt, 0.2, "< 20%");
  guard.guard.window = 2 * kSecond;
  guard.trip = record::GuardTrip{.when = 3 * kSecond, .sent = 100, .ok = 7, .observed = "success 7.0% (7 of 100)"};
  r.guards = {guard};
  r.notes = {{12 * kSecond, "the pager <rang>", "alice", "2026-11-22T17:04:01.5Z"},
             {{}, "we begin", "bob", "2026-11-22T17:03:49.0Z"}};
  r.faults[0].account->answered = 4321;
  const std::string page = render_report(r, summary_of(r));
  for (const char* part :
       {"success &lt; 20% for 2s", "success 7.0% (7 of 100)<br>stopped the run after 3 s",
        "12.0 s, 17:04:01Z</span> the pager &lt;rang&gt;", "before, 17:03:49Z</span> we begin", "4321 answered"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

/// A run of a plan whose probe never asked.
void write_run(const std::filesystem::path& folder, const std::string& plan = plan::kSmall) {
  record::Journal journal(folder);
  record::events::plan(journal, plan::parse_good(plan));
  record::events::t0(journal, monotonic_now(), wall_now());
  record::events::healed(journal, "end");
  record::events::cleanup(journal, {});
  record::events::end(journal);
}

TEST(ReportCommand, MakesTheFilesAnewAndTellsTheVerdict) {
  const TemporaryFolder folder;
  write_run(folder.path());
  const cli::Said people = cli::say({"report", folder.path()});
  EXPECT_EQ(people.status, 0) << people.error;
  EXPECT_NE(people.out.find("INCONCLUSIVE"), std::string::npos) << people.out;
  EXPECT_EQ(people.out.find('\x1b'), std::string::npos) << "no colours in a pipe";
  const auto machines = nlohmann::json::parse(cli::say({"report", "--json", folder.path()}).out);
  EXPECT_EQ(machines.at("exit_code"), 2);
  EXPECT_EQ(nlohmann::json::parse(folder.read("summary.json")), machines);
  EXPECT_NE(folder.read("junit.xml").find("<testsuite"), std::string::npos);
  EXPECT_TRUE(folder.read("report.html").ends_with("</html>\n"));
}

TEST(ReportCommand, AFolderThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_run(folder.path());
  std::filesystem::create_directory(folder.path() / "summary.json.new");  // root may write anywhere else
  const cli::Said said = cli::say({"report", folder.path()});
  EXPECT_EQ(said.status, 4);
  EXPECT_NE(said.error.find("cannot be made anew"), std::string::npos) << said.error;
}

TEST(ReportCommand, NeedsARunFolder) {
  const TemporaryFolder folder;
  for (const auto& words :
       {std::vector<std::string>{"report", folder.path()}, {"compare", folder.path(), folder.path()}}) {
    const cli::Said said = cli::say(words);
    EXPECT_EQ(said.status, 3);
    EXPECT_NE(said.error.find("not a run folder"), std::string::npos) << said.error;
  }
  write_run(folder.path());
  const cli::Said compared = cli::say({"compare", folder.path(), folder.path()});
  EXPECT_EQ(compared.status, 2) << compared.error << "an inconclusive run is no measurement";
  EXPECT_EQ(compared.out.find("not judged: no run before counts: of "), 0u) << compared.out;
  EXPECT_TRUE(
      nlohmann::json::parse(cli::say({"compare", "--json", folder.path(), folder.path()}).out).at("remarks").empty());
}

TEST(ReportCommand, ASummaryIsComparedAsItStands) {
  const TemporaryFolder run, kept;
  write_run(run.path());
  ASSERT_EQ(cli::say({"report", run.path()}).status, 0);
  const auto told = [&](const std::filesystem::path& first) {
    auto c = nlohmann::json::parse(cli::say({"compare", "--json", first, run.path()}).out);
    c.erase("told");  // names the file
    c.erase("left_out");
    return c;
  };
  EXPECT_EQ(told(run.path() / "summary.json"), told(run.path()));

  const auto old = kept.write("old.json", R"({"verdict": "passed", "name": "older", "faults": [{"name": "degrade"}],
                                              "probes": [], "hypotheses": []})");
  const auto c = nlohmann::json::parse(cli::say({"compare", "--json", old, run.path()}).out);
  EXPECT_EQ(c["a"]["name"], "older");
  EXPECT_EQ(c["faults"][0]["a"]["packets_matched"], 0);
  EXPECT_TRUE(c["faults"][0]["a"]["applied_delay_us"]["p50"].is_null());
}

TEST(ReportCommand, WhatIsWrongWithASummaryIsSaidInWords) {
  const TemporaryFolder run, kept;
  write_run(run.path());
  ASSERT_EQ(cli::say({"report", run.path()}).status, 0);
  const std::string whole = run.read("summary.json");
  std::string broken = whole, other = whole;
  broken.replace(broken.find("\"name\""), 6, "name");
  other.replace(other.find("\"phases\": ["), 11, "\"phases\": 7, \"other\": [");
  const auto matched = [&](const std::string& figure) {
    std::string text = whole;
    return text.insert(text.find("\"packets_matched\": ") + 19, figure + ", \"other\": ");
  };
  const std::pair<std::string, std::string> wrong[] = {
      {"", "it is empty"},
      {whole.substr(0, whole.size() / 2), "it ends in the middle"},
      {broken, "it is damaged in line "},
      {"[1]", "it holds something else"},
      {"{}", "it has no `verdict`, `name`, `faults`, `probes`, `hypotheses`"},
      {R"({"verdict": "passed"})", "it has no `name`, `faults`, `probes`, `hypotheses`"},
      {other, "its `phases` is not as a summary has it"},
      {matched("1e999"), "a number in it is out of range"},
      {R"({"verdict": "", "name": "", "faults": [], "probes": [], "hypotheses": []})", "its `verdict` is empty"},
  };
  for (const auto& [text, said_of_it] : wrong) {
    const auto file = kept.write("none.json", text);
    const cli::Said said = cli::say({"compare", file, run.path()});
    EXPECT_EQ(said.status, 3) << text;
    EXPECT_NE(said.error.find(file.string() + " is no summary.json that can be read: " + said_of_it), std::string::npos)
        << said.error;
    EXPECT_EQ(said.error.find("json.exception"), std::string::npos) << said.error;
  }
}

TEST(ReportCommand, TwoRunsAreComparedInTheOrderGiven) {
  const TemporaryFolder one, other;
  write_run(one.path());
  write_run(other.path(), plan::kSmall + "name = \"slow\"\n");
  const auto c = nlohmann::json::parse(cli::say({"compare", "--json", one.path(), other.path()}).out);
  ASSERT_EQ(c.at("faults").size(), 2u) << c.dump(1);
  EXPECT_EQ(c["faults"][0]["name"], "degrade");
  EXPECT_TRUE(c["faults"][0]["b"].is_null());
  EXPECT_EQ(c["faults"][1]["name"], "slow");
  EXPECT_TRUE(c["faults"][1]["a"].is_null());
}

}  // namespace
}  // namespace faultline::report
