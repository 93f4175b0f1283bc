#include <gtest/gtest.h>

#include <algorithm>

#include "faults/kind.h"
#include "faults/score.h"
#include "tests/unit/fault_window.h"

namespace faultline::faults {
namespace {

const Kind& sever() { return *find_kind("sever"); }

Channel with_mode(const std::string& name) {
  Params params;
  params.set("mode", name);
  EXPECT_TRUE(sever().validate(params, kSecond).empty());
  return sever().compile({params, kWindow, 1, "payment"});
}

}  // namespace

TEST(Sever, DropsEverythingInItsWindowAndDoesNothingElse) {
  for (const auto mode : sever().keys.at(0).choices) {
    const Channel channel = with_mode(std::string(mode));
    EXPECT_EQ(value_at(channel.loss, 20 * kSecond - 1), 0);
    EXPECT_EQ(value_at(channel.loss, 20 * kSecond), 1);
    EXPECT_EQ(value_at(channel.loss, 60 * kSecond - 1), 1);
    EXPECT_EQ(value_at(channel.loss, 60 * kSecond), 0);
    EXPECT_TRUE(channel.delay.empty());
    EXPECT_TRUE(channel.jitter.empty());
  }
}

TEST(Sever, ModesSayWhomItIsAboutAndWhoLearns) {
  EXPECT_EQ(sever().keys.at(0).fallback, "\"silent\"");
  EXPECT_FALSE(with_mode("silent").answer.filtered());
  EXPECT_FALSE(sever().compile({Params(), kWindow, 1, ""}).answer.filtered()) << "the default";
  const auto is = [](const char* mode, fl_filter filter, fl_reply reply) {
    const Answer answer = with_mode(mode).answer;
    return answer.filter == filter && answer.reply == reply && answer.filtered();
  };
  EXPECT_TRUE(is("reset", FL_FILTER_NONE, FL_REPLY_RESET));
  EXPECT_TRUE(is("refuse", FL_FILTER_NONE, FL_REPLY_REFUSE));
  EXPECT_TRUE(is("half-open", FL_FILTER_OLD, FL_REPLY_TELL));
  EXPECT_TRUE(is("new-only", FL_FILTER_OPENING, FL_REPLY_NONE));
  EXPECT_TRUE(is("established-only", FL_FILTER_OLD, FL_REPLY_NONE));
  EXPECT_EQ(sever().keys.at(0).choices.size(), 6u);
}

TEST(Sever, TheScoreHasAnAnswerForEachRule) {
  const Score score = flatten(
      {{.channel = with_mode("silent"), .window = kWindow}, {.channel = with_mode("reset"), .window = kWindow}}, 1);
  ASSERT_EQ(score.answers.size(), 2u);
  EXPECT_EQ(score.answers[0].reply, FL_REPLY_NONE);
  EXPECT_EQ(score.answers[1].reply, FL_REPLY_RESET);
  EXPECT_TRUE(score.names.empty());
}

}  // namespace faultline::faults
