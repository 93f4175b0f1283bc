// Which line of which service's log the card of what broke shows.
#include "injector/report/service_lines.h"

#include "injector/base/text.h"
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
  std::vector<WrittenNear> near(Ns span = kSecond) const { return written_near(folder.path(), kNow, span); }

  TemporaryFolder folder;
};

TEST_F(ServiceLines, TheNearestOfEachLogIsTaken) {
  folder.write("pay.log", line_at(kNow - 2 * kSecond, "too early") + line_at(kNow - 300 * kMs, "before") +
                              line_at(kNow + 5 * kMs, "after") + line_at(kNow + 2 * kSecond, "too late"));
  folder.write("bank.log", line_at(kNow - kMs, "one"));
  folder.write("quiet.log", line_at(kNow - 9 * kSecond, "long ago"));
  folder.write("notes.txt", line_at(kNow, "no log"));
  const auto all = near();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].file, "bank.log");
  EXPECT_EQ(all[0].line, "one");
  EXPECT_EQ(all[0].apart, -kMs);
  EXPECT_EQ(all[1].line, "before") << "what came before says more of a cause";
  EXPECT_EQ(all[1].apart, -300 * kMs);
  EXPECT_EQ(all[1].lines, 2u);
}

TEST_F(ServiceLines, WhatTellsOfTroubleComesFirst) {
  folder.write("chatty.log", line_at(kNow, "GET / 200"));
  folder.write("pay.log", line_at(kNow - 800 * kMs, "upstream timed out") + line_at(kNow - kMs, "GET / 200"));
  const auto all = near();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].line, "upstream timed out");
  EXPECT_EQ(all[0].lines, 2u);
  EXPECT_EQ(all[1].file, "chatty.log");
}

TEST_F(ServiceLines, AreFoundInALongLogWithoutReadingIt) {
  std::string text;
  for (int i = -60'000; i < 60'000; i++) text += line_at(kNow + i * 10 * kMs, "line " + std::to_string(i));
  folder.write("long.log", text);
  const auto all = near();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line, "line 0");
  EXPECT_EQ(all[0].lines, 201u) << "of 120,000";
}

TEST_F(ServiceLines, AStrangersTextStaysText) {
  folder.write("odd.log", "no time here\n" + line_at(kNow, "\x1b[2Jpassword=hunter2 " + std::string(5000, 'x')) +
                              "2025-12-01T02:00:00.0000Z Z cut");
  folder.write("empty.log", "");
  std::filesystem::create_directory(folder.path() / "folder.log");
  std::filesystem::create_symlink("/etc/passwd", folder.path() / "link.log");
  const auto all = near();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].line.find('\x1b'), std::string::npos);
  EXPECT_EQ(all[0].line.find("hunter2"), std::string::npos) << all[0].line;
  EXPECT_LT(all[0].line.size(), 400u);
  EXPECT_TRUE(written_near(folder.path() / "nowhere", kNow, kSecond).empty());
}

TEST_F(ServiceLines, StandOnTheCardWithALinkToTheLog) {
  record::Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 20 * kSecond, false, 5 * kMillisecond);
  r.started_at = rfc3339(kNow - 12 * kSecond);
  folder.write("shop.log", line_at(kNow - 4 * kMs, "bank <unreachable>"));
  const auto page = [&] { return render_report(r, summarize(r, record::judge(r)), {.services = folder.path()}); };
  EXPECT_NE(page().find("<dt>Services wrote</dt><dd><a href=\"services/shop.log\">shop.log</a>, 4 ms before, one of 1 "
                        "line within 1 s:<pre class=\"said\">bank &lt;unreachable&gt;</pre></dd>"),
            std::string::npos);
  r.waited = kSecond;
  EXPECT_EQ(page().find("Services wrote"), std::string::npos) << "its clock stood still, and theirs went on";
}

TEST(WallOf, ReadsWhatIsWritten) {
  for (const Ns wall : {Ns{0}, kNow + 123'456 * kMicrosecond, Ns{951'782'400} * kSecond})
    EXPECT_EQ(wall_of(rfc3339(wall)), wall) << rfc3339(wall);
  for (const char* wrong : {"", "2025-12-01", "2025-12-01T02:00:00Z", "2025-02-31T02:00:00.000000Z",
                            "2025-12-01T02:00:00.000000+", "2025-12-01T02:00:00.000000Z "})
    EXPECT_FALSE(wall_of(wrong)) << wrong;
}

}  // namespace
}  // namespace faultline::report
