#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"

using namespace faultline;
using namespace faultline::faults;

namespace {

const Kind& degrade() { return *find_kind("degrade"); }

Channel compile(const Params& params) {
  return degrade().compile({params, {10 * kSecond, 20 * kSecond}, 1, "payment"});
}

std::vector<Problem> problems(const Params& params) { return degrade().validate(params, 10 * kSecond); }

}  // namespace

TEST(Degrade, HoldsItsFiguresFromFirstInstantToLast) {
  Params params;
  params.set("delay", 100 * kMillisecond);
  params.set("jitter", 20 * kMillisecond);
  params.set("loss", 0.01);
  ASSERT_TRUE(problems(params).empty());
  const Channel channel = compile(params);
  for (const Ns t : {10 * kSecond, 15 * kSecond, 20 * kSecond - 1}) {
    EXPECT_EQ(value_at(channel.delay, t), 1e8);
    EXPECT_EQ(value_at(channel.jitter, t), 2e7);
    EXPECT_EQ(value_at(channel.loss, t), 0.01);
  }
  for (const Ns t : {10 * kSecond - 1, 20 * kSecond}) {
    EXPECT_EQ(value_at(channel.delay, t), 0);
    EXPECT_EQ(value_at(channel.jitter, t), 0);
    EXPECT_EQ(value_at(channel.loss, t), 0);
  }
  EXPECT_FALSE(channel.free_order);
}

TEST(Degrade, LeavesOutWhatIsNotAsked) {
  Params params;
  params.set("jitter", 20 * kMillisecond);  // without a delay: allowed, clamped at zero by the player
  EXPECT_TRUE(problems(params).empty());
  const Channel channel = compile(params);
  EXPECT_TRUE(channel.delay.empty());
  EXPECT_TRUE(channel.loss.empty());
  EXPECT_FALSE(channel.jitter.empty());
}

TEST(Degrade, AsksForAtLeastOneEffect) {
  Params none;
  none.set("distribution", std::string("uniform"));
  ASSERT_EQ(problems(none).size(), 1u);
  EXPECT_EQ(problems(none)[0].key, "");
  EXPECT_FALSE(problems(none)[0].not_yet);
  Params zero;
  zero.set("loss", 0.0);
  EXPECT_EQ(problems(zero).size(), 1u);
  zero.set("loss", 0.001);
  EXPECT_TRUE(problems(zero).empty());
}

TEST(Degrade, BoundsDelayAndJitterTogether) {
  Params params;
  params.set("delay", 60 * kSecond);
  params.set("jitter", 40 * kSecond);
  EXPECT_TRUE(problems(params).empty());
  EXPECT_NO_THROW(flatten({{.channel = compile(params), .window = {10 * kSecond, 20 * kSecond}}}, 1));
  params.set("jitter", 40 * kSecond + 1);
  ASSERT_EQ(problems(params).size(), 1u);
  EXPECT_EQ(problems(params)[0].key, "delay");
}

TEST(Degrade, OtherDistributionsAreNotYet) {
  Params params;
  params.set("delay", kMillisecond);
  params.set("distribution", std::string("pareto"));
  const auto found = problems(params);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, "distribution");
  EXPECT_TRUE(found[0].not_yet);
}

TEST(Degrade, ReservesTheKeysOfTheLanguage) {
  for (const std::string_view name : {"correlation", "duplicate", "corrupt", "reorder", "rate", "limit", "ramp",
                                      "profile", "order", "flows", "clients", "per"}) {
    bool found = false;
    for (const Key& key : degrade().keys) found |= key.name == name && key.type == ValueType::reserved;
    EXPECT_TRUE(found) << name;
  }
}
