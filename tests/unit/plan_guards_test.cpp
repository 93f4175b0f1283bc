// [[guards]]: what a plan may say of when to give up.
#include "plan_support.h"

namespace faultline::plan {
namespace {

/// kSmall with a guard of these lines; the probe "pay" asks every second, the fault is from 5s to 15s, the run lasts
/// 25s.
std::string with(const std::string& lines) { return kSmall + "[[guards]]\n" + lines; }

TEST(PlanGuards, ReadsEveryKey) {
  const auto plan = parse_good(with(R"(name = "the service is lost"
probe = "pay"
during = "recovery"
success = "< 20%"
p50 = "> 1s"
p90 = ">= 2s"
p95 = "> 2100ms"
p99 = "> 2500ms"
p999 = "> 2900ms"
max = "> 3s"
for = "10s"
)"));
  ASSERT_EQ(plan.guards.size(), 1u);
  const Guard& guard = plan.guards[0];
  EXPECT_EQ(guard.name, "the service is lost");
  EXPECT_EQ(guard.probe, "pay");
  EXPECT_EQ(guard.during, "recovery");
  EXPECT_EQ(guard.window, 10 * kSecond);
  ASSERT_TRUE(guard.success && guard.p50 && guard.p90 && guard.p95 && guard.p99 && guard.p999 && guard.max);
  EXPECT_TRUE(guard.success->holds(0.19));
  EXPECT_FALSE(guard.success->holds(0.2));
  EXPECT_EQ(guard.p50->value, 1e9);
  EXPECT_EQ(guard.p90->op, Bound::Op::ge);
  EXPECT_EQ(guard.p99->value, 2.5e9);
  EXPECT_EQ(guard.max->value, 3e9);
  EXPECT_EQ(condition_text(guard),
            "success < 20%, p50 > 1s, p90 >= 2s, p95 > 2100ms, p99 > 2500ms, p999 > 2900ms, max > 3s for 10s");
}

TEST(PlanGuards, ReadsFiguresOfThoseThatSucceedAndOfTheOthers) {
  const auto plan = parse_good(with(R"(probe = "pay"
during = "run"
ok = { p50 = "> 1ms", p90 = "> 2ms", p95 = "> 3ms", p99 = "> 4ms", p999 = "> 5ms", max = "> 6ms" }
failed.p50 = "> 7ms"
failed.p90 = "> 8ms"
failed.p95 = "> 9ms"
failed.p99 = "> 10ms"
failed.p999 = "> 11ms"
failed.max = "> 12ms"
for = "10s"
)"));
  const Guard& guard = plan.guards.at(0);
  EXPECT_EQ(guard.during, "") << "which is the whole run";
  int n = 0;
  for (const auto& key : Conditions::keys())
    if (key.of == Conditions::Of::ok || key.of == Conditions::Of::failed) {
      ASSERT_TRUE(guard.*key.bound) << key.name;
      EXPECT_DOUBLE_EQ((guard.*key.bound)->value, ++n * 1e6) << key.name;
    }
}

TEST(PlanGuards, AreNamedAfterWhatTheySay) {
  const std::string same = "probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"10s\"\n";
  const auto plan = parse_good(with(same + "[[guards]]\n" + same + "[[guards]]\nduring = \"degrade\"\n" + same));
  ASSERT_EQ(plan.guards.size(), 3u);
  EXPECT_EQ(plan.guards[0].name, "pay: success < 20% for 10s");
  EXPECT_EQ(plan.guards[1].name, "pay: success < 20% for 10s (2)");
  EXPECT_EQ(plan.guards[2].name, "pay during degrade: success < 20% for 10s");
  EXPECT_EQ(plan.guards[0].during, "");
}

TEST(PlanGuards, TheirTimeNeverScales) {
  ParseOptions options;
  options.scale = 2;
  EXPECT_EQ(parse_good(with("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"4s\"\n"), options).guards[0].window,
            4 * kSecond);
}

TEST(PlanGuards, WatchForAnEvent) {
  const std::string down = "[[events]]\nname = \"down\"\nfile = \"/var/log/edge.log\"\nmatch = \"is DOWN\"\n";
  const auto guard = [&](const std::string& keys) { return with(keys) + down; };
  const Guard once = parse_good(guard("event = \"down\"\n")).guards.at(0);
  EXPECT_EQ(once.event, "down");
  EXPECT_EQ(once.window, 0);
  EXPECT_EQ(once.name, "event \"down\": seen >= 1");
  const Guard often = parse_good(guard("event = \"down\"\nseen = \"> 3\"\nfor = \"10s\"\n")).guards.at(0);
  EXPECT_EQ(often.seen->value, 3);
  EXPECT_EQ(often.window, 10 * kSecond);
  EXPECT_EQ(often.name, "event \"down\": seen > 3 for 10s");
  only_mistake(guard("event = \"dwon\"\n"), "no event \"dwon\"", "did you mean");
  only_mistake(guard("event = \"down\"\nprobe = \"pay\"\n"), "about an event and about something else");
  only_mistake(guard("event = \"down\"\nsuccess = \"< 20%\"\n"), "about an event and about something else");
  only_mistake(guard("event = \"down\"\nseen = \"= 0\"\n"), "acts on what is seen", "seen = \">= 1\"");
  only_mistake(guard("event = \"down\"\nfor = \"26s\"\n"), "the run lasts 25s");
  only_mistake(guard("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"10s\"\nseen = \">= 1\"\n"), "about an event");
}

TEST(PlanGuards, Mistakes) {
  const std::string rest = "success = \"< 20%\"\nfor = \"10s\"\n", whole = "probe = \"pay\"\n" + rest;
  only_mistake(with(rest), "probe", "probe = \"pay\"");
  for (const char* others : {"seen = \">= 1\"\n", "detects_within = \"5s\"\n"}) {
    const auto parsed = parse(with(others + rest));  // a hypothesis with it needs no probe
    EXPECT_TRUE(has_mistake(parsed, "has no \"probe\"")) << render(parsed);
  }
  EXPECT_TRUE(has_mistake(parse(with("detects_within = \"5s\"\n" + rest)), "unknown key"));
  only_mistake(with("probe = \"pax\"\n" + rest), "there is no probe \"pax\"", "did you mean \"pay\"?");
  only_mistake(with("probe = \"pay\"\nsuccess = \"< 20%\"\n"), "for", "for = \"10s\"");
  only_mistake(with("probe = \"pay\"\nfor = \"10s\"\n"), "guard 1 has no condition", "success");
  only_mistake(with("probe = \"pay\"\nsuccess = \"20%\"\nfor = \"10s\"\n"), "success");
  only_mistake(with("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = 10\n"), "for: expected");
  only_mistake(with("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"0s\"\n"), "some time to look back over");
  only_mistake(with("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"200ms\"\n"), "asks only every 1s", "for = \"1s\"");
  only_mistake(with("probe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"26s\"\n"), "the run lasts 25s");
  only_mistake(with("during = \"degrade\"\nprobe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"11s\"\n"),
               "\"degrade\" lasts 10s");
  only_mistake(with("during = \"baseline\"\nprobe = \"pay\"\nsuccess = \"< 20%\"\nfor = \"6s\"\n"),
               "\"baseline\" lasts 5s");
  only_mistake(with("during = \"recovry\"\n" + whole), "there is no phase \"recovry\"", "did you mean \"recovery\"?");
  only_mistake(with("sucess = \"< 20%\"\n" + whole), "unknown key \"sucess\"", "did you mean \"success\"?");
  only_mistake(with("name = \"a\"\n" + whole + "[[guards]]\nname = \"a\"\n" + whole), "two guards \"a\"");
  only_mistake("guards = 3\n" + kSmall, "expected an array of tables", "[[guards]]");
  only_mistake(kSmall + "[guards]\nprobe = \"pay\"\n", "expected an array of tables", "[[guards]]");
}

}  // namespace
}  // namespace faultline::plan
