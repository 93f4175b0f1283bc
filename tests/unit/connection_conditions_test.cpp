// What hypotheses may ask of a target's connections, and how they and guards say it: how a recording is judged by it,
// and that what was not counted is never taken for good.
#include "injector/record/verdict.h"
#include "plan_support.h"
#include "record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;
using plan::Bound;
using plan::kSmall;
using plan::only_mistake;
using plan::parse_good;

const std::string kAsked = "[[hypotheses]]\ntelemetry = \"shop\"\n";

TEST(PlanConnections, EverySeriesIsRead) {
  const auto plan = parse_good(
      kSmall + kAsked +
      "connections = { opened = \">= 1\", accepted = \"= 0\", failed = \"<= 3\", closed = \"<= 5/s\" }\n"
      "errors.refused = \"<= 1%\"\nretransmits = \"<= 20\"\nretransmits_ours = \"<= 19\"\ntimeouts = \"= 0\"\n"
      "resets = { sent = \"= 0\", received = \"= 0\" }\nbytes = { sent = \">= 10\", received = \">= 1\" }\n"
      "packets = { sent = \"<= 9\", received = \"<= 9\" }\n"
      "rtt = { p50 = \"<= 1ms\", p90 = \"<= 2ms\", p95 = \"<= 3ms\", p99 = \"<= 80ms\", p999 = \"<= 1s\", max = "
      "\"<= 2s\" }\n"
      "turns = { answered = \">= 1\", unanswered = \"= 0\", p50 = \"<= 1ms\", p90 = \"<= 2ms\", p95 = \"<= "
      "3ms\", p99 = \"<= 4ms\", p999 = \"<= 5ms\", max = \"<= 6ms\" }\n");
  const auto& h = plan.hypotheses.at(0);
  EXPECT_EQ(h.telemetry, "shop");
  EXPECT_EQ(h.probe, "");
  for (const auto& key : plan::Conditions::keys())
    EXPECT_EQ((h.*key.bound).has_value(), key.of_connections()) << key.name;
  EXPECT_EQ(h.closed->measure, Bound::Measure::per_second);
  EXPECT_FALSE(h.retransmits->measure);
  EXPECT_DOUBLE_EQ(h.rtt_p99->value, 80.0 * kMillisecond);
  EXPECT_TRUE(h.name.starts_with("shop's connections: connections.opened >= 1, ")) << h.name;
  EXPECT_EQ(plan.telemetry, std::vector<std::string>{"shop"}) << "what is asked is counted";
  EXPECT_TRUE(plan.telemetry_options.turns) << "likewise";
  EXPECT_FALSE(parse_good(kSmall + kAsked + "retransmits = \"= 0\"\n").telemetry_options.turns);
}

TEST(PlanConnections, GoIntoGuards) {
  const auto plan = parse_good(
      kSmall + "[[guards]]\ntelemetry = \"shop\"\nfor = \"1s\"\n" +
      "connections = { opened = \"> 1\", accepted = \"> 1\", failed = \"> 3\", closed = \"> 5/s\" }\n"
      "errors.refused = \"> 1%\"\nretransmits = \"> 20\"\nretransmits_ours = \"> 19\"\ntimeouts = \"> 0\"\n"
      "resets = { sent = \"> 0\", received = \"> 0\" }\nbytes = { sent = \"> 10\", received = \"> 1\" }\n"
      "packets = { sent = \"> 9\", received = \"> 9\" }\n"
      "rtt = { p50 = \"> 1ms\", p90 = \"> 2ms\", p95 = \"> 3ms\", p99 = \"> 80ms\", p999 = \"> 1s\", max = \"> 2s\" }\n"
      "turns = { answered = \"> 1\", unanswered = \"> 0\", p50 = \"> 1ms\", p90 = \"> 2ms\", p95 = \"> 3ms\", "
      "p99 = \"> 4ms\", p999 = \"> 5ms\", max = \"> 6ms\" }\n");
  const auto& guard = plan.guards.at(0);
  for (const auto& key : plan::Conditions::keys())
    EXPECT_EQ((guard.*key.bound).has_value(), key.of_connections()) << key.name;
  EXPECT_TRUE(guard.errors);
  EXPECT_EQ(plan.telemetry, std::vector<std::string>{"shop"});
  EXPECT_TRUE(plan.telemetry_options.turns);
}

TEST(PlanConnections, AreOfATargetOrOfThoseWithAPeer) {
  const std::string bank = "[targets.bank]\naddress = \"10.0.0.9\"\n";
  const auto plan =
      parse_good(kSmall + bank + kAsked + "peer = \"bank\"\nretransmits = \"<= 2x baseline\"\nduring = \"degrade\"\n" +
                 "[[guards]]\ntelemetry = \"shop\"\npeer = \"bank\"\nretransmits = \"> 5/s\"\nfor = \"1s\"\n");
  EXPECT_EQ(plan.hypotheses.at(0).peer, "bank");
  EXPECT_EQ(subject_text(plan.hypotheses.at(0)), "shop's connections with bank");
  EXPECT_EQ(plan.guards.at(0).telemetry, "shop");
  EXPECT_EQ(plan.guards.at(0).name, "shop's connections with bank: retransmits > 5/s for 1s");
  only_mistake(kSmall + kAsked + "peer = \"bnk\"\nretransmits = \"= 0\"\n" + bank, "peer: there is no target \"bnk\"",
               "did you mean \"bank\"");
  only_mistake(kSmall + kAsked + "peer = \"card\"\nretransmits = \"= 0\"\n[targets.card]\ninterface = \"eth0\"\n",
               "\"card\" has no addresses of its own");
}

TEST(PlanConnections, APeerIsToldByItsAddressesAlone) {
  const auto asked = [](const std::string& more) {
    return kSmall + "[targets.bank]\naddress = \"10.0.0.9\"\n" + more + kAsked +
           "peer = \"bank\"\nretransmits = \"= 0\"\n";
  };
  const auto port = only_mistake(asked("port = 443\n"), "peer: \"bank\" has a port", "without port");
  EXPECT_EQ(port.at.line, 16u);
  EXPECT_EQ(port.at.column, 8u);
  only_mistake(asked("protocol = \"udp\"\n"), "\"bank\" is of udp, and connections are of TCP");
  EXPECT_EQ(parse_good(asked("protocol = \"tcp\"\n")).hypotheses.at(0).peer, "bank") << "that leaves nothing out";
  only_mistake(kSmall +
                   "[targets.bank]\naddress = \"10.0.0.9\"\nport = 443\n[[guards]]\ntelemetry = \"shop\"\npeer = "
                   "\"bank\"\nretransmits = \"> 5\"\nfor = \"1s\"\n",
               "peer: \"bank\" has a port");
}

TEST(PlanConnections, RefusesWhatCannotBeAsked) {
  only_mistake(kSmall + "[[hypotheses]]\ntelemetry = \"shpo\"\nretransmits = \"= 0\"\n", "there is no target \"shpo\"",
               "did you mean \"shop\"");
  only_mistake(kSmall + kAsked + "success = \">= 99%\"\n", "success: is asked of the requests of a probe");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\nretransmits = \"= 0\"\n",
               "retransmits: is counted of the connections of a target", "telemetry = ");
  only_mistake(kSmall + kAsked + "probe = \"pay\"\nretransmits = \"= 0\"\n", "telemetry: it is about a probe already");
  only_mistake(kSmall + "[[hypotheses]]\nprobe = \"pay\"\npeer = \"shop\"\nsuccess = \">= 1%\"\n",
               "peer: only connections are told by their peer");
  only_mistake(kSmall + kAsked + "recovers_within = \"5s\"\nretransmits = \"= 0\"\n",
               "recovers_within: is asked of the requests of a probe");
  only_mistake(kSmall + kAsked + "errors.tiemout = \"= 0\"\n", "fails by \"tiemout\"", "did you mean \"timeout\"");
  only_mistake(kSmall + kAsked, "hypothesis 1 has no condition", "retransmits");
  only_mistake(kSmall + kAsked + "retransmits = \"<= 20%\"\n", "retransmits: ");
  only_mistake(kSmall + "[[guards]]\ntelemetry = \"shop\"\nretransmits = \"> 5\"\nfor = \"50ms\"\n",
               "connections are counted for each 100ms");
  only_mistake(kSmall + "[[guards]]\ntelemetry = \"shop\"\nretransmits = \"> 2x baseline\"\nfor = \"1s\"\n",
               "a guard has no baseline");
}

/// Counted of "web" for each 100 ms of the run: 10 connections opened, and in the fault, from 10 s to 20 s, 2 sent
/// again.
struct ConnectionHypothesis : ::testing::Test {
  ConnectionHypothesis() {
    r.hypotheses.clear();
    r.telemetry = {{"web"}};
    for (Ns from = 0; from < r.duration; from += 100 * kMillisecond) {
      auto& b = r.telemetry[0].buckets.emplace_back(bucket(from));
      b.opened = 10;
      b.bytes_sent = 1000;
      b.rtt = {{kMillisecond, 9}, {2 * kMillisecond, 1}};
      if (from >= 10 * kSecond && from < 20 * kSecond) b.retransmits = 2;
    }
    h.name = "h";
    h.telemetry = "web";
    h.during = "cut";
  }
  Judgement judged() {
    r.hypotheses = {h};
    return judge(r).hypotheses.at(0);
  }
  static Bound at_most(double value, std::optional<Bound::Measure> measure = {}) {
    return {Bound::Op::le, value, "<= …", measure};
  }
  Recording r = good_recording();
  plan::Hypothesis h;
};

TEST_F(ConnectionHypothesis, OfANumberOfTheWindow) {
  h.retransmits = at_most(200);
  auto j = judged();
  EXPECT_EQ(j.held, true);
  EXPECT_EQ(j.observed, "retransmits 200");
  EXPECT_EQ(j.telemetry, "web");
  EXPECT_EQ(judge(r).exit, Exit::passed);
  h.retransmits = at_most(199);
  j = judged();
  EXPECT_EQ(j.held, false);
  EXPECT_EQ(judge(r).exit, Exit::deviated);
  h.during = "baseline";
  h.retransmits = at_most(0);
  EXPECT_EQ(judged().held, true);
}

TEST_F(ConnectionHypothesis, EachFigureDecidesByItself) {
  for (const auto& key : plan::Conditions::keys()) {
    if (!key.of_connections()) continue;
    SCOPED_TRACE(key.name);
    r.telemetry[0].buckets = {one_of_each(15 * kSecond)};
    if (key.of == plan::Conditions::Of::turns) r.telemetry[0].buckets[0].unanswered = 0;
    plan::Hypothesis asked = h;
    asked.*key.bound = at_most(value_of(key));
    r.hypotheses = {asked};
    EXPECT_EQ(judge(r).hypotheses.at(0).held, true) << judge(r).hypotheses.at(0).observed;
    asked.*key.bound = at_most(value_of(key) - 1);
    r.hypotheses = {asked};
    EXPECT_EQ(judge(r).hypotheses.at(0).held, false) << judge(r).hypotheses.at(0).observed;
    asked.eventually = kSecond;
    r.hypotheses = {asked};
    EXPECT_NE(judge(r).hypotheses.at(0).held, true);
  }
}

TEST_F(ConnectionHypothesis, OfANumberInASecond) {
  h.retransmits = at_most(20, Bound::Measure::per_second);
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().observed, "retransmits 200 (20.0/s)");
  h.retransmits = at_most(19.9, Bound::Measure::per_second);
  EXPECT_EQ(judged().held, false);
}

TEST_F(ConnectionHypothesis, ComparesWithASecondOfTheBaseline) {
  for (auto& b : r.telemetry[0].buckets)
    if (b.from < 10 * kSecond && b.from % kSecond == 0) b.retransmits = 10;  // 10/s, and 20/s in the fault
  h.retransmits = at_most(2, Bound::Measure::times_baseline);
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().observed, "retransmits 200 (20.0/s) (at most 20.0/s)");
  h.length = 5 * kSecond;
  EXPECT_EQ(judged().held, true) << "however long the window is";
  h.retransmits = at_most(1.9, Bound::Measure::times_baseline);
  EXPECT_EQ(judged().held, false);
}

TEST_F(ConnectionHypothesis, OfAQuantileWithItsConfidence) {
  h.rtt_p90 = at_most(1.0 * kMillisecond);
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().observed, "rtt.p90 1.00 ms");
  EXPECT_EQ(judged().confidence, "rtt.p90 1.00 ms to 2.00 ms");
  h.rtt_p90.reset();
  h.rtt_p95 = at_most(1.0 * kMillisecond);
  EXPECT_EQ(judged().held, false);
}

TEST_F(ConnectionHypothesis, OfErrorsAsAShareOfTheAttempts) {
  for (auto& b : r.telemetry[0].buckets)
    if (b.from == 15 * kSecond) b.failed = {{"refused", 5}, {"timeout", 5}};
  h.errors = {{"refused", at_most(5.0 / 1010)}};
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().observed, "errors.refused 0.5% (5 of 1,010)");
  h.errors = {{"refused", at_most(4, Bound::Measure::count)}};
  EXPECT_EQ(judged().held, false);
  h.errors.reset();
  h.connections_failed = at_most(10);
  EXPECT_EQ(judged().observed, "connections.failed 10");
  EXPECT_EQ(judged().held, true);
}

TEST_F(ConnectionHypothesis, AnUnansweredTurnIsInfinitelySlow) {
  for (auto& b : r.telemetry[0].buckets) b.turns = {{5 * kMillisecond, 1}};
  h.turns_p99 = at_most(5.0 * kMillisecond);
  EXPECT_EQ(judged().held, true);
  r.telemetry[0].buckets[150].unanswered = 2;
  EXPECT_EQ(judged().held, false);
  EXPECT_EQ(judged().observed, "turns.p99 never (2.0% unanswered)");
  h.turns_p99.reset();
  h.answered = at_most(100);
  h.unanswered = at_most(2);
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().observed, "turns.answered 100, turns.unanswered 2");
}

TEST_F(ConnectionHypothesis, OfOnePeer) {
  for (auto& b : r.telemetry[0].buckets) {
    PeerSpan bank, others;
    bank.peer = "bank";
    bank.opened = 1;
    others.peer = "others";
    others.retransmits = b.retransmits;
    b.peers = {bank, others};
  }
  h.retransmits = at_most(0);
  EXPECT_EQ(judged().held, false);
  h.peer = "bank";
  EXPECT_EQ(judged().held, true);
  EXPECT_EQ(judged().peer, "bank");
  h.peer = "nobody";
  EXPECT_EQ(judged().held, std::nullopt);
  EXPECT_EQ(judged().reason, "nothing was seen of web's connections with nobody in \"cut\"");
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
}

TEST_F(ConnectionHypothesis, IsNotJudgedWhereNothingWasSeen) {
  auto& buckets = r.telemetry[0].buckets;
  std::erase_if(buckets, [](const auto& b) { return b.from >= 10 * kSecond && b.from < 20 * kSecond; });
  h.retransmits = at_most(0);
  EXPECT_EQ(judged().held, std::nullopt);
  EXPECT_EQ(judge(r).exit, Exit::inconclusive);
  buckets.clear();
  r.telemetry.clear();
  EXPECT_EQ(judged().reason, "the connections of \"web\" were not counted");
}

TEST_F(ConnectionHypothesis, IsNotJudgedOfASeriesThatHasNoValues) {
  for (auto& b : r.telemetry[0].buckets) {
    b.rtt.clear();
    b.opened = 0;
  }
  h.rtt_p99 = at_most(1.0 * kSecond);
  EXPECT_EQ(judged().held, std::nullopt);
  EXPECT_EQ(judged().reason, "rtt.p99: there was none to measure");
  h.rtt_p99.reset();
  h.errors = {{"refused", at_most(0.5)}};
  EXPECT_EQ(judged().reason, "errors.refused: no attempt was made to open a connection");
  h.errors = {{"refused", at_most(0, Bound::Measure::count)}};
  EXPECT_EQ(judged().held, true) << "none is a number";
}

TEST_F(ConnectionHypothesis, IsNotJudgedOfWhatWasNotCounted) {
  h.retransmits = at_most(1000);
  auto& lacks = r.telemetry[0].uncounted;
  lacks = {{.series = {"retransmits", "timeouts"}, .why = "no tcp_retransmit_skb"}};
  EXPECT_EQ(judged().held, std::nullopt);
  EXPECT_EQ(judged().reason, "telemetry of \"web\": no tcp_retransmit_skb");
  lacks = {{.series = {"rtt", "resets.sent"}, .why = "no tcp_probe"}};
  EXPECT_EQ(judged().held, true) << "it asks for another";
  lacks = {{.series = {}, .from = 20 * kSecond, .why = "gone"}};
  EXPECT_EQ(judged().held, true) << "only afterwards";
  lacks = {{.series = {}, .from = 19 * kSecond, .why = "gone"}};
  EXPECT_EQ(judged().held, std::nullopt);
  lacks = {{.series = {}, .from = kSecond, .until = 2 * kSecond, .why = "gone"}};
  EXPECT_EQ(judged().held, true);
  h.bytes_sent = at_most(1, Bound::Measure::times_baseline);
  EXPECT_EQ(judged().held, std::nullopt) << "the baseline has a gap";
  EXPECT_EQ(judged().reason, "the baseline has no bytes.sent to compare with: telemetry of \"web\": gone");
}

TEST_F(ConnectionHypothesis, IsNotJudgedOfAPeerThatIsNotToldApart) {
  for (auto& b : r.telemetry[0].buckets) {
    PeerSpan bank;
    bank.peer = "bank";
    b.peers = {bank};
  }
  h.retransmits = at_most(1000);
  r.telemetry[0].uncounted = {{.peer = "bank", .why = "\"card\" has it, too"}};
  EXPECT_EQ(judged().held, true) << "all of its connections are";
  h.peer = "bank";
  EXPECT_EQ(judged().held, std::nullopt);
  EXPECT_EQ(judged().reason, "telemetry of \"web\": \"card\" has it, too");
  r.telemetry[0].uncounted[0].peer = "card";
  EXPECT_EQ(judged().held, true);
}

TEST_F(ConnectionHypothesis, TellsWhenItBeganToHold) {
  for (auto& b : r.telemetry[0].buckets)
    if (b.from >= 13 * kSecond) b.retransmits = 0;
  h.retransmits = at_most(0);
  h.eventually = 5 * kSecond;
  const auto j = judged();
  EXPECT_EQ(j.held, true);
  EXPECT_EQ(j.held_after, 3 * kSecond - 100 * kMillisecond + 1) << "the last span with one begins 2.9 s after";
  h.eventually = 2 * kSecond;
  EXPECT_EQ(judged().held, false);
  h.stays = kSecond;
  h.eventually = 5 * kSecond;
  EXPECT_EQ(judged().held, true);
}

TEST_F(ConnectionHypothesis, ComesBackFromTheJournal) {
  std::istringstream journal(
      R"({"event":"plan","name":"p","duration":5000000000,"telemetry":["web"],"hypotheses":[{"name":"h","probe":"","telemetry":"web","peer":"bank","during":"run","after":0,"recovers_within":null,"retransmits":{"op":"<=","value":2,"measure":"per second","text":"<= 2/s"},"turns.p99":{"op":"<=","value":5000000,"text":"<= 5ms"}}]}
{"event":"t0","mono":1}
{"event":"telemetry","target":"web","from":100000000,"length":100000000,"retransmits":3,"peers":[{"peer":"bank","retransmits":2,"turns":[[5000000,3]]}]}
{"event":"uncounted","series":["rtt"],"why":"no tcp_probe"}
{"event":"uncounted","target":"nobody","series":[],"why":"gone"}
{"event":"uncounted","peer":"card","series":[],"why":"not told apart"}
{"event":"end"})");
  const auto read = read_recording(journal);
  ASSERT_EQ(read.telemetry.size(), 1u);
  ASSERT_EQ(read.telemetry[0].uncounted.size(), 2u);
  EXPECT_EQ(read.telemetry[0].uncounted[1].peer, "card");
  const auto& back = read.hypotheses.at(0);
  EXPECT_EQ(back.telemetry, "web");
  EXPECT_EQ(back.peer, "bank");
  EXPECT_EQ(back.retransmits->measure, Bound::Measure::per_second);
  const auto j = judge(read).hypotheses.at(0);
  EXPECT_EQ(j.held, true) << j.reason;
  EXPECT_EQ(j.observed, "retransmits 2 (0.4/s), turns.p99 5.00 ms");
}

}  // namespace
}  // namespace faultline::record
