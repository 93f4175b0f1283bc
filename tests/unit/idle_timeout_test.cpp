#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"
#include "tests/unit/fault_window.h"
#include "tests/unit/plan_support.h"

namespace faultline::faults {
namespace {

Channel compile_forgetting(const char* mode) {
  const Kind& kind = *find_kind("idle-timeout");
  Params params;
  params.set("idle", 5 * kSecond);
  params.set("mode", std::string(mode));
  EXPECT_TRUE(kind.validate(params, 40 * kSecond).empty());
  return kind.compile({params, kWindow, 1, "payment"});
}

std::string forgetting(const std::string& more) {
  return "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"idle-timeout\"\non = \"shop\"\nstart = \"5s\"\nfor = "
         "\"10s\"\n" +
         more;
}

}  // namespace

TEST(IdleTimeout, ForgetsWhatWasSilentForSoLong) {
  const Channel channel = compile_forgetting("silent");
  EXPECT_EQ(channel.active(), std::vector<Window>{kWindow});
  EXPECT_EQ(value_at(channel.loss, 20 * kSecond), 1);
  EXPECT_EQ(channel.answer.filter, FL_FILTER_SILENT);
  EXPECT_EQ(channel.answer.silent, 5 * kSecond);
  EXPECT_TRUE(channel.answer.filtered());
  EXPECT_EQ(flatten({{.channel = channel, .window = kWindow}}, 1).rules.at(0).limit, 5'000'000'000u);
}

TEST(IdleTimeout, AModeSaysWhoIsTold) {
  EXPECT_EQ(compile_forgetting("silent").answer.reply, FL_REPLY_NONE);
  EXPECT_EQ(compile_forgetting("reset").answer.reply, FL_REPLY_SENDER);
  EXPECT_EQ(plan::parse_good(forgetting("idle = \"5s\"\n")).faults.front().params.text("mode"), "silent");
}

TEST(IdleTimeout, IsShorterThanTheFault) {
  plan::parse_good(forgetting("idle = \"9s\"\n"));
  plan::only_mistake(forgetting("idle = \"10s\"\n"), "over before any connection can have been silent for so long",
                     "make the fault longer, or idle shorter");
  plan::only_mistake(forgetting(""), "has no \"idle\"", "idle = \"5s\"");
  plan::only_mistake(forgetting("idle = \"5s\"\nmode = \"drop\"\n"), "unknown value \"drop\"", "silent");
}

}  // namespace faultline::faults
