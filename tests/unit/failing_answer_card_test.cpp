// The card of a broken hypothesis shows what the service said to the first request that failed.
#include "injector/record/verdict.h"
#include "injector/report/derive.h"
#include "injector/report/report.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

using namespace record::testing;

/// "pay" fails from 12 s on, and was answered these.
std::string page_of(std::vector<record::events::Answer> said) {
  record::Recording r = good_recording();
  replace_requests(r, 12 * kSecond, 20 * kSecond, false, 5 * kMillisecond);
  r.probes[0].said = std::move(said);
  return render_report(r, summarize(r, record::judge(r)));
}

TEST(FailingAnswerCard, HasWhatTheFirstFailingRequestWasAnswered) {
  const std::string page = page_of(
      {{"pay", 12 * kSecond, "timeout", "no <bank>", "a word", 7}, {"pay", 13 * kSecond, "timeout", "later", "", 0}});
  EXPECT_NE(page.find("It was answered</dt><dd><pre class=\"said\">no &lt;bank&gt;</pre>standard error:<pre "
                      "class=\"said\">a word</pre>and 7 bytes more"),
            std::string::npos);
  EXPECT_EQ(page.find("<pre class=\"said\">later"), std::string::npos);
}

TEST(FailingAnswerCard, HasAnotherOfTheSameKindAndWindowWhereItWasNotKept) {
  const std::string page = page_of({{"pay", 5 * kSecond, "timeout", "before", "", 0},
                                    {"pay", 12 * kSecond, "refused", "another error", "", 0},
                                    {"pay", 14 * kSecond, "timeout", "the one", "", 0}});
  EXPECT_NE(page.find("to the one of 14 s:<pre class=\"said\">the one</pre>"), std::string::npos);
  EXPECT_EQ(page.find("<pre class=\"said\">before"), std::string::npos);
  EXPECT_EQ(page.find("<pre class=\"said\">another"), std::string::npos);
}

TEST(FailingAnswerCard, HasWhatWasWantedAndWhatWasSeen) {
  const std::string page =
      page_of({{"pay", 12 * kSecond, "timeout", "", "", 0, "JSON field /state: \"paid\" wanted, \"<open>\" seen"}});
  EXPECT_NE(page.find("<dt>How it differs</dt><dd>JSON field /state: &quot;paid&quot; wanted, &quot;&lt;open&gt;&quot; "
                      "seen</dd>"),
            std::string::npos);
  EXPECT_EQ(page.find("It was answered"), std::string::npos) << "nothing was said";
}

TEST(FailingAnswerCard, SaysNothingWhereNothingWasSaid) {
  const std::string page = page_of({});
  EXPECT_NE(page.find("First failing answer"), std::string::npos);
  EXPECT_EQ(page.find("It was answered"), std::string::npos);
}

}  // namespace
}  // namespace faultline::report
