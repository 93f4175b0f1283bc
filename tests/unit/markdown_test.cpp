// What a reviewer sees of a run: annotations and a summary in Markdown, whatever names and errors hold.
#include "injector/report/markdown.h"

#include "injector/record/verdict.h"
#include "tests/unit/record_fixture.h"

namespace faultline::report {
namespace {

Summary broken(const std::string& name = "payments keep working") {
  record::Recording r = record::testing::good_recording();
  r.hypotheses[0].name = name;
  record::testing::replace_requests(r, 10 * kSecond, 20 * kSecond, false, kMillisecond);
  return summarize(r, record::judge(r));
}

TEST(Markdown, HasHypothesesAndFaults) {
  const std::string text = markdown(broken());
  EXPECT_NE(text.find("## deviated: A test\n"), std::string::npos) << text;
  EXPECT_NE(text.find("| ❌ | payments keep working | success \\>= 99%, p99 \\<= 250ms |"), std::string::npos) << text;
  EXPECT_NE(text.find("| cut |"), std::string::npos) << text;
}

TEST(Markdown, TakesNamesForText) {
  const std::string text = markdown(broken("a|b `c`\n<img src=x> ![d](e)"));
  EXPECT_NE(text.find("a\\|b \\`c\\`\\\\n\\<img src=x\\> !\\[d\\](e)"), std::string::npos) << text;
}

TEST(Annotations, AreErrorsForWhatBroke) {
  EXPECT_EQ(github_annotations(broken(), "plans/shop.toml")
                .find("::error file=plans/shop.toml,title=payments keep working::"
                      "probe pay during cut: expected success >= 99%25"),
            0u)
      << github_annotations(broken(), "plans/shop.toml");
  EXPECT_NE(github_annotations(broken("a: b, c"), "p").find("title=a%3A b%2C c::"), std::string::npos);
  record::Recording good = record::testing::good_recording();
  EXPECT_EQ(github_annotations(summarize(good, record::judge(good)), "p"), "");
}

TEST(Annotations, AreWarningsForWhatSaysNothing) {
  record::Recording r = record::testing::good_recording();
  r.faults[0].account->matched = 0;
  const std::string text = github_annotations(summarize(r, record::judge(r)), "p");
  EXPECT_EQ(text.find("::warning file=p,title=inconclusive::fault \"cut\" met no packet"), 0u) << text;
}

TEST(Annotations, CannotBeMadeByWhatAServiceSays) {
  const std::string text = github_annotations(broken("x\n::error::y"), "p");
  EXPECT_EQ(text.find("\n::error::y"), std::string::npos) << text;
}

}  // namespace
}  // namespace faultline::report
