// The report's page in a browser: headless Chromium is driven as a reader would use it (tests/browser/).
#include <gtest/gtest.h>

#include <filesystem>

#include "injector/report/arms.h"
#include "injector/report/compare.h"
#include "injector/report/margin.h"
#include "injector/report/report.h"
#include "tests/harness/command.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;

/// A run in which something happened of all that the page can draw.
record::Recording eventful_recording() {
  record::Recording r = good_recording();
  r.title = "</script><script>alert(1)</script> & so on";
  r.repeat = {"faultline", "run", "plan.toml", "--seed", "1"};
  replace_requests(r, 12 * kSecond, 14 * kSecond, false, kSecond);
  replace_requests(r, 17 * kSecond, 18 * kSecond, true, 400 * kMillisecond);
  r.probes.push_back(r.probes[0]);
  r.probes[1].name = "browse <the shop>, whose name is longer than a phone is wide, and longer";
  r.faults[0].on = {"shop"};
  r.faults[0].episodes = {{11 * kSecond, 14 * kSecond}, {16 * kSecond, 18 * kSecond}};
  r.faults.push_back(r.faults[0]);
  r.faults[1].name = "another";
  r.faults[1].episodes.clear();
  r.notes = {{15 * kSecond, "the pager <rang>", "alice"}};
  record::Escape escape;
  escape.device = "eth0";
  escape.from = 16 * kSecond;
  escape.until = 17 * kSecond;
  r.escapes = {escape};
  record::events::Telemetry bucket;
  bucket.target = "shop";
  bucket.opened = 5;
  bucket.retransmits = 3;
  bucket.rtt = {{5 * kMillisecond, 3}};
  bucket.length = 100 * kMillisecond;
  record::GuardRecord guard;
  guard.guard.name = "enough";
  guard.guard.success = bound(plan::Bound::Op::lt, 0.2, "< 20%");
  guard.guard.window = 2 * kSecond;
  r.guards = {guard};
  r.events.emplace_back();
  r.events[0].event.name = "fallen-over-to-the-standby-in-another-room-of-the-house";
  r.events[0].seen = {{"fallen", std::string(300, 'x'), 12 * kSecond}};
  r.probes.push_back(r.probes[0]);
  r.probes[2].name = "asked twice";
  r.probes[2].answers.resize(2);
  r.telemetry = {{"shop", {}}};
  for (Ns t = 0; t < r.duration; t += kSecond) {
    bucket.from = t;
    r.telemetry[0].buckets.push_back(bucket);
  }
  return r;
}

TEST(PageInABrowser, IsUsedByMouseAndKeysOnAnyScreenAndOnPaper) {
  if (!std::filesystem::exists("/usr/bin/chromedriver")) GTEST_SKIP() << "there is no chromium-driver";
  const auto r = eventful_recording();
  const TemporaryFolder folder;
  std::string text = render_report(r, summarize(r, record::judge(r)), {.plan_text = "title = \"a plan\"\n"});
  const std::string none = "\"probes_left_out\":0";
  ASSERT_NE(text.find(none), std::string::npos);
  text.replace(text.find(none), none.size(), "\"probes_left_out\":7");  // as where there are more than a hundred
  const auto page = folder.write("report.html", text);
  test::Command browser({FAULTLINE_SOURCE_DIR "/tests/browser/page.py", page});
  const auto status = browser.wait(880 * kSecond);
  ASSERT_TRUE(status) << "it did not end: " << browser.out() << browser.errors();
  EXPECT_EQ(*status, 0) << browser.out() << browser.errors();
}

TEST(PageInABrowser, TablesOfOtherPagesFitAPhone) {
  if (!std::filesystem::exists("/usr/bin/chromedriver")) GTEST_SKIP() << "there is no chromium-driver";
  auto r = eventful_recording();
  const TemporaryFolder folder;
  ArmsOutcome outcome;
  for (const char* arm : {"careful-with-a-name-as-long-as-some-have", "naive", "<neither>"}) {
    r.arm = arm;
    outcome.arms.arms.push_back({arm, "deviated", 1, {"payments keep working"}, {}, {"payments keep working: broken"}});
    outcome.summaries.push_back(summarize(r, record::judge(r)));
  }
  Margin margin;
  margin.vary = "another.delay";
  margin.runs.push_back({300e6, "300ms", "001", "deviated", 1, "broken", {"payments keep working", "no <more>"}, 0.4});
  auto slower = r;
  for (auto& answer : slower.probes[0].answers) answer.latency *= 2;
  test::Command browser({FAULTLINE_SOURCE_DIR "/tests/browser/narrow.py", folder.write("arms.html", arms_page(outcome)),
                         folder.write("margin.html", margin_page(margin)),
                         folder.write("comparison.html", comparison_page(compare({keep(r)}, {keep(slower)})))});
  const auto status = browser.wait(420 * kSecond);
  ASSERT_TRUE(status) << "it did not end: " << browser.out() << browser.errors();
  EXPECT_EQ(*status, 0) << browser.out() << browser.errors();
}

TEST(PageInABrowser, OfARunUnderWayAsksWhetherItIsTheLast) {
  if (!std::filesystem::exists("/usr/bin/chromedriver")) GTEST_SKIP() << "there is no chromium-driver";
  const auto r = eventful_recording();
  const TemporaryFolder folder;
  const auto page =
      folder.write("live.html", render_report(r, summarize(r, record::judge(r)), {}, Live{"Under way.", "1"}));
  test::Command browser({FAULTLINE_SOURCE_DIR "/tests/browser/live.py", page});
  const auto status = browser.wait(420 * kSecond);
  ASSERT_TRUE(status) << "it did not end: " << browser.out() << browser.errors();
  EXPECT_EQ(*status, 0) << browser.out() << browser.errors();
}

}  // namespace
}  // namespace faultline::report
