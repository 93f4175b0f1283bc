// Numbers in the answers of real services and commands, from the answer to the verdict.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/harness/asking.h"
#include "tests/harness/command.h"
#include "tests/harness/plan_bed.h"
#include "tests/harness/processes.h"
#include "tests/harness/two_namespaces.h"
#include "tests/harness/victim_plan.h"

namespace faultline::test {
namespace {

std::vector<double> values_of(const std::vector<probe::Sample>& samples) {
  std::vector<double> values;
  for (const auto& sample : samples)
    if (sample.value) values.push_back(*sample.value);
  return values;
}

TEST(ProbeValues, OfACommand) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const NetNs ns = loopback_ns();
  const auto nursery = nursery::Nursery::start();
  const auto of = [&](const std::string& script, const std::string& place) {
    auto p = probe_of("exec", std::vector<std::string>{"sh", "-c", script});
    p.every = 100 * kMillisecond;
    p.timeout = 20 * kSecond;
    p.params.set("value", place);
    return ask(p, ns, 2 * p.every, {}, nursery.get());
  };
  EXPECT_EQ(values_of(of("echo 42", "number")), (std::vector<double>{42, 42}));
  EXPECT_EQ(values_of(of("echo '{\"jobs\": [{\"age\": 1.5}]}'", "/jobs/0/age")), (std::vector<double>{1.5, 1.5}));
  const auto none = of("echo many", "number");
  EXPECT_EQ(values_of(none), std::vector<double>{});
  EXPECT_EQ(verdicts(none), (Verdicts{{"value", 2}}));
  EXPECT_EQ(values_of(of("echo 42; exit 1", "number")), std::vector<double>{}) << "it failed";
}

TEST(ProbeValues, OfRedis) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const NetNs ns = loopback_ns();
  TemporaryFolder folder;
  const Inside inside(ns);
  Command server(
      {"redis-server", "--port", "6379", "--save", "", "--dir", folder.path().string(), "--bind", "127.0.0.1"});
  const auto of = [&](std::vector<std::string> command, const std::string& place = "number") {
    auto p = probe_of("redis", "127.0.0.1:6379");
    p.params.set("command", std::move(command));
    if (!place.empty()) p.params.set("value", place);
    p.every = 50 * kMillisecond;
    return ask(p, ns, 2 * p.every);
  };
  ASSERT_TRUE(eventually([&] { return verdicts(of({"PING"}, "")).contains("ok"); })) << server.errors();
  of({"SET", "stock", "17"}, "");
  EXPECT_EQ(values_of(of({"GET", "stock"})), (std::vector<double>{17, 17}));
  EXPECT_EQ(values_of(of({"LLEN", "queue"})), (std::vector<double>{0, 0}));
  EXPECT_EQ(verdicts(of({"GET", "nothing"})), (Verdicts{{"value", 2}}));
  of({"SET", "state", R"({"pending": 3})"}, "");
  EXPECT_EQ(values_of(of({"GET", "state"}, "/pending")), (std::vector<double>{3, 3}));
}

TEST(ProbeValues, DecideARunAndItsGuards) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  TwoNamespaces net;
  TemporaryFolder folder;
  const auto state = folder.path() / "state";
  const auto say = [&](const std::string& text) {
    std::filesystem::rename(folder.write("new", text), state);  // so that nobody reads a half
  };
  say("3\n");
  VictimPlan plan{.netns = net.path()};
  plan.duration = "60s";
  plan.start = "1s";
  plan.length = "50s";
  plan.more = number_probe("count", state, "every = \"200ms\"\ntimeout = \"10s\"") +
              "[[hypotheses]]\nname = \"few\"\nprobe = \"count\"\nduring = \"baseline\"\nvalue.max = \"<= 3\"\n"
              "[[hypotheses]]\nname = \"fewer\"\nprobe = \"count\"\nduring = \"baseline\"\nvalue = \"<= 2\"\n"
              "[[guards]]\nname = \"too many\"\nprobe = \"count\"\nfor = \"1s\"\nvalue.min = \">= 10\"\n";
  const auto out = folder.path() / "run";
  Command run = Command::run(folder.write("plan.toml", plan.text()), out);
  ASSERT_TRUE(await_event(out, "fault_begin")) << run.errors();
  ASSERT_TRUE(eventually([&] {  // whatever was due in the baseline has read what was there
    const auto events = journal_of(out);
    return std::any_of(events.begin(), events.end(), [](const auto& e) {
      return e["event"] == "sample" && e["probe"] == "count" && e["due"] > 1500 * kMillisecond;
    });
  }));
  say("12\n");
  EXPECT_EQ(run.wait(90 * kSecond), 5) << run.out() << run.errors();
  const auto s = summary_of(out);
  ASSERT_TRUE(s.is_object());
  EXPECT_EQ(s["hypotheses"][0]["held"], true) << s["hypotheses"].dump(1);
  EXPECT_EQ(s["hypotheses"][0]["observed"], "value.max 3");
  EXPECT_EQ(s["hypotheses"][1]["held"], false) << s["hypotheses"].dump(1);
  EXPECT_EQ(s["guards"][0]["tripped"], true);
  EXPECT_EQ(s["guards"][0]["observed"], "value.min 12");
}

}  // namespace
}  // namespace faultline::test
