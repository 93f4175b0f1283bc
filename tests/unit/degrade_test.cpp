#include <gtest/gtest.h>

#include <functional>

#include "faults/kind.h"
#include "faults/score.h"

namespace faultline::faults {
namespace {

const Kind& degrade() { return *find_kind("degrade"); }

Channel compile_degrade(const Params& params) {
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
  const Channel channel = compile_degrade(params);
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

TEST(Degrade, AQueueNeedsARate) {
  Params params;
  params.set("delay", 10 * kMillisecond);
  params.set("limit", QueueLimit{0, 64000});
  ASSERT_EQ(problems(params).size(), 1u);
  EXPECT_EQ(problems(params)[0].key, "limit");
  params.set("limit", QueueLimit{100 * kMillisecond, 0});
  EXPECT_TRUE(problems(params).empty()) << "the default";
}

TEST(Degrade, LeavesOutWhatIsNotAsked) {
  Params params;
  params.set("jitter", 20 * kMillisecond);  // without a delay: allowed, clamped at zero by the player
  EXPECT_TRUE(problems(params).empty());
  const Channel channel = compile_degrade(params);
  EXPECT_TRUE(channel.delay.empty());
  EXPECT_TRUE(channel.loss.empty());
  EXPECT_FALSE(channel.jitter.empty());
}

TEST(Degrade, AsksForAtLeastOneEffect) {
  Params none;
  none.set("distribution", std::string("uniform"));
  ASSERT_EQ(problems(none).size(), 1u);
  EXPECT_EQ(problems(none)[0].key, "");
  Params zero;
  zero.set("loss", 0.0);
  ASSERT_EQ(problems(zero).size(), 1u);
  EXPECT_TRUE(problems(zero)[0].idle) << "no mistake: a sweep may begin at nothing";
  zero.set("loss", 0.001);
  EXPECT_TRUE(problems(zero).empty());
}

TEST(Degrade, BoundsDelayAndJitterTogether) {
  Params params;
  params.set("delay", 60 * kSecond);
  params.set("jitter", 40 * kSecond);
  EXPECT_TRUE(problems(params).empty());
  EXPECT_NO_THROW(flatten({{.channel = compile_degrade(params), .window = {10 * kSecond, 20 * kSecond}}}, 1));
  params.set("jitter", 40 * kSecond + 1);
  ASSERT_EQ(problems(params).size(), 1u);
  EXPECT_EQ(problems(params)[0].key, "delay");
}

TEST(Degrade, CompilesEachKeyToItsTrack) {
  Params params;
  params.set("delay", 50 * kMillisecond);
  params.set("jitter", 10 * kMillisecond);
  params.set("distribution", std::string("paretonormal"));
  params.set("correlation", 0.25);
  params.set("order", std::string("free"));
  params.set("per", std::string("turn"));
  params.set("flows", 0.2);
  params.set("clients", 0.4);
  params.set("duplicate", 0.01);
  params.set("corrupt", 0.001);
  params.set("checksum", std::string("valid"));
  params.set("reorder", 0.05);
  params.set("rate", 1e7);
  params.set("limit", QueueLimit{0, 64000});
  ASSERT_TRUE(problems(params).empty());
  const Channel c = compile_degrade(params);
  const Ns in = 15 * kSecond;
  EXPECT_EQ(value_at(c.flows, in), 0.2);
  EXPECT_EQ(value_at(c.clients, in), 0.4);
  EXPECT_EQ(value_at(c.duplicate, in), 0.01);
  EXPECT_EQ(value_at(c.corrupt, in), 0.001);
  EXPECT_EQ(value_at(c.reorder, in), 0.05);
  EXPECT_EQ(value_at(c.rate, in), 1e7);
  EXPECT_EQ(value_at(c.rate, 20 * kSecond), 0);
  EXPECT_EQ(c.shape, JitterShape::pareto_normal);
  EXPECT_EQ(c.correlation, 0.25);
  EXPECT_TRUE(c.free_order);
  EXPECT_TRUE(c.turns);
  EXPECT_TRUE(c.valid_checksum);
  EXPECT_EQ(c.queue_bytes, 64000u);
  EXPECT_EQ(c.queue_time, 0);
  params.set("limit", QueueLimit{300 * kMillisecond, 0});
  EXPECT_EQ(compile_degrade(params).queue_time, 300 * kMillisecond);
  const Score score = flatten({{.channel = c, .window = {10 * kSecond, 20 * kSecond}}}, 1);
  EXPECT_EQ(score.rules[0].uses, (1u << FL_TRACKS) - 1 - FL_USES(FL_LOSS));
  EXPECT_EQ(score.rules[0].rho, 1 << 14);
  EXPECT_EQ(evaluate(score, score.tracks[FL_RATE], 15000000000), 10000000);
}

TEST(Degrade, BurstsByPacketAreAChain) {
  Params params;
  params.set("bursts.enter", 0.005);
  params.set("bursts.leave", 0.2);
  params.set("bursts.loss", 0.8);
  params.set("bursts.between", 0.001);
  ASSERT_TRUE(problems(params).empty());
  const Channel c = compile_degrade(params);
  ASSERT_TRUE(c.bursts);
  EXPECT_EQ(c.bursts->enter, 0.005);
  EXPECT_EQ(c.bursts->leave, 0.2);
  EXPECT_EQ(c.bursts->good, 0.001);
  EXPECT_EQ(c.bursts->bad, 0.8);
  EXPECT_EQ(value_at(c.loss, 15 * kSecond), 1) << "the factor on the chain's loss";
}

TEST(Degrade, BurstsByTimeFollowFromTheSeed) {
  Params params;
  params.set("bursts.good", 900 * kMillisecond);
  params.set("bursts.bad", 100 * kMillisecond);
  params.set("bursts.loss", 1.0);
  params.set("bursts.between", 0.0);
  ASSERT_TRUE(problems(params).empty());
  const Window window{10 * kSecond, 2010 * kSecond};
  const auto at = [&](std::uint64_t seed) { return degrade().compile({params, window, seed, "a"}).loss; };
  EXPECT_EQ(at(1), at(1));
  EXPECT_NE(at(1), at(2));
  Ns bad = 0;
  std::size_t spans = 0;
  for (const Window& span : degrade().compile({params, window, 1, "a"}).active()) {
    bad += span.end - span.start;
    spans++;
    EXPECT_GE(span.start, window.start);
    EXPECT_LE(span.end, window.end);
  }
  // 2,000 cycles of mean 1 s: the share has a standard deviation of 0.1 * sqrt(2 / 2000) * 0.9, the count one of
  // some 45.
  EXPECT_NEAR(static_cast<double>(bad) / (2000.0 * kSecond), 0.1, 4 * 0.1 * 0.0285);
  EXPECT_NEAR(static_cast<double>(spans), 2000, 180);
}

TEST(Degrade, TellsWhatDoesNotGoTogether) {
  struct Case {
    std::function<void(Params&)> change;
    std::string_view key;
  };
  const auto duration = [](const char* key, Ns v) { return [=](Params& p) { p.set(key, v); }; };
  const auto chance = [](const char* key, double v) { return [=](Params& p) { p.set(key, v); }; };
  const auto word = [](const char* key, const char* v) { return [=](Params& p) { p.set(key, std::string(v)); }; };
  for (const Case& c : {Case{word("distribution", "normal"), "distribution"},
                        {chance("correlation", 0.5), "correlation"},
                        {chance("reorder", 0.1), "reorder"},
                        {word("per", "turn"), "per"},
                        {word("checksum", "valid"), "checksum"},
                        {chance("bursts.enter", 0.1), "bursts.enter"},
                        {chance("bursts.leave", 0.1), "bursts.leave"},
                        {duration("bursts.good", kSecond), "bursts.good"},
                        {chance("bursts.loss", 0.5), "bursts.loss"}}) {
    Params params;
    params.set("loss", 0.1);
    c.change(params);
    const auto found = problems(params);
    ASSERT_FALSE(found.empty()) << c.key;
    EXPECT_EQ(found[0].key, c.key);
    EXPECT_FALSE(found[0].hint.empty());
  }
  Params both;
  both.set("loss", 0.1);
  both.set("bursts.good", kSecond);
  both.set("bursts.bad", kSecond);
  ASSERT_EQ(problems(both).size(), 1u);
  EXPECT_EQ(problems(both)[0].key, "loss");
  both.set("bursts.enter", 0.1);
  EXPECT_EQ(problems(both)[0].key, "bursts.good");
}

}  // namespace faultline::faults
