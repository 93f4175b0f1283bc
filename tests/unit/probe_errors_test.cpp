// What a service answers is bounded before it is recorded.
#include "injector/probe/errors.h"

#include <gtest/gtest.h>

#include "injector/base/visible_text.h"
#include "injector/record/journal.h"
#include "injector/report/page_files.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::probe {
namespace {

TEST(ErrorNames, AreShortVisibleAndFew) {
  ErrorNames names;
  EXPECT_EQ(names.named("timeout"), "timeout");
  const std::string longest = names.named("error " + std::string(300'000, 'X'));
  EXPECT_LE(longest.size(), ErrorNames::kLongest + 3);
  EXPECT_TRUE(longest.ends_with("...")) << longest;
  EXPECT_EQ(names.named("error \x1b[31m\xe2\x80\xae"), "error \\u001b[31m\\u202e");
  std::set<std::string> all;
  for (int i = 0; i < 10'000; i++) all.insert(names.named("error ERR" + std::to_string(i)));
  EXPECT_LE(all.size(), ErrorNames::kMost + 1);
  EXPECT_TRUE(all.contains(ErrorNames::kOther));
  EXPECT_EQ(names.named("timeout"), "timeout") << "what was known keeps its name";
}

// A journal may be another machine's, and another version's: it bounds nothing.
TEST(ErrorNames, BoundTheReportOfAnyRecord) {
  auto r = record::testing::good_recording();
  int i = 0;
  for (auto& answer : r.probes[0].answers)
    answer.error = r.probes[0].error_index("error " + std::to_string(i++) + std::string(100'000, 'x'));
  EXPECT_LE(r.probes[0].errors.size(), ErrorNames::kMost + 2);
  const auto summary = report::summarize(r, record::judge(r));
  EXPECT_LT(report::render_report(r, summary).size(), 200'000u + report::kPageScript.size());
  EXPECT_LT(record::to_json(summary).dump().size(), 200'000u);
}

TEST(Bounded, ARunOfManyWarningsHasAShortReport) {
  std::stringstream journal;
  for (int i = 0; i < 5000; i++)
    journal << R"({"event":"warning","message":"w)" << i << "\"}\n"
            << R"({"event":"note","text":"n"})"
            << "\n"
            << R"({"event":"service","host":"web","what":"ended"})"
            << "\n";
  const auto r = record::read_recording(journal);
  EXPECT_EQ(r.warnings.size(), 203u);
  EXPECT_EQ(r.warnings[200].text, "4800 more warnings are in the journal alone");
  EXPECT_EQ(r.notes.size(), 1000u);
  EXPECT_EQ(r.services.size(), 1000u);
}

TEST(Bounded, CutsBetweenCharacters) {
  EXPECT_EQ(bounded("支付支付", 7), "支付...");
  EXPECT_EQ(bounded("支付", 6), "支付");
  EXPECT_EQ(bounded("ab\x1b", 20), "ab\\u001b");
  EXPECT_EQ(bounded("", 5), "");
}

}  // namespace
}  // namespace faultline::probe
