// Telemetry from the plan to the page, without a kernel: which targets it takes, what phases its buckets belong to, how
// it is told.
#include "injector/observe/telemetry/telemetry.h"

#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "plan_support.h"
#include "record_fixture.h"

namespace faultline::record {
namespace {

using namespace testing;
using plan::kSmall, plan::only_mistake, plan::parse_good;

/// A run whose fault is from 10 s to 20 s, with telemetry of "web": some before it, some in it.
Recording with_telemetry() {
  Recording r = good_recording();
  r.telemetry = {{"web", {}}};
  auto& buckets = r.telemetry[0].buckets;
  auto early = bucket(9900 * kMillisecond), in = bucket(10 * kSecond), last = bucket(19900 * kMillisecond);
  early.opened = 7;
  early.rtt = {{kMillisecond, 3}};
  in.opened = 1;
  in.failed = {{"refused", 2}, {"timeout", 1}};
  in.retransmits = 1200;
  in.retransmits_ours = 1100;
  in.timeouts = 1;
  in.rtt = {{51 * kMillisecond, 1}, {kMillisecond, 1}};
  last.failed = {{"refused", 1}};
  last.bytes_sent = 10;
  buckets = {early, in, last};
  return r;
}

TEST(PlanTelemetry, NamesTargetsAndIsOffWithout) {
  EXPECT_TRUE(parse_good(kSmall).telemetry.empty());
  EXPECT_EQ(parse_good("telemetry = \"shop\"\n" + kSmall).telemetry, std::vector<std::string>{"shop"});
  const std::string two = "telemetry = [\"shop\", \"bank\"]\n" + kSmall + "[targets.bank]\nunit = \"bank.service\"\n";
  EXPECT_EQ(parse_good(two).telemetry, (std::vector<std::string>{"shop", "bank"}));
  const auto in_lab = parse_good(
      "telemetry = [\"web\", \"east\"]\n[lab.rooms.east]\n[lab.hosts.web]\nroom = \"east\"\n"
      "[probes.p]\nicmp = \"web\"\nfrom = \"web\"\n");
  EXPECT_EQ(in_lab.telemetry, (std::vector<std::string>{"web", "east"})) << "hosts and rooms by their own names";
}

TEST(PlanTelemetry, SaysWhatElseIsCounted) {
  const auto plain = parse_good("telemetry = \"shop\"\n" + kSmall);
  EXPECT_FALSE(plain.telemetry_options.turns) << "a program at every packet that leaves: not unless asked for";
  EXPECT_EQ(plain.telemetry_options.peers, 8u);
  const auto more = parse_good("telemetry = { of = [\"shop\"], turns = true, peers = 2 }\n" + kSmall);
  EXPECT_EQ(more.telemetry, std::vector<std::string>{"shop"});
  EXPECT_TRUE(more.telemetry_options.turns);
  EXPECT_EQ(more.telemetry_options.peers, 2u);
}

TEST(PlanTelemetry, RefusesWhatHasNoSockets) {
  only_mistake("telemetry = [\"shpo\"]\n" + kSmall, "telemetry: there is no target \"shpo\"", "did you mean \"shop\"");
  only_mistake("telemetry = [\"shop\", \"shop\"]\n" + kSmall, "\"shop\" is there twice");
  only_mistake("telemetry = [\"bank\"]\n" + kSmall + "[targets.bank]\naddress = \"10.0.0.1\"\n",
               "\"bank\" is an address, a port or a protocol", "name a place");
  only_mistake("telemetry = [\"card\"]\n" + kSmall + "[targets.card]\ninterface = \"eth0\"\n", "\"card\" is a device",
               "a target with netns");
  only_mistake("telemetry = true\n" + kSmall, "telemetry: expected a string or an array of strings");
  only_mistake("telemetry = { of = \"shop\", peers = 16 }\n" + kSmall, "peers");
  only_mistake("telemetry = { of = \"shop\", turn = true }\n" + kSmall, "unknown key \"turn\"",
               "did you mean \"turns\"");
  const auto nobody = only_mistake(kSmall + "[telemetry]\nturns = true\n", "it is not said whose connections", "of = ");
  EXPECT_EQ(nobody.at.line, 11u);
  only_mistake("telemetry = {}\n" + kSmall, "it is not said whose connections");
  EXPECT_TRUE(
      parse_good(kSmall + "[telemetry]\nturns = true\n[[hypotheses]]\ntelemetry = \"shop\"\nretransmits = \"= 0\"\n")
          .telemetry_options.turns);
  std::string many = "telemetry = [", targets;
  for (int i = 0; i < 33; i++) {
    many += "\"t" + std::to_string(i) + "\",";
    targets += "[targets.t" + std::to_string(i) + "]\nnetns = \"shop\"\n";
  }
  only_mistake(many + "]\n" + kSmall + targets, "33 targets, and a run counts those of 32 at most");
}

TEST(Telemetry, LacksNothingThatOnlyTurnsNeed) {
  observe::TelemetrySupport support;
  support.btf = true;
  for (const auto& one : observe::kTracepoints)
    if (one.of_turns) support.missing.push_back(&one);
  EXPECT_NE(support.lack(), "");
  EXPECT_EQ(support.without_turns().lack(), "");
  EXPECT_TRUE(support.without_turns().lacking_series().empty());
  support.missing.push_back(&observe::kTracepoints[1]);
  EXPECT_EQ(support.without_turns().lacking_series(),
            (std::vector<std::string>{"retransmits", "retransmits_ours", "timeouts"}));
}

TEST(LossWatch, SaysWhenMoreWasLostThanIsRemembered) {
  observe::LossWatch watch(1000);
  EXPECT_FALSE(watch.forgets(0, 0));
  std::uint64_t added = 0;
  for (int second = 1; second <= 1000; second++)  // slowly, all of them are old enough by the time they go
    EXPECT_FALSE(watch.forgets(second * kSecond, added += 8)) << second;
  Ns now = 1000 * kSecond;
  for (int i = 0; i < 30; i++) EXPECT_FALSE(watch.forgets(now += 100 * kMillisecond, added)) << i;
  EXPECT_FALSE(watch.forgets(now, added + 64)) << "936 in the 117 s before";
  EXPECT_TRUE(watch.forgets(now, added + 65));
  observe::LossWatch sudden(1000);
  EXPECT_TRUE(sudden.forgets(100 * kMillisecond, 1001)) << "nothing was there before the first look";
}

TEST(Telemetry, OnlyATargetThatIsSomewhereElseHasMoved) {
  const observe::Place here{0, 1, 7, 2}, there{0, 2, 7, 2}, other{0, 1, 8, 2};
  EXPECT_FALSE(observe::gains({here, there}, {here})) << "what it is still in was counted all the time";
  EXPECT_FALSE(observe::gains({here}, {here}));
  EXPECT_TRUE(observe::gains({here}, {here, there}));
  EXPECT_TRUE(observe::gains({here, there}, {here, other}));
  EXPECT_TRUE(observe::gains({}, {here}));
}

observe::NamedPeers peers(const std::map<std::string, std::vector<std::string>>& named) {
  observe::NamedPeers all;
  for (const auto& [name, prefixes] : named) {
    all.emplace_back(name, std::vector<IpPrefix>());
    for (const auto& prefix : prefixes) all.back().second.push_back(*IpPrefix::parse(prefix));
  }
  return all;
}

/// "whose/with/what" of each that is told.
std::vector<std::string> shared(const std::map<std::string, std::vector<std::string>>& named) {
  std::vector<std::string> all;
  for (const auto& one : observe::shared_addresses(peers(named)))
    all.push_back(one.peer + "/" + one.other + "/" + one.addresses.text());
  return all;
}

TEST(TelemetryPeers, ThatShareAddressesAreTold) {
  using List = std::vector<std::string>;
  EXPECT_EQ(shared({{"bank", {"10.0.0.1", "10.0.0.2"}}, {"card", {"10.0.0.3", "fd00::1"}}}), List{});
  EXPECT_EQ(shared({{"bank", {"10.0.0.1", "10.0.0.1"}}}), List{}) << "its own";
  EXPECT_EQ(shared({{"bank", {"10.0.0.1"}}, {"card", {"10.0.0.9", "10.0.0.1"}}}),
            (List{"bank/card/10.0.0.1/32", "card/bank/10.0.0.1/32"}));
  EXPECT_EQ(shared({{"all", {"10.0.0.0/8"}}, {"bank", {"10.0.0.1"}}}), List{"all/bank/10.0.0.1/32"})
      << "what lies in the other is counted as a whole";
  EXPECT_EQ(shared({{"all", {"10.0.0.0/8"}}, {"bank", {"10.2.0.0/16"}}, {"card", {"10.2.3.4", "10.3.0.1"}}}),
            (List{"all/bank/10.2.0.0/16", "bank/card/10.2.3.4/32"}));
  EXPECT_EQ(shared({{"all", {"10.0.0.0/9"}}, {"bank", {"10.128.0.1"}}}), List{}) << "the bit behind the prefix";
  EXPECT_EQ(shared({{"all", {"::/0"}}, {"bank", {"10.0.0.1"}}}), List{"all/bank/10.0.0.1/32"})
      << "as the kernel has IPv4";
  EXPECT_EQ(shared({{"a", {"fd00::/64"}}, {"b", {"fd00::/65"}}, {"c", {"fd00:0:0:1::1"}}}), List{"a/b/fd00::/65"});
}

TEST(TelemetryPeers, AreLookedUpFromEachTargetThatAsks) {
  const auto plan =
      parse_good(kSmall +
                 "[targets.web]\nunit = \"web.service\"\n[targets.bank]\naddress = \"bank.internal\"\n"
                 "[[hypotheses]]\ntelemetry = \"shop\"\npeer = \"bank\"\nretransmits = \"= 0\"\n"
                 "[[guards]]\ntelemetry = \"web\"\npeer = \"bank\"\nretransmits = \"> 5\"\nfor = \"1s\"\n");
  EXPECT_EQ(observe::askers_of_peers(plan), (std::map<std::string, std::set<std::string>>{{"bank", {"shop", "web"}}}));
}

TEST(Telemetry, ABucketBelongsToThePhaseInWhichItBegins) {
  const Recording r = with_telemetry();
  const auto before = stats_in(r.telemetry[0], 0, 10 * kSecond),
             in = stats_in(r.telemetry[0], 10 * kSecond, 20 * kSecond);
  EXPECT_EQ(before.opened, 7u);
  EXPECT_EQ(before.all_failed(), 0u);
  EXPECT_EQ(in.opened, 1u);
  EXPECT_EQ(in.failed, (std::map<std::string, std::uint64_t>{{"refused", 3}, {"timeout", 1}}));
  EXPECT_EQ(in.rtt.quantile(1000), 51 * kMillisecond);
  EXPECT_EQ(stats_in(r.telemetry[0], 20 * kSecond, 30 * kSecond).rtt.count(), 0u);
}

TEST(Telemetry, IsReadFromTheJournalForTheTargetsOfThePlan) {
  std::istringstream journal(
      R"({"event":"plan","name":"p","duration":5000000000,"telemetry":["web","bank"]}
{"event":"telemetry","target":"web","from":100000000,"length":100000000,"opened":3,"failed":{"refused":2},"rtt":[[1500000,4]]}
{"event":"telemetry","target":"nobody","from":100000000,"opened":3}
{"event":"end"})");
  const auto r = read_recording(journal);
  ASSERT_EQ(r.telemetry.size(), 2u);
  EXPECT_EQ(r.telemetry[1].target, "bank");
  EXPECT_TRUE(r.telemetry[1].buckets.empty());
  const auto stats = stats_in(r.telemetry[0], 0, r.duration);
  EXPECT_EQ(stats.opened, 3u);
  EXPECT_EQ(stats.failed.at("refused"), 2u);
  EXPECT_EQ(stats.rtt.quantile(500), 1500 * kMicrosecond);
}

TEST(Telemetry, IsInSummaryPageAndVerdict) {
  const Recording r = with_telemetry();
  const auto summary = report::summarize(r, judge(r));
  ASSERT_EQ(summary.telemetry.size(), 1u);
  const auto& web = summary.telemetry[0];
  EXPECT_EQ(web.run.opened, 8u);
  ASSERT_EQ(web.phases.size(), 3u);
  EXPECT_EQ(web.phases[1].phase, "cut");
  EXPECT_EQ(web.phases[1].rtt_ms.max, 51.0);
  EXPECT_FALSE(web.phases[2].rtt_ms.p50);
  const std::string told =
      "1,200 retransmissions (1,100 ours, 1 by timeout), 4 of 12 connections it opened failed (refused 3, timeout 1)";
  EXPECT_EQ(report::trouble_text(web.run), told);
  const auto outcome = report::render_outcome({Exit::passed, summary}, "/runs/x", false).bytes();
  EXPECT_NE(outcome.find("  Connections\n    web\n        1,200 retransmissions"), std::string::npos) << outcome;
  const auto page = report::render_report(r, summary);
  EXPECT_NE(page.find("Connections by phase"), std::string::npos);
  EXPECT_NE(page.find("3 × refused"), std::string::npos);
}

TEST(Telemetry, SaysNothingWhereNothingWentWrong) {
  Recording r = good_recording();
  EXPECT_EQ(report::render_report(r, report::summarize(r, judge(r))).find("Connections by phase"), std::string::npos);
  r.telemetry = {{"web", {bucket(0)}}};
  r.telemetry[0].buckets[0].opened = 5;
  const auto summary = report::summarize(r, judge(r));
  EXPECT_EQ(report::trouble_text(summary.telemetry[0].run), "");
  const auto outcome = report::render_outcome({Exit::passed, summary}, "/runs/x", false).bytes();
  EXPECT_EQ(outcome.find("Connections"), std::string::npos) << outcome;
}

TEST(Telemetry, BucketsOfRoundTripTimesAreSixPercentWideAtMost) {
  Ns before = -1;
  for (std::uint32_t i = 0; i < FL_TELEMETRY_RTT_BUCKETS; i++) {
    EXPECT_GT(observe::rtt_of_bucket(i), before);
    before = observe::rtt_of_bucket(i);
  }
  for (const std::uint64_t us : {1ull, 7ull, 8ull, 100ull, 999ull, 50'000ull, 1'234'567ull, 100'000'000ull}) {
    const Ns told = observe::rtt_of_bucket(fl_bucket(us << 4) >> FL_TELEMETRY_RTT_SHIFT),
             real = static_cast<Ns>(us) * 1000;
    EXPECT_LE(std::abs(told - real), std::max<Ns>(500, real * 7 / 100)) << us;
  }
}

TEST(Telemetry, SaysWhatAKernelLacks) {
  observe::TelemetrySupport support;
  EXPECT_FALSE(support.any());
  EXPECT_NE(support.lack().find("BTF"), std::string::npos);
  support.btf = true;
  EXPECT_TRUE(support.any());
  EXPECT_EQ(support.lack(), "");
  support.missing = {&observe::kTracepoints[2], &observe::kTracepoints[4]};
  EXPECT_EQ(support.lack(),
            "no tcp_send_reset, tcp_probe: resets sent, round-trip times, bytes and packets are not counted");
  EXPECT_EQ(support.lacking_series(), (std::vector<std::string>{"resets.sent", "rtt", "bytes", "packets", "turns"}));
}

}  // namespace
}  // namespace faultline::record
