// Who is told of a run, and what: the file that names them, the texts, and the requests that arrive.
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <set>
#include <thread>

#include "injector/base/clock.h"
#include "injector/notify/notifier.h"
#include "injector/notify/sinks.h"
#include "injector/record/events.h"
#include "injector/record/journal.h"
#include "tests/harness/mailbox.h"
#include "tests/unit/plan_support.h"
#include "tests/unit/record_fixture.h"

namespace faultline::notify {
namespace {

using nlohmann::json;
using record::testing::TemporaryFolder;
using test::Mailbox;

plan::Plan shop() {
  return plan::parse_text(
             "seed = 7\ntitle = \"A shop\"\nduration = \"30s\"\n[targets.shop]\nnetns = \"shop\"\n[[faults]]\nname = "
             "\"cut\"\nkind = \"sever\"\non = \"shop\"\nstart = \"5s\"\nfor = \"10s\"\n",
             "shop.toml")
      .plan;
}

struct Told {
  Destinations to;
  plan::Parsed parsed;
};
Told read(const std::string& text) {
  const TemporaryFolder folder;
  Told told;
  told.parsed = read_destinations(folder.write("notify.toml", text), told.to);
  return told;
}

TEST(NotifyFile, NamesWhoIsTold) {
  ::setenv("FAULTLINE_TEST_HOOK", "https://chat.example/secret", 1);
  const auto told = read(R"(
[[webhooks]]
url = "https://hooks.slack.com/services/T/B/x"
[[webhooks]]
url = "env:FAULTLINE_TEST_HOOK"
on = ["fault", "end"]
headers = { Authorization = "env:FAULTLINE_TEST_HOOK" }
[grafana]
url = "http://127.0.0.1:3000/"
token = "t"
dashboard = "abc"
tags = ["game-day"]
[otlp]
url = "http://127.0.0.1:4318"
every = "2s"
)");
  ::unsetenv("FAULTLINE_TEST_HOOK");
  ASSERT_TRUE(told.parsed.ok()) << plan::render(told.parsed);
  ASSERT_EQ(told.to.webhooks.size(), 2u);
  EXPECT_TRUE(told.to.webhooks[0].slack) << "as its address says";
  EXPECT_EQ(told.to.webhooks[0].on.size(), 3u);
  EXPECT_FALSE(told.to.webhooks[1].slack);
  EXPECT_EQ(told.to.webhooks[1].url, "https://chat.example/secret");
  EXPECT_EQ(told.to.webhooks[1].headers.at("Authorization"), "https://chat.example/secret");
  EXPECT_EQ(told.to.webhooks[1].on, (std::vector{Moment::fault, Moment::end}));
  EXPECT_EQ(told.to.grafana->dashboard, "abc");
  EXPECT_EQ(told.to.otlp->every, 2 * kSecond);
}

TEST(NotifyFile, MistakesAreToldWhereTheyAreAndShowNoSecret) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"", "the file names nobody"},
           {"[[webhooks]]\n", "url"},
           {"[[webhooks]]\nurl = \"ftp://x/\"\n", "2:7: error: url: it is not a URL"},
           {"[[webhooks]]\nurl = \"env:FAULTLINE_TEST_NOTHING\"\n", "the environment has no FAULTLINE_TEST_NOTHING"},
           {"[[webhooks]]\nurl = \"http://a/\"\non = [\"fnd\"]\n", "3:7: error: on: unknown value \"fnd\""},
           {"[[webhooks]]\nurl = \"http://a/\"\nform = \"teams\"\n", "form"},
           {"[[webhooks]]\nurl = \"http://a/\"\nheaders = { \"A b\" = \"c\" }\n", "\"A b\" is not a header"},
           {"[grafana]\nurl = \"http://a/\"\n", "token"},
           {"[otlp]\nurl = \"http://a/\"\nevery = \"1ms\"\n", "between one second and one hour"},
           {"[[webhook]]\nurl = \"http://a/\"\n", "unknown key \"webhook\""}}) {
    const auto told = read(text);
    EXPECT_FALSE(told.parsed.ok()) << text;
    EXPECT_NE(plan::render(told.parsed).find(expected), std::string::npos) << text << plan::render(told.parsed);
  }
  ::setenv("FAULTLINE_TEST_HOOK", "no-url-but-secret", 1);
  const auto told = read("[[webhooks]]\nurl = \"env:FAULTLINE_TEST_HOOK\"\n");
  ::unsetenv("FAULTLINE_TEST_HOOK");
  EXPECT_EQ(plan::render(told.parsed).find("no-url-but-secret"), std::string::npos);
  // No line is shown: an address, too, is a secret as a whole.
  for (const char* text : {"[[webhooks]]\nurl = \"https://hooks.example/T0/hidden\n",
                           "[[webhooks]]\nurl = \"https://hooks.example/T0/hidden\", on = 1\n",
                           "[grafana]\nurl = \"https://hidden.example/\"\ntoken = 5\n"}) {
    const std::string shown = plan::render(read(text).parsed);
    EXPECT_NE(shown.find(": error: "), std::string::npos) << shown;
    EXPECT_EQ(shown.find("hidden"), std::string::npos) << shown;
  }
}

Happening line(const plan::Plan& plan, const std::string& fields) {
  const auto what = read_line(plan, "{" + fields + "}", 1000 * kSecond);
  EXPECT_TRUE(what) << fields;
  return what.value_or(Happening());
}

TEST(NotifyTexts, SayWhatHappensInOneLine) {
  const auto plan = shop();
  const auto begin = line(plan, R"("event":"t0","mono":10,"epoch":50000010)");
  EXPECT_NE(begin.text.find(": 1 fault in 30s, seed 7"), std::string::npos) << begin.text;
  EXPECT_EQ(begin.text.rfind("shop: begins on ", 0), 0u) << begin.text;
  EXPECT_EQ(begin.wall, 1000 * kSecond + 50 * kMillisecond) << "T0 is a moment ahead";
  const auto cut = line(plan, R"("event":"fault_begin","fault":"cut","planned":5000000000,"t":5002000000)");
  EXPECT_EQ(cut.text.rfind("shop: fault cut begins: sever on shop", 0), 0u) << cut.text;
  EXPECT_EQ(cut.wall, 1000 * kSecond - 2 * kMillisecond) << "the kernel's instant, not the loop's";
  EXPECT_EQ(line(plan, R"("event":"fault_end","fault":"cut","planned":1,"t":1)").text, "shop: fault cut ends");
  const auto guard = line(plan, R"("event":"guard","guard":"too slow","condition":"p99 > 1s","observed":"p99 2 s")");
  EXPECT_EQ(guard.text, "shop: guard too slow acted, and every fault is off: p99 > 1s, observed p99 2 s");
  EXPECT_EQ(guard.moment, Moment::guard);
  EXPECT_FALSE(line(plan, R"("event":"abort","by":"guard","reason":"x")").moment) << "told already";
  EXPECT_EQ(line(plan, R"("event":"abort","by":"user","reason":"x")").moment, Moment::guard);
}

TEST(NotifyTexts, HoldNothingThatCannotBeSeen) {
  const auto plan = shop();
  const auto note = line(plan, R"("event":"note","text":"two\nlines\u001b[1m <&>")");
  EXPECT_EQ(note.text, "shop: two\\nlines\\u001b[1m <&>");
  Webhook slack;
  slack.slack = true;
  EXPECT_EQ(json::parse(webhook_body(slack, plan, note))["text"], "shop: two\\nlines\\u001b[1m &lt;&amp;&gt;");
  const auto body = json::parse(webhook_body(Webhook{}, plan, note));
  EXPECT_EQ(body["run"]["name"], "shop");
  EXPECT_EQ(body["run"]["seed"], 7);
  EXPECT_EQ(body["run"]["arm"], nullptr);
  EXPECT_EQ(body["at"].get<std::string>().substr(0, 19), "1970-01-01T00:16:40");
}

/// A run as its journal has it, told to `to`; what could not be told.
std::vector<std::string> told_of_a_run(const Destinations& to) {
  const TemporaryFolder folder;
  const plan::Plan plan = shop();
  Notifier notifier(plan, to);
  {
    record::Journal journal(folder.path());
    notifier.listen(journal, {});
    journal.write(record::events::T0{"2026-11-30T00:00:00Z", monotonic_now()});
    journal.set_epoch(monotonic_now());
    notifier.begin(monotonic_now());
    journal.write(record::events::FaultBegin{"cut", 0});
    journal.write(record::events::FaultEnd{"cut", 1});
    notifier.stop_listening();
    journal.write(record::events::FaultEnd{"nobody hears this", 1});
  }
  report::Summary summary;
  summary.name = "shop";
  summary.verdict = "deviated";
  summary.exit_code = 1;
  return notifier.finish(summary);
}

std::vector<std::string> events_of(const Mailbox& mailbox) {
  std::vector<std::string> events;
  for (const auto& letter : mailbox.letters()) events.push_back(letter.body.value("event", ""));
  return events;
}

TEST(Notifier, TellsAWebhookInOrderAndTheVerdict) {
  Mailbox mailbox;
  Destinations to;
  to.webhooks.push_back({mailbox.url("/hook"), false, {Moment::begin, Moment::fault, Moment::end}, {{"X-Key", "k"}}});
  EXPECT_TRUE(told_of_a_run(to).empty());
  EXPECT_EQ(events_of(mailbox), (std::vector<std::string>{"begin", "fault_begin", "fault_end", "end"}));
  const auto last = mailbox.letters().back();
  EXPECT_EQ(last.path, "/hook");
  EXPECT_EQ(last.headers.find("X-Key")->second, "k");
  EXPECT_EQ(last.headers.find("Content-Type")->second, "application/json");
  EXPECT_EQ(last.body["details"]["verdict"], "deviated");
}

TEST(Notifier, TriesAgainWhereThatMayHelpAndOnlyThere) {
  Mailbox mailbox;
  Destinations to;
  to.webhooks.push_back({mailbox.url(), false, {Moment::end}, {}});
  mailbox.fail(1);
  EXPECT_TRUE(told_of_a_run(to).empty());
  EXPECT_EQ(mailbox.letters().size(), 2u);
  mailbox.answer(404, "who?");
  const auto troubles = told_of_a_run(to);
  EXPECT_EQ(mailbox.letters().size(), 3u);
  ASSERT_EQ(troubles.size(), 1u);
  EXPECT_NE(troubles[0].find("the webhook at 127.0.0.1:"), std::string::npos) << troubles[0];
  EXPECT_NE(troubles[0].find("answered with status 404"), std::string::npos) << troubles[0];
}

TEST(Notifier, ADestinationThatIsNotThereIsToldOnceAndHoldsUpNoOther) {
  Mailbox mailbox;
  Destinations to;
  to.webhooks.push_back({"http://127.0.0.1:1/", false, {Moment::begin, Moment::fault, Moment::end}, {}});
  to.webhooks.push_back({mailbox.url(), false, {Moment::begin, Moment::fault, Moment::end}, {}});
  const Ns began = monotonic_now();
  const auto troubles = told_of_a_run(to);
  EXPECT_LT(monotonic_now() - began, 60 * kSecond);
  ASSERT_EQ(mailbox.letters().size(), 4u);
  const auto says_why = [](const std::string& one) {
    return one.find("the webhook at 127.0.0.1:1 was not told: ") != std::string::npos;
  };
  EXPECT_EQ(std::count_if(troubles.begin(), troubles.end(), says_why), 1) << json(troubles);
}

TEST(Notifier, WhatCannotBeToldIsSaidWhileTheRunGoesOn) {
  Mailbox mailbox;
  mailbox.answer(404, "who?");
  Destinations to;
  to.webhooks.push_back({mailbox.url(), false, {Moment::begin, Moment::end}, {}});
  const TemporaryFolder folder;
  const plan::Plan plan = shop();
  Notifier notifier(plan, to);
  std::promise<std::string> said;
  record::Journal journal(folder.path());
  notifier.listen(journal, [&](const std::string& text) { said.set_value(text); });  // a second time it would throw
  journal.write(record::events::T0{"2026-11-30T00:00:00Z", monotonic_now()});
  auto note = said.get_future();
  ASSERT_EQ(note.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  notifier.stop_listening();
  EXPECT_EQ(notifier.finish(report::Summary{}), std::vector{note.get()});
}

TEST(Notifier, OneConnectionServesAllRequests) {
  Mailbox mailbox;
  Destinations to;
  to.webhooks.push_back({mailbox.url(), false, {Moment::begin, Moment::fault, Moment::end}, {}});
  EXPECT_TRUE(told_of_a_run(to).empty());
  std::set<int> ports;
  for (const auto& letter : mailbox.letters()) ports.insert(letter.from_port);
  EXPECT_EQ(mailbox.letters().size(), 4u);
  EXPECT_EQ(ports.size(), 1u);
}

/// Asks `url`, if any, and then takes its time.
class Held : public Sink {
 public:
  Held(std::shared_future<void> until, std::string url) : until_(std::move(until)), url_(std::move(url)) {}
  void tell(const Happening&, Carrier& carrier) override {
    if (!url_.empty()) carrier.send({"POST", url_, "{}", {}});
    until_.wait();
  }

 private:
  const std::shared_future<void> until_;
  const std::string url_;
};

/// What a courier says of three things of which it has at most begun the first when its time is up.
std::vector<std::string> said_of_three(const std::string& url) {
  std::promise<void> go;
  std::promise<std::string> first;
  std::vector<std::string> troubles;  // of this thread, but the first
  Courier courier("it", std::make_unique<Held>(go.get_future().share(), url),
                  [&, here = std::this_thread::get_id()](const std::string& text) {
                    if (std::this_thread::get_id() == here)
                      troubles.push_back(text);
                    else
                      first.set_value(text);
                  });
  for (int i = 0; i < 3; i++) courier.tell(std::make_shared<const Happening>());
  if (!url.empty()) troubles.push_back(first.get_future().get());
  courier.end(monotonic_now());
  courier.await();
  go.set_value();
  return troubles;
}

TEST(Courier, SaysOfALostDestinationThatItIsLostAndOfASlowOneThatItIsSlow) {
  const auto slow = said_of_three("");
  ASSERT_EQ(slow.size(), 1u);
  EXPECT_NE(slow[0].find("it was too slow"), std::string::npos) << slow[0];
  Mailbox mailbox;
  mailbox.answer(404);
  const auto lost = said_of_three(mailbox.url());
  ASSERT_EQ(lost.size(), 2u);
  EXPECT_EQ(lost[0], "it was not told: it answered with status 404");
  EXPECT_EQ(lost[1], "it was not told of 2 things more: it answered with status 404");
}

TEST(Notifier, GrafanaHasARegionForTheRunAndEachFault) {
  Mailbox mailbox;
  mailbox.answer(200, R"({"message":"Annotation added","id":42})");
  Destinations to;
  to.grafana = Grafana{mailbox.url("/"), "secret", "board", {"game-day"}};
  EXPECT_TRUE(told_of_a_run(to).empty());
  const auto letters = mailbox.letters();
  ASSERT_EQ(letters.size(), 4u);
  EXPECT_EQ(letters[0].path, "/api/annotations");
  EXPECT_EQ(letters[0].headers.find("Authorization")->second, "Bearer secret");
  EXPECT_EQ(letters[0].body["tags"], json({"faultline", "shop", "run", "game-day"}));
  EXPECT_EQ(letters[0].body["dashboardUID"], "board");
  EXPECT_EQ(letters[1].body["tags"], json({"faultline", "shop", "fault", "cut", "game-day"}));
  EXPECT_EQ(letters[2].method, "PATCH");
  EXPECT_EQ(letters[2].path, "/api/annotations/42");
  EXPECT_GE(letters[2].body["timeEnd"].get<std::int64_t>(), letters[1].body["time"].get<std::int64_t>());
  EXPECT_EQ(letters[3].method, "PATCH");
  EXPECT_EQ(letters[3].body["text"], "shop: deviated");
}

TEST(Notifier, GrafanaGetsTheWholeRegionWhereItTookNoBegin) {
  Mailbox mailbox;  // its answers have no number
  Destinations to;
  to.grafana = Grafana{mailbox.url(), "secret", "", {}};
  told_of_a_run(to);
  const auto letters = mailbox.letters();
  ASSERT_EQ(letters.size(), 4u);
  EXPECT_EQ(letters[2].method, "POST");
  EXPECT_TRUE(letters[2].body.contains("time") && letters[2].body.contains("timeEnd")) << letters[2].body;
}

TEST(Notifier, OtlpHasLogsAndMetrics) {
  Mailbox mailbox;
  Destinations to;
  to.otlp = Otlp{mailbox.url(), {{"X-Key", "k"}}, 3600 * kSecond};
  EXPECT_TRUE(told_of_a_run(to).empty());
  const auto letters = mailbox.letters();
  ASSERT_EQ(letters.size(), 5u) << "four logs, and the metrics at the end";
  EXPECT_EQ(letters[1].path, "/v1/logs");
  const auto& record = letters[1].body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
  EXPECT_EQ(record["severityText"], "INFO");
  EXPECT_EQ(record["attributes"][0]["value"]["stringValue"], "faultline.fault_begin");
  EXPECT_TRUE(record["timeUnixNano"].is_string());
  EXPECT_EQ(letters[4].path, "/v1/metrics");
  EXPECT_NE(letters[4].body.dump().find("faultline_fault_active"), std::string::npos);
  EXPECT_NE(letters[4].body.dump().find("service.name"), std::string::npos);
}

TEST(Otlp, AHistogramsBucketsStandForThemselves) {
  prometheus::MetricFamily family{"took_seconds", "how long", prometheus::MetricType::Histogram, {}};
  auto& metric = family.metric.emplace_back();
  metric.label = {{"probe", "pay"}};
  metric.histogram.sample_count = 7;
  metric.histogram.sample_sum = 1.5;
  metric.histogram.bucket = {{2, 0.1}, {5, 1.0}, {7, std::numeric_limits<double>::infinity()}};
  const auto body = json::parse(otlp_metrics(shop(), {family}, 1, 2));
  const auto& one = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
  EXPECT_EQ(one["unit"], "s");
  EXPECT_EQ(one["histogram"]["aggregationTemporality"], 2);
  const auto& point = one["histogram"]["dataPoints"][0];
  EXPECT_EQ(point["bucketCounts"], json({"2", "3", "2"}));
  EXPECT_EQ(point["explicitBounds"], json({0.1, 1.0}));
  EXPECT_EQ(point["count"], "7");
  EXPECT_EQ(point["attributes"][0]["key"], "probe");
}

}  // namespace
}  // namespace faultline::notify
