// Lines of real services' logs, and how soon a real balancer notices that a server is gone: played by the real binary.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <regex>
#include <thread>

#include "injector/base/text.h"
#include "tests/harness/command.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

using nlohmann::json;

constexpr const char* kEdgeConfig = R"(
global
  nbthread 1
defaults
  mode http
  timeout connect 500ms
  timeout client 5s
  timeout server 1s
  retries 3
  option redispatch 1
  default-server check inter 500ms fall 3 rise 2
frontend pages
  bind :80
  default_backend rooms
backend rooms
  balance roundrobin
  retry-on conn-failure empty-response response-timeout
  server east ipv4@east:80
  server west ipv4@west:80
)";

constexpr const char* kPage = R"(
daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  access_log /dev/stdout;
  server { listen 80; return 200 "hello\n"; }
}
)";

constexpr const char* kEdgePlan = R"(
duration = "9s"
[lab.rooms.here]
[lab.rooms.there]
[lab.links.between]
between = ["here", "there"]
[lab.hosts.east]
room = "there"
command = ["nginx", "-c", "${plan_dir}/page.conf"]
ready = { tcp = 80 }
[lab.hosts.west]
room = "here"
command = ["nginx", "-c", "${plan_dir}/page.conf"]
ready = { tcp = 80 }
[lab.hosts.edge]
room = "here"
command = ["haproxy", "-db", "-f", "${plan_dir}/edge.cfg"]
ready = { tcp = 80 }
after = ["east", "west"]
[lab.hosts.client]
room = "here"
[probes.page]
http = "http://edge/"
from = "client"
every = "10ms"
timeout = "5s"
[[events]]
name = "east is down"
log = "edge"
match = "Server rooms/east is DOWN"
[[events]]
name = "west is down"
log = "edge"
match = "Server rooms/west is DOWN"
[[events]]
name = "east answers"
log = "east"
match = 'GET / HTTP'
[[faults]]
name = "east is cut off"
kind = "sever"
on = "east"
start = "2s"
for = "5s"
[[hypotheses]]
name = "the balancer says so"
event = "east is down"
during = "east is cut off"
detects_within = "4s"
seen = "= 1"
[[hypotheses]]
name = "the balancer sends no more into it"
during = "east is cut off"
detects_within = "4s"
[[hypotheses]]
name = "west stays"
event = "west is down"
seen = "= 0"
[[hypotheses]]
name = "all is well once it knows"
probe = "page"
during = "east is cut off"
after_event = "east is down"
after = "1s"
failures = "= 0"
[[hypotheses]]
name = "east served before"
event = "east answers"
during = "baseline"
seen = ">= 20"
[[hypotheses]]
name = "at once"
event = "east is down"
during = "east is cut off"
detects_within = "1ms"
)";

struct EventsTest : testing::Test {
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  TemporaryFolder folder;
  std::filesystem::path out = folder.path() / "run";
};

json named(const json& list, const std::string& name) {
  for (const auto& one : list)
    if (one["name"] == name) return one;
  return nullptr;
}

/// When the journal says that an event was seen first.
std::int64_t seen_at(const std::filesystem::path& out) {
  for (const auto& e : journal_of(out))
    if (e["event"] == "seen") return e["t"];
  return 0;
}

TEST_F(EventsTest, ABalancersLogAndItsTrafficTellWhenItKnew) {
  folder.write("edge.cfg", kEdgeConfig);
  folder.write("page.conf", kPage);
  Command run = Command::run(folder.write("plan.toml", kEdgePlan), out);
  const auto status = run.wait(60 * kSecond);
  const json s = summary_of(out);
  ASSERT_TRUE(s.is_object()) << run.out() << run.errors();
  EXPECT_EQ(status, 1) << s["reasons"].dump() << s["hypotheses"].dump(1) << run.errors();
  for (const auto& h : s["hypotheses"]) EXPECT_EQ(h["held"], h["name"] != "at once") << h.dump(1);

  // Three checks that fail, one in 500 ms: two of the pauses lie in between.
  const auto said = named(s["hypotheses"], "the balancer says so");
  EXPECT_GE(said["detected_after_s"], 0.9) << said.dump(1);
  EXPECT_LE(said["detected_after_s"], 4.0);
  EXPECT_EQ(said["event"], "east is down");
  EXPECT_EQ(said["confidence"], "");
  const auto sent = named(s["hypotheses"], "the balancer sends no more into it");
  EXPECT_GT(sent["detected_after_s"], 0.0) << sent.dump(1);
  const auto event = named(s["events"], "east is down");
  EXPECT_EQ(event["seen"], 1);
  EXPECT_NE(event["lines"][0]["line"].get<std::string>().find("is DOWN"), std::string::npos) << event.dump(1);
  EXPECT_DOUBLE_EQ(event["first_s"].get<double>(), 2 + said["detected_after_s"].get<double>());
  EXPECT_NE(run.out().find("east is down"), std::string::npos) << run.out();

  // By the journal: what went into the fault, look after look, without a gap.
  std::int64_t until = 2 * kSecond, packets = 0;
  for (const auto& e : journal_of(out)) {
    if (e["event"] != "traffic") continue;
    EXPECT_EQ(e["from"], until);
    until = e["to"];
    packets += e["packets"].get<std::int64_t>();
  }
  EXPECT_EQ(until, 7 * kSecond);
  EXPECT_EQ(packets, s["faults"][0]["packets_matched"]);
}

TEST_F(EventsTest, EveryLineOfALabServiceCarriesItsTime) {
  folder.write("edge.cfg", kEdgeConfig);
  folder.write("page.conf", kPage);
  Command run = Command::run(folder.write("plan.toml", kEdgePlan), out);
  run.wait(60 * kSecond);
  const std::regex stamped(R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z .*$)");
  for (const char* host : {"edge", "east", "west"}) {
    std::ifstream log(out / "services" / (std::string(host) + ".log"));
    std::string line, before;
    int lines = 0;
    for (; std::getline(log, line); before = line.substr(0, 27), lines++) {
      EXPECT_TRUE(std::regex_match(line, stamped)) << host << ": " << line;
      EXPECT_LE(before, line.substr(0, 27));
    }
    EXPECT_GT(lines, 0) << host;
  }
  EXPECT_FALSE(std::filesystem::exists(out / "services" / "client.log"));
}

TEST_F(EventsTest, AValueThatRisesIsAnEventAndAGuardActsOnIt) {
  TwoNamespaces net;
  const auto alerts = folder.write("alerts", "0\n");
  VictimPlan plan{.netns = net.path()};
  plan.duration = "60s";
  plan.length = "50s";
  plan.more = number_probe("alerts", alerts, "every = \"50ms\"") +
              "[[events]]\nname = \"the pager rings\"\nprobe = \"alerts\"\nvalue = \">= 1\"\n"
              "[[hypotheses]]\nname = \"somebody is told\"\nevent = \"the pager rings\"\nseen = \"= 1\"\n"
              "[[guards]]\nname = \"twice is enough\"\nevent = \"the pager rings\"\nseen = \">= 2\"\n";
  Command run = Command::run(folder.write("plan.toml", plan.text()), out);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  folder.write("alerts", "3\n");
  ASSERT_TRUE(await_event(out, "seen", "3 of alerts")) << run.errors();
  folder.write("alerts", "0\n");
  // It is seen anew once it was not: with each value below the bound the event is over.
  ASSERT_TRUE(eventually([&] {
    for (const auto& e : journal_of(out))
      if (e["event"] == "sample" && e["probe"] == "alerts" && e["t"] > seen_at(out) && e.value("value", 1.0) == 0)
        return true;
    return false;
  }));
  folder.write("alerts", "1\n");
  EXPECT_EQ(run.wait(30 * kSecond), 5) << run.out() << run.errors();
  const json s = summary_of(out);
  EXPECT_EQ(s["guards"][0]["tripped"], true) << s["guards"].dump(1);
  EXPECT_EQ(s["guards"][0]["observed"], "seen 2: 1 of alerts");
  EXPECT_EQ(s["guards"][0]["event"], "the pager rings");
  EXPECT_EQ(named(s["events"], "the pager rings")["seen"], 2) << s["events"].dump(1);
  EXPECT_EQ(named(s["events"], "the pager rings")["probe"], "alerts");
}

TEST_F(EventsTest, AFileThatIsRotatedIsFollowed) {
  TwoNamespaces net;
  const std::filesystem::path log = folder.path() / "service.log";
  std::ofstream(log) << "ALERT that is old\n";
  VictimPlan plan{.netns = net.path()};
  plan.duration = "12s";
  plan.start = plan.length = "1s";
  plan.more = "[[events]]\nname = \"alert\"\nfile = \"" + log.string() +
              "\"\nmatch = \"^ALERT\"\n[[events]]\nname = \"nowhere\"\nfile = \"/nowhere/at/all\"\nmatch = \"x\"\n"
              "[[hypotheses]]\nname = \"three\"\nevent = \"alert\"\nseen = \"= 3\"\n"
              "[[hypotheses]]\nname = \"none\"\nevent = \"nowhere\"\nseen = \"= 0\"\n";
  Command run = Command::run(folder.write("plan.toml", plan.text()), out);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  std::ofstream(log, std::ios::app) << "ALERT one\nno alert\n";
  ASSERT_TRUE(await_event(out, "seen", "one"));
  std::filesystem::rename(log, folder.path() / "service.log.1");
  std::ofstream(log) << "ALERT two\n";
  ASSERT_TRUE(await_event(out, "seen", "two"));
  std::filesystem::resize_file(log, 0);
  std::ofstream(log, std::ios::app) << "ALERT 3\n";
  EXPECT_EQ(run.wait(60 * kSecond), 2) << run.errors();
  const json s = summary_of(out);
  EXPECT_EQ(named(s["hypotheses"], "three")["held"], true) << s["events"].dump(1);
  EXPECT_TRUE(named(s["hypotheses"], "none")["held"].is_null()) << "what is not read may hold anything";
  EXPECT_NE(named(s["events"], "nowhere")["trouble"].get<std::string>().find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace faultline::test
