#include "injector/report/summary.h"

#include "injector/record/json_fields.h"
#include "injector/report/derive.h"
#include "injector/report/held.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;
using nlohmann::json;

const faults::Kind kDegrade{.name = "degrade",
                            .summary = "",
                            .keys = {{"delay", faults::ValueType::duration, "", "\"1s\""},
                                     {"loss", faults::ValueType::probability, "", "\"1%\""},
                                     {"order", faults::ValueType::choice, "", "\"flow\"", false, "\"flow\""}},
                            .validate = nullptr,
                            .compile = [](const faults::Request&) { return faults::Channel(); }};

plan::Plan summarized_plan() {
  plan::Plan p;
  p.name = "jitter";
  p.title = "Jitter";
  p.path = "jitter.toml";
  p.seed = 18446744073709551615u;
  p.duration = 8 * kSecond;
  p.probes.resize(1);
  p.probes[0].name = "pay";
  p.probes[0].kind = probe::find_kind("http");
  p.probes[0].every = 20 * kMillisecond;
  p.faults.resize(1);
  p.faults[0].name = "cut";
  p.faults[0].kind = &kDegrade;
  p.faults[0].on = {"web"};
  p.faults[0].start = 2 * kSecond;
  p.faults[0].end = 4 * kSecond;
  p.faults[0].params.set("delay", faults::Value(Ns{1500 * kMillisecond}));
  p.faults[0].params.set("loss", faults::Value(0.12));
  p.faults[0].params.set("order", faults::Value(std::string("flow")));
  plan::Hypothesis h;
  h.name = "pays";
  h.probe = "pay";
  h.during = "cut";
  h.success = plan::Bound{plan::Bound::Op::ge, 0.99, ">= 99%"};
  h.recovers_within = kSecond;
  p.hypotheses = {h};
  return p;
}

Account a_result() {
  Account r;
  r.fault = "cut";
  r.matched = 200;
  r.bytes = 20000;
  r.delayed = 190;
  r.dropped = 10;
  r.applied_delay = {1500000, 1500100, 1500200, 1500300, 190};
  r.held = {1500040, 1500160, 1500290, 1500420, 190};
  r.lateness = {40, 60, 90, 120, 190};
  r.planned_onset = 2 * kSecond + 500;
  r.first_affected = 2 * kSecond + 42500;
  r.last_affected = 4 * kSecond - 1;
  auto& web = r.sites.emplace_back();
  web.site = "web";
  web.matched = 200;
  web.dropped = 10;
  web.delayed = 190;
  return r;
}

/// A complete run as the run's loop would write it.
void write_run(const std::filesystem::path& folder, const Account& result) {
  const plan::Plan p = summarized_plan();
  Journal journal(folder);
  events::run(journal, p,
              {.version = "0.1.0",
               .kernel = "6.1.0",
               .line = "tap",
               .host = "h",
               .command = {"faultline"},
               .repeat = {},
               .masked = false});
  events::plan(journal, p);
  events::step(journal, "ready");
  events::site(journal, {"web", 42, {"eth0"}, {"cut"}});
  events::t0(journal, monotonic_now(), 1575284400 * kSecond);
  events::fault_begin(journal, "cut", p.faults[0].start);
  for (Ns due = 0; due < p.duration; due += 20 * kMillisecond)
    journal.sample("pay", {0, due, 10 * kMicrosecond, 2 * kMillisecond, true, ""});
  events::service(journal, "web", "exited", "status 1");
  events::warning(journal, "clock stepped");
  events::fault_end(journal, "cut", p.faults[0].end);
  events::healed(journal, "end");
  events::fault_result(journal, result);
  events::line(journal, {.read = 200});
  events::cleanup(journal, {});
  events::end(journal);
}

TEST(Summary, HasTheContractsFields) {
  TemporaryFolder folder;
  write_run(folder.path(), a_result());
  const report::Outcome outcome = report::derive(folder.path());
  EXPECT_EQ(outcome.exit, Exit::passed) << to_json(outcome.summary).dump(2);
  const json s = json::parse(folder.read("summary.json"));
  EXPECT_EQ(s, to_json(outcome.summary));
  EXPECT_EQ(s.at("verdict"), "passed");
  EXPECT_EQ(s.at("exit_code"), 0);
  EXPECT_EQ(s.at("seed").get<std::uint64_t>(), 18446744073709551615u);
  EXPECT_EQ(s.at("kernel"), "6.1.0");
  EXPECT_EQ(s.at("line"), "tap");
  EXPECT_EQ(s.at("started_at"), "2019-12-02T11:00:00.000000Z");
  EXPECT_EQ(s.at("duration_s"), 8.0);
  EXPECT_EQ(s.at("journal"), "journal.jsonl");
  EXPECT_EQ(s.at("warnings"), json::array({"clock stepped"}));
  EXPECT_EQ(s.at("services").at(0).at("what"), "exited");
  EXPECT_EQ(s.at("line_stats").at("read"), 200);
  EXPECT_EQ(s.at("cleanup").at("ok"), true);

  const json& fault = s.at("faults").at(0);
  EXPECT_EQ(fault.at("name"), "cut");
  EXPECT_EQ(fault.at("kind"), "degrade");
  EXPECT_EQ(fault.at("asked"), json({{"delay", "1.5s"}, {"loss", "12%"}, {"order", "flow"}}));
  EXPECT_EQ(fault.at("asked_text"), "delay 1.5s, loss 12%");
  EXPECT_EQ(fault.at("packets_matched"), 200);
  EXPECT_EQ(fault.at("packets_dropped"), 10);
  EXPECT_EQ(fault.at("packets_delayed"), 190);
  EXPECT_EQ(fault.at("applied_delay_us").at("p99"), 1500200);
  EXPECT_EQ(fault.at("held_us").at("p90"), 1500160);
  EXPECT_EQ(fault.at("lateness_us").at("max"), 120);
  EXPECT_EQ(fault.at("onset_error_us"), 42.0);
  EXPECT_EQ(fault.at("sites").at(0).at("packets_matched"), 200);

  const json& probe = s.at("probes").at(0);
  ASSERT_EQ(probe.at("phases").size(), 3u);
  EXPECT_EQ(probe.at("phases").at(1).at("phase"), "cut");
  EXPECT_EQ(probe.at("phases").at(1).at("sent"), 100);
  EXPECT_EQ(probe.at("phases").at(1).at("failed"), 0);
  EXPECT_EQ(probe.at("phases").at(1).at("latency_ms").at("p90"), 2.0);
  EXPECT_EQ(probe.at("recovered_after_s"), 0.0);
  EXPECT_EQ(probe.at("late_sends"), 0);
  EXPECT_EQ(s.at("hypotheses").at(0).at("held"), true);
  EXPECT_EQ(s.at("hypotheses").at(0).at("expected"), "success >= 99%, recovers within 1s");
}

TEST(Summary, WhatWasNotMeasuredIsNull) {
  Recording r = good_recording();
  r.faults[0].account = Account{};
  replace_requests(r, 10 * kSecond, 20 * kSecond, false, 0);
  const json s = to_json(report::summarize(r, judge(r)));
  EXPECT_TRUE(s.at("faults").at(0).at("onset_error_us").is_null());
  EXPECT_TRUE(s.at("faults").at(0).at("applied_delay_us").at("p50").is_null());
  EXPECT_TRUE(s.at("probes").at(0).at("phases").at(1).at("latency_ms").at("p50").is_null());
  EXPECT_EQ(s.at("probes").at(0).at("phases").at(1).at("by_error").at("timeout"), 500);
}

TEST(Summary, AnAccountSurvivesTheJournalWithEveryCount) {
  Account a = a_result();
  std::uint64_t n = 1000, undelivered = 0;
  for (const auto& count : faults::kCounts) a.*count.in = a.sites[0].*count.in = n++;
  for (const auto& one : faults::kUndelivered) undelivered += a.undelivered.*one.in = n++;
  a.bytes = a.sites[0].bytes = n++;
  a.unseen = {{"netns a", "eth0", "egress", n++}};
  const json written = to_json(a);
  const auto read = from_json<Account>(json::parse(written.dump()));
  EXPECT_EQ(to_json(read), written);
  EXPECT_EQ(read.undelivered.total(), undelivered);
  EXPECT_EQ(read.unseen.at(0).packets, n - 1);
  for (const auto& count : faults::kCounts) {
    EXPECT_EQ(written.at(count.name), a.*count.in) << count.name;
    EXPECT_EQ(read.sites.at(0).*count.in, a.*count.in) << count.name;
  }
}

TEST(Derive, IsTheSameWhenMadeAgain) {
  TemporaryFolder folder;
  write_run(folder.path(), a_result());
  const json first = to_json(report::derive(folder.path()).summary);
  const std::string junit = folder.read("junit.xml");
  std::filesystem::remove(folder.path() / "summary.json");
  EXPECT_EQ(to_json(report::derive(folder.path()).summary), first);
  EXPECT_EQ(folder.read("junit.xml"), junit);
}

TEST(Derive, AJournalCutAnywhereIsAnInterruptedRun) {
  TemporaryFolder whole;
  write_run(whole.path(), a_result());
  const std::string text = whole.read("journal.jsonl");
  for (std::size_t length = 0; length < text.size() - 2; length += 1 + text.size() / 60) {
    TemporaryFolder folder;
    folder.write("journal.jsonl", text.substr(0, length));
    const report::Outcome outcome = report::derive(folder.path());
    EXPECT_EQ(outcome.exit, Exit::aborted) << "cut at " << length;
    EXPECT_TRUE(outcome.summary.interrupted);
    ASSERT_FALSE(outcome.summary.reasons.empty());
    EXPECT_NE(outcome.summary.reasons[0].find("interrupted"), std::string::npos);
    for (const auto& h : outcome.summary.hypotheses) EXPECT_FALSE(h.held);
  }
}

TEST(Derive, ADamagedMiddleIsAFailure) {
  TemporaryFolder whole, folder;
  write_run(whole.path(), a_result());
  std::string text = whole.read("journal.jsonl");
  text.insert(text.find('\n') + 1, "{\"at\":\"torn\n");
  folder.write("journal.jsonl", text);
  EXPECT_EQ(report::derive(folder.path()).exit, Exit::failed);
}

TEST(Derive, EventsOfANewerVersionAreLeftAlone) {
  TemporaryFolder whole, folder;
  write_run(whole.path(), a_result());
  folder.write("journal.jsonl", "{\"event\":\"tomorrow\",\"x\":1}\n" + whole.read("journal.jsonl"));
  EXPECT_EQ(report::derive(folder.path()).exit, Exit::passed);
}

TEST(Derive, NeedsAJournal) {
  TemporaryFolder folder;
  try {
    report::derive(folder.path());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), Exit::invalid);
  }
}

TEST(Derive, RecordsAborts) {
  TemporaryFolder folder;
  {
    const plan::Plan p = summarized_plan();
    Journal journal(folder.path());
    events::plan(journal, p);
    events::t0(journal, monotonic_now(), wall_now());
    events::abort(journal, events::By::guard, "pay below 20%", 3 * kSecond);
    events::cleanup(journal, {});
    events::end(journal);
  }
  const json s = to_json(report::derive(folder.path()).summary);
  EXPECT_EQ(s.at("exit_code"), 5);
  EXPECT_EQ(s.at("abort").at("by"), "guard");
  EXPECT_EQ(s.at("observed_s"), 3.0);
}

/// A guard that acted at 3 s of 8 s, one that did not, and a note.
void write_guarded_run(const std::filesystem::path& folder) {
  plan::Plan p = summarized_plan();
  plan::Guard lost;
  lost.name = "lost";
  lost.probe = "pay";
  lost.window = 2 * kSecond;
  lost.success = plan::Bound{plan::Bound::Op::lt, 0.2, "< 20%"};
  plan::Guard slow = lost;
  slow.name = "slow";
  slow.during = "recovery";
  slow.success.reset();
  slow.p99 = plan::Bound{plan::Bound::Op::gt, 1e9, "> 1s"};
  p.guards = {lost, slow};
  GuardTrip trip;
  trip.when = 3 * kSecond;
  trip.sent = 100;
  trip.ok = 7;
  trip.observed = "success 7.0% (7 of 100)";
  Journal journal(folder);
  events::plan(journal, p);
  events::t0(journal, monotonic_now(), wall_now());
  events::note(journal, "the pager\x1b[2J rang", "alice");
  events::guard(journal, lost, trip);
  events::healed(journal, "abort");
  events::abort(journal, events::By::guard, "lost: " + trip.observed, 3 * kSecond);
  events::cleanup(journal, {});
  events::end(journal);
}

TEST(Derive, RecordsGuardsAndNotes) {
  TemporaryFolder folder;
  write_guarded_run(folder.path());
  const json s = to_json(report::derive(folder.path()).summary);
  EXPECT_EQ(s.at("exit_code"), 5);
  ASSERT_EQ(s.at("guards").size(), 2u);
  EXPECT_EQ(s.at("guards").at(0), json({{"name", "lost"},
                                        {"probe", "pay"},
                                        {"during", nullptr},
                                        {"condition", "success < 20% for 2s"},
                                        {"tripped", true},
                                        {"t_s", 3.0},
                                        {"observed", "success 7.0% (7 of 100)"}}));
  EXPECT_EQ(s.at("guards").at(1), json({{"name", "slow"},
                                        {"probe", "pay"},
                                        {"during", "recovery"},
                                        {"condition", "p99 > 1s for 2s"},
                                        {"tripped", false},
                                        {"t_s", nullptr},
                                        {"observed", nullptr}}));
  ASSERT_EQ(s.at("notes").size(), 1u);
  EXPECT_EQ(s.at("notes").at(0).at("by"), "alice");
  EXPECT_NE(s.at("reasons").dump().find("(guard): lost: success 7.0% (7 of 100)"), std::string::npos)
      << s.at("reasons").dump();
  const std::string junit = folder.read("junit.xml");
  EXPECT_NE(junit.find("name=\"guard: lost\""), std::string::npos) << junit;
  EXPECT_NE(junit.find("name=\"guard: slow\""), std::string::npos) << junit;
  EXPECT_NE(junit.find("success &lt; 20% for 2s: success 7.0% (7 of 100)"), std::string::npos) << junit;
}

TEST(Render, ShowsGuardsAndNotes) {
  TemporaryFolder folder;
  write_guarded_run(folder.path());
  const std::string text = report::render_outcome(report::derive(folder.path()), "runs/x", false).bytes();
  for (const char* part :
       {"ABORTED", "Guards", "lost", "stopped the run after 3 s (success < 20% for 2s): success 7.0% (7 of 100)",
        "Notes", "rang (alice)"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "a note must not move the cursor";
}

TEST(Render, SaysWhenAFaultWasTooShortForItsDelay) {
  for (const std::uint64_t released : {std::uint64_t{0}, std::uint64_t{1}}) {
    TemporaryFolder folder;
    Account result = a_result();
    result.released_at_end = released * result.delayed;
    write_run(folder.path(), result);
    const std::string text = report::render_outcome(report::derive(folder.path()), "runs/x", false).bytes();
    EXPECT_EQ(text.find("all let go at the fault's end") != std::string::npos, released == 1) << text;
  }
}

TEST(Render, SaysWhyPacketsWereHeldForLongerThanAsked) {
  const struct {
    double held, late;
    std::uint64_t composed;
    const char* why;
  } cases[] = {
      {1500040, 40, 0, nullptr},          {1640000, 40, 190, nullptr},  // within a tenth
      {1800000, 200000, 0, nullptr},                                    // it was late, which is said by itself
      {3000000, 40, 190, "other delays"}, {3000000, 40, 0, "keep their order"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.held);
    TemporaryFolder folder;
    Account result = a_result();
    result.held.p50 = one.held;
    result.lateness.p50 = one.late;
    result.composed = one.composed;
    write_run(folder.path(), result);
    const std::string text = report::render_outcome(report::derive(folder.path()), "runs/x", false).bytes();
    EXPECT_EQ(text.find("        held     p50") != std::string::npos, one.why != nullptr) << text;
    if (one.why != nullptr) {
      EXPECT_NE(text.find(one.why), std::string::npos) << text;
    }
  }
}

TEST(Held, NamesTheOrderWhereJitterIsWhatMakesIt) {
  report::Fault fault;
  fault.applied_delay_us.p50 = 43000;
  fault.held_us.p50 = 468000;
  fault.lateness_us.p50 = 50;
  fault.asked = {{"delay", "50ms"}, {"jitter", "50ms"}, {"order", "flow"}};
  EXPECT_NE(held_longer(fault).value_or("").find("order = \"free\""), std::string::npos);
  fault.composed = 10;
  EXPECT_NE(held_longer(fault).value_or("").find("other delays"), std::string::npos);
  EXPECT_NE(held_longer(fault).value_or("").find("keep their order"), std::string::npos);
  fault.asked["order"] = "free";
  EXPECT_EQ(held_longer(fault).value_or("").find("keep their order"), std::string::npos);
  fault.held_us = {};
  EXPECT_FALSE(held_longer(fault)) << "a summary of an older version";
}

TEST(Render, SaysWhatMatters) {
  TemporaryFolder folder;
  Account late = a_result();
  late.lateness.p99 = 200'000;
  write_run(folder.path(), late);
  const report::Outcome outcome = report::derive(folder.path());
  const std::string text = report::render_outcome(outcome, "runs/x", false).bytes();
  for (const char* part :
       {"INCONCLUSIVE", "Jitter", "exit 2", "cut", "delay 1.5s, loss 12%", "200 packets", "10 dropped (5.0%)",
        "was late", "expected success >= 99%", "observed success 100%", "runs/x"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(report::render_outcome(outcome, "runs/x", true).bytes().find("\x1b[1;33mINCONCLUSIVE"), std::string::npos);
}

}  // namespace
}  // namespace faultline::record
