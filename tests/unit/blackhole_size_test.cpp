#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"
#include "tests/unit/fault_window.h"
#include "tests/unit/plan_support.h"

namespace faultline::faults {
namespace {

std::string blackhole(const std::string& more) {
  return "[targets.shop]\nnetns = \"shop\"\n[[faults]]\nkind = \"blackhole-size\"\non = \"shop\"\nstart = \"5s\"\nfor "
         "= "
         "\"10s\"\n" +
         more;
}

}  // namespace

TEST(BlackholeSize, LosesWhatIsLongerAndAsksNothingElse) {
  const Kind& kind = *find_kind("blackhole-size");
  Params params;
  params.set("above", std::uint64_t{1400});
  EXPECT_TRUE(kind.validate(params, kSecond).empty());
  const Channel channel = kind.compile({params, kWindow, 1, "payment"});
  EXPECT_EQ(channel.above, 1400u);
  EXPECT_EQ(channel.active(), std::vector<Window>{kWindow});
  EXPECT_EQ(value_at(channel.loss, 20 * kSecond), 1);
  EXPECT_EQ(value_at(channel.loss, 60 * kSecond), 0);
  EXPECT_FALSE(channel.answer.filtered()) << "nobody is told";
}

TEST(BlackholeSize, TheLengthIsOfTheRuleAndOnlyThenAsked) {
  Channel channel;
  add_step(channel.loss, kWindow, 1);
  EXPECT_FALSE(flatten({{.channel = channel, .window = kWindow}}, 1).asks_sizes());
  channel.above = 1400;
  const Score score = flatten({{.channel = channel, .window = kWindow}}, 1);
  EXPECT_EQ(score.rules.at(0).above, 1400u);
  EXPECT_TRUE(score.asks_sizes());
}

TEST(BlackholeSize, ALengthIsThatOfAnIpPacket) {
  const auto plan = plan::parse_good(blackhole("above = \"1.4kB\"\n"));
  EXPECT_EQ(plan.faults.front().params.bytes("above"), 1400u);
  plan::only_mistake(blackhole(""), "has no \"above\"", "above = \"1400B\"");
  plan::only_mistake(blackhole("above = \"60B\"\n"), "60B is too little", "at least 68B");
  plan::only_mistake(blackhole("above = \"64KiB\"\n"), "65536B is too much", "at most 65534B");
  plan::only_mistake(blackhole("above = \"1400\"\n"), "\"1400\" is not a number of bytes", "\"1400B\"");
  plan::only_mistake(blackhole("above = 1400\n"), "above: expected a string, found an integer", "\"1400B\"");
}

}  // namespace faultline::faults
