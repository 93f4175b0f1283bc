#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"
#include "tests/unit/fault_window.h"
#include "tests/unit/plan_support.h"

namespace faultline::faults {
namespace {

Channel compile_cut(const char* mode) {
  const Kind& kind = *find_kind("cut-after");
  Params params;
  params.set("after", std::uint64_t{64000});
  params.set("mode", std::string(mode));
  EXPECT_TRUE(kind.validate(params, kSecond).empty());
  return kind.compile({params, kWindow, 1, "payment"});
}

std::string cut(const std::string& more) {
  return "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"cut-after\"\non = \"shop\"\nstart = \"5s\"\nfor = "
         "\"10s\"\n" +
         more;
}

}  // namespace

TEST(CutAfter, CutsWhatComesAfterSoManyBytes) {
  const Channel channel = compile_cut("silent");
  EXPECT_EQ(channel.active(), std::vector<Window>{kWindow});
  EXPECT_EQ(value_at(channel.loss, 20 * kSecond), 1);
  EXPECT_EQ(channel.answer.filter, FL_FILTER_SENT);
  EXPECT_EQ(channel.answer.sent, 64000u);
  const Score score = flatten({{.channel = channel, .window = kWindow}}, 1);
  EXPECT_EQ(score.rules.at(0).limit, 64000u);
  EXPECT_EQ(score.rules.at(0).flags, FL_RULE_SENT);
  EXPECT_TRUE(score.follows_connections());
}

TEST(CutAfter, AModeSaysWhoIsTold) {
  EXPECT_EQ(compile_cut("silent").answer.reply, FL_REPLY_SILENT);
  EXPECT_EQ(compile_cut("reset").answer.reply, FL_REPLY_RESET);
  EXPECT_EQ(plan::parse_good(cut("after = \"1B\"\n")).faults.front().params.text("mode"), "silent");
}

TEST(CutAfter, SequenceNumbersBoundTheBytes) {
  plan::parse_good(cut("after = \"1024MiB\"\n"));
  plan::only_mistake(cut("after = \"1025MiB\"\n"), "is too much", "at most 1073741824B");
  plan::only_mistake(cut(""), "has no \"after\"", "after = \"64kB\"");
}

}  // namespace faultline::faults
