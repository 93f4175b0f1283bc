// Which line of which service's log the card of what broke shows.
#include "injector/report/service_lines.h"

#include <sys/stat.h>

#include "injector/base/text.h"
#include "injector/plan/parse.h"
#include "injector/record/events.h"
#include "injector/record/journal.h"
#include "injector/record/verdict.h"
#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/milliseconds.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;

constexpr Ns kNow = 1'764'554'400 * kSecond;  // 2025-12-01T02:00:00Z

std::string line_at(Ns wall, const std::string& text) { return rfc3339(wall) + " " + text + "\n"; }

struct ServiceLines : testing::Test {
  std::vector<WrittenNear> near(const std::vector<std::string>& secrets = {}) const {
    return written_near(folder.path(), {kNow - kSecond, kNow, kNow + kSecond}, secrets);
  }

  TemporaryFolder folder;
};

TEST_F(ServiceLines, TheNearestOfEachLogIsTaken) {
  folder.write("pay.log", line_at(kNow - 2 * kSecond, "too early") + line_at(kNow - 300 * kMs, "before") +
                              line_at(kNow + 5 * kMs, "after") + line_at(kNow + 2 * kSecond, "too late"));
  folder.write("bank.log", line_at(kNow - kMs, "one") + line_at(kNow, "") + line_at(kNow + 900 * kMs, "late"));
  folder.write("quiet.log", line_at(kNow - 9 * kSecond, "long ago"));
  folder.write("blank.log", line_at(kNow, ""));
  folder.write("notes.txt", line_at(kNow, "no log"));
  const auto all = near();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].file, "bank.log");
  EXPECT_EQ(all[0].line, "one");
  EXPECT_EQ(all[0].apart, -kMs);
  EXPECT_EQ(all[1].line, "before") << "what came before says more of a cause";
  EXPECT_EQ(all[1].apart, -300 * kMs);
  EXPECT_EQ(all[1].lines, 2u);
  EXPECT_FALSE(all[1].more);
}

TEST_F(ServiceLines, WhatTellsOfTroubleComesFirst) {
  folder.write("chatty.log", line_at(kNow, "GET /download 200"));
  folder.write("pay.log", line_at(kNow - 800 * kMs, "upstream timed out") + line_at(kNow - 500 * kMs, "GET / 200") +
                              line_at(kNow - 400 * kMs, "bank refused") + line_at(kNow - kMs, "GET / 200"));
  const auto all = near();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].line, "bank refused");
  EXPECT_EQ(all[0].lines, 4u);
  EXPECT_EQ(all[1].file, "chatty.log");
}

TEST_F(ServiceLines, NamesOfErrorsTellOfTrouble) {
  for (const char* name :
       {"connect ECONNREFUSED 10.0.0.1", "ETIMEDOUT", "ConnectionResetError", "SocketTimeoutException", "conn_error=3",
        "time-out", "context deadline exceeded", "server bank is DOWN"}) {
    folder.write("pay.log", line_at(kNow, name));
    EXPECT_TRUE(near().at(0).trouble) << name;
  }
  for (const char* name : {"GET /download 200", "an upload has begun", "lossless", "reading"}) {
    folder.write("pay.log", line_at(kNow, name));
    EXPECT_FALSE(near().at(0).trouble) << name;
  }
}

TEST_F(ServiceLines, AreFoundInALongLogWithoutReadingIt) {
  std::string text;
  for (int i = -200'000; i < 100'000; i++) text += line_at(kNow + i * 10 * kMs, "line " + std::to_string(i));
  folder.write("long.log", text);
  ASSERT_GT(text.size(), 10u << 20);
  const auto all = near();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line, "line 0");
  EXPECT_EQ(all[0].lines, 201u) << "of 300,000";
  EXPECT_FALSE(all[0].more);
}

TEST_F(ServiceLines, OfALogThatGrowsFastTheInstantIsSeen) {
  std::string text;
  for (int i = -200'000; i < 200'000; i++)
    text += line_at(kNow + i * 5 * kMicrosecond, i == -1 ? "upstream timed out" : "GET / 200");
  folder.write("fast.log", text);
  const auto all = near();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line, "upstream timed out");
  EXPECT_TRUE(all[0].more);
  EXPECT_GT(all[0].lines, 50'000u);
}

TEST_F(ServiceLines, AStrangersTextStaysText) {
  folder.write("odd.log", "no time here\n" +
                              line_at(kNow, "\x1b[2Jpassword=hunter2 of swordfish " + std::string(5000, 'x')) +
                              "2025-12-01T02:00:00.0000Z Z cut");
  folder.write("empty.log", "");
  folder.write("elsewhere", line_at(kNow, "not of this run"));
  std::filesystem::create_directory(folder.path() / "folder.log");
  std::filesystem::create_symlink(folder.path() / "elsewhere", folder.path() / "link.log");
  ASSERT_EQ(mkfifo((folder.path() / "pipe.log").c_str(), 0600), 0);
  const auto all = near({"swordfish"});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line.find('\x1b'), std::string::npos);
  EXPECT_EQ(all[0].line.find("hunter2"), std::string::npos) << all[0].line;
  EXPECT_EQ(all[0].line.find("swordfish"), std::string::npos) << all[0].line;
  EXPECT_LT(all[0].line.size(), 400u);
  EXPECT_TRUE(written_near(folder.path() / "nowhere", {kNow, kNow, kNow}, {}).empty());
}

/// "pay" times out from 12 s on, 5 ms after it was due.
record::Recording failing() {
  record::Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 20 * kSecond, false, 5 * kMillisecond);
  r.started_at = rfc3339(kNow - 12 * kSecond);
  return r;
}
std::string page_of(const record::Recording& r, const Beside& beside) {
  return render_report(r, summarize(r, record::judge(r)), beside);
}

TEST_F(ServiceLines, StandOnTheCardWithALinkToTheLog) {
  record::Recording r = failing();
  folder.write("shop.log", line_at(kNow + 4 * kMs, "bank <unreachable>"));
  const Beside beside{.services = folder.path()};
  EXPECT_NE(page_of(r, beside).find("<dt>Services wrote</dt><dd><a href=\"services/shop.log\">shop.log</a> at 12 s, "
                                    "1.00 ms before that request was "
                                    "over: the only line<pre class=\"said\">bank &lt;unreachable&gt;</pre></dd>"),
            std::string::npos);
  for (const char* more : {"a.log", "b.log", "c.log"}) folder.write(more, line_at(kNow, "fine"));
  EXPECT_NE(page_of(r, beside).find("and 1 log more</dd>"), std::string::npos);
  r.masked = true;
  EXPECT_EQ(page_of(r, beside).find("unreachable"), std::string::npos) << "who knows what that holds";
  EXPECT_NE(page_of(r, beside).find("services/shop.log"), std::string::npos);
  r.masked = false;
  r.waited = kSecond;
  EXPECT_EQ(page_of(r, beside).find("Services wrote"), std::string::npos)
      << "its clock stood still, and theirs went on";
  r.waited = 0;
  r.held_since = kSecond;
  EXPECT_EQ(page_of(r, beside).find("Services wrote"), std::string::npos);
}

TEST(ServiceLinesOfARun, AreThoseOfItsFolderWithoutThePlansSecrets) {
  TemporaryFolder folder;
  const std::string text =
      "duration = \"1s\"\n[vars]\nbank_password = \"swordfish\"\n[probes.p]\nicmp = \"127.0.0.1\"\nevery = \"10ms\"\n"
      "[[hypotheses]]\nprobe = \"p\"\nsuccess = \">= 99%\"\n";
  folder.write("plan.toml", text);
  std::filesystem::create_directory(folder.path() / "services");
  folder.write("services/bank.log", line_at(kNow + 10 * kMs, "who says swordfish is refused"));
  {
    record::Journal journal(folder.path());
    const auto parsed = plan::parse_text(text, "p.toml");
    ASSERT_TRUE(parsed.ok()) << plan::render(parsed);
    record::events::plan(journal, parsed.plan);
    record::events::t0(journal, monotonic_now() - 2 * kSecond, kNow);
    for (Ns due = 0; due < kSecond; due += 10 * kMs) journal.sample("p", {0, due, 0, 5 * kMs, false, "timeout"});
    journal.write(record::events::End{});
  }
  derive(folder.path());
  const std::string page = folder.read("report.html");
  EXPECT_NE(page.find("bank.log</a> at 0.01 s, 5.00 ms after that request was over: the only line<pre "
                      "class=\"said\">who says *** is "
                      "refused</pre>"),
            std::string::npos)
      << page.substr(page.find("Services wrote"), 400);
}

TEST(WallOf, ReadsWhatIsWrittenAndWhatPeopleWrite) {
  for (const Ns wall : {Ns{0}, kNow + 123'456 * kMicrosecond, Ns{951'782'400} * kSecond})
    EXPECT_EQ(wall_of(rfc3339(wall)), wall) << rfc3339(wall);
  for (const char* same :
       {"2025-12-01T02:00:00Z", "2025-12-01T02:00:00.000Z", "2025-12-01T04:00:00+02:00", "2025-11-30T21:30:00-04:30"})
    EXPECT_EQ(wall_of(same), kNow) << same;
  for (const char* wrong : {"", "2025-12-01", "2025-12-01T02:00:00", "2025-02-31T02:00:00Z", "2025-12-01T02:00:00+",
                            "2025-12-01T02:00:00Z ", "2025-12-01T02:00:00+24:00", "noon"})
    EXPECT_FALSE(wall_of(wrong)) << wrong;
}

}  // namespace
}  // namespace faultline::report
