// What is said of a load that was not made as the plan asks for it.
#include "injector/record/verdict.h"
#include "injector/report/summary.h"
#include "tests/unit/record_fixture.h"

namespace faultline::record {
namespace {

/// 100 requests of the fault's window failed with this error.
Recording with_errors(const std::string& error, bool load = true) {
  Recording r = testing::good_recording();
  auto& probe = r.probes[0];
  if (load) probe.rate = "50/s";
  int left = 100;
  for (auto& answer : probe.answers)
    if (answer.due >= 10 * kSecond && left-- > 0) answer.error = probe.error_index(error);
  return r;
}

report::Summary summary_of(const Recording& r) { return report::summarize(r, judge(r)); }

TEST(LoadVerdict, AHypothesisOnALoadThatWasNotMadeIsNotJudged) {
  for (const char* error : {"unsent", "overload"}) {
    const Verdict verdict = judge(with_errors(error));
    EXPECT_EQ(verdict.exit, Exit::inconclusive) << error;
    ASSERT_EQ(verdict.hypotheses.size(), 1u);
    EXPECT_FALSE(verdict.hypotheses[0].held) << error;
    EXPECT_NE(verdict.hypotheses[0].reason.find("could not keep up: 100 of 500 requests"), std::string::npos)
        << verdict.hypotheses[0].reason;
  }
  EXPECT_EQ(judge(with_errors("refused")).exit, Exit::deviated) << "that is the service's";
  EXPECT_EQ(judge(with_errors("overload", false)).exit, Exit::deviated) << "a probe that observes waits for as many";
}

TEST(LoadVerdict, AFewThatWereNotSentChangeNothing) {
  Recording r = testing::good_recording();
  r.probes[0].rate = "50/s";
  int left = 4;
  for (auto& answer : r.probes[0].answers)
    if (answer.due >= 10 * kSecond && left-- > 0) answer.error = r.probes[0].error_index("unsent");
  EXPECT_EQ(judge(r).exit, Exit::passed);
}

TEST(LoadVerdict, OfferedAndSentAreInTheSummary) {
  const auto summary = summary_of(with_errors("unsent"));
  ASSERT_TRUE(summary.probes.at(0).load);
  EXPECT_EQ(summary.probes[0].load->rate, "50/s");
  EXPECT_EQ(summary.probes[0].load->offered, 1500u);
  EXPECT_EQ(summary.probes[0].load->sent, 1400u);
  EXPECT_FALSE(summary_of(testing::good_recording()).probes.at(0).load);
}

TEST(LoadVerdict, FailingAnswersAreInTheSummary) {
  Recording r = testing::good_recording();
  r.probes[0].said.push_back({"pay", 12 * kSecond, "status 503", "no bank", "", 7});
  const auto answers = summary_of(r).probes.at(0).failing_answers;
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].t_s, 12);
  EXPECT_EQ(answers[0].error, "status 503");
  EXPECT_EQ(answers[0].output, "no bank");
  EXPECT_EQ(answers[0].left_out, 7u);
}

}  // namespace
}  // namespace faultline::record
