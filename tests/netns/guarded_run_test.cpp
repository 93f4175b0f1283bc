// Guards of a run under way: the real binary gives up when its plan says so.
#include "tests/netns/control_bed.h"

namespace faultline::test {
namespace {

/// Cuts the victim off from 2 s on; the guards look back 1 s.
std::string guarded(const TwoNamespaces& net, const std::string& guards, const std::string& length = "20s",
                    const std::string& duration = "30s") {
  return VictimPlan{.netns = net.path(),
                    .duration = duration,
                    .timeout = "200ms",
                    .fault = "cut",
                    .effect = "kind = \"sever\"",
                    .start = "2s",
                    .length = length,
                    .more = guards}
      .text();
}

TEST_F(ControlTest, AGuardHealsWhenTheServiceIsCut) {
  TwoNamespaces net;
  Command run = start(guarded(net, R"(
[[guards]]
name = "nobody answers"
probe = "ping"
success = "< 20%"
for = "1s"
[[guards]]
probe = "ping"
ok.p99 = "> 10s"
success = "> 0%"
for = "1s"
)"));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  const Belongings had = run.belongings();
  expect_aborted(run, "plan", "guard");
  EXPECT_TRUE(eventually([&] { return had.left({net.here.inode(), net.there.inode()}).empty(); }));
  EXPECT_EQ(device_names(net.here).size(), 2u);

  const json s = summary_of(out());
  ASSERT_EQ(s["guards"].size(), 2u);
  EXPECT_EQ(s["guards"][0]["tripped"], true);
  EXPECT_EQ(s["guards"][1]["tripped"], false);
  EXPECT_NE(s["reasons"].dump().find("nobody answers"), std::string::npos) << s["reasons"].dump();
  EXPECT_NE(run.out().find("nobody answers"), std::string::npos) << run.out();

  // By the journal's own samples: it acted at the first answer that made its condition true, and not one later.
  std::vector<std::pair<Ns, bool>> known;
  Ns when = 0, acted = 0, healed = 0;
  for (const auto& e : journal_of(out())) {
    if (e["event"] == "sample")
      known.emplace_back(e["due"].get<Ns>() + e["late"].get<Ns>() + e["latency"].get<Ns>(), e["ok"].get<bool>());
    if (e["event"] == "guard") {
      when = e["when"].get<Ns>();
      acted = e["t"].get<Ns>();
    }
    if (e["event"] == "healed") healed = e["t"].get<Ns>();
  }
  std::sort(known.begin(), known.end());
  const auto holds_at = [&](Ns now) {
    std::size_t sent = 0, ok = 0;
    for (const auto& [at, good] : known) {
      if (at <= now - kSecond || at > now) continue;
      sent++;
      ok += good;
    }
    return now >= kSecond && sent > 0 && static_cast<double>(ok) < 0.2 * static_cast<double>(sent);
  };
  Ns first = 0;
  for (const auto& [at, good] : known)
    if (first == 0 && holds_at(at)) first = at;
  EXPECT_EQ(when, first);
  EXPECT_GT(when, 2 * kSecond);
  EXPECT_LT(acted - when, 500 * kMillisecond) << "of a noisy machine";
  EXPECT_LT(healed - acted, 500 * kMillisecond);
}

TEST_F(ControlTest, AGuardThatLooksAtTheRecoveryLeavesTheFaultAlone) {
  TwoNamespaces net;
  Command run = start(guarded(net, R"(
[[guards]]
probe = "ping"
during = "recovery"
success = "< 20%"
for = "1s"
)",
                              "2s", "6s"));
  EXPECT_EQ(run.wait(60 * kSecond), 0) << run.out() << run.errors();
  EXPECT_EQ(summary_of(out())["guards"][0]["tripped"], false);
}

TEST_F(ControlTest, ACommandIsAnAbortConditionFromOutside) {
  TwoNamespaces net;
  const fs::path flag = folder.path() / "abort";
  Command run = start(plan(net, fmt::format(R"(
[probes.go]
exec = ["test", "!", "-e", "{}"]
from = "here"
every = "200ms"
[[guards]]
name = "told to stop"
probe = "go"
success = "< 50%"
for = "400ms"
)",
                                            flag.string())));
  ASSERT_TRUE(await_event(out(), "fault_begin")) << run.errors();
  usleep(1000000);
  EXPECT_FALSE(run.wait(0)) << run.out();
  folder.write("abort", "");
  expect_aborted(run, "plan", "guard");
  EXPECT_EQ(summary_of(out())["guards"][0]["name"], "told to stop");
}

}  // namespace
}  // namespace faultline::test
