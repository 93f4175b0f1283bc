#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"

namespace faultline::faults {
namespace {

const Kind& flap() { return *find_kind("flap"); }

Params times(Ns down, Ns up, double vary = 0) {
  Params params;
  params.set("down", down);
  params.set("up", up);
  params.set("vary", vary);
  return params;
}

Channel compile_flap(const Params& params, Window window, std::uint64_t seed = 1, std::string_view link = "payment") {
  return flap().compile({params, window, seed, link});
}

}  // namespace

TEST(Flap, IsDownAtOnceAndThenInTurn) {
  const Channel channel = compile_flap(times(2 * kSecond, 3 * kSecond), {10 * kSecond, 21 * kSecond});
  EXPECT_EQ(
      channel.active(),
      (std::vector<Window>{{10 * kSecond, 12 * kSecond}, {15 * kSecond, 17 * kSecond}, {20 * kSecond, 21 * kSecond}}));
  for (const Window& down : channel.active()) {
    EXPECT_EQ(value_at(channel.loss, down.start - 1), 0);
    EXPECT_EQ(value_at(channel.loss, down.start), 1);
    EXPECT_EQ(value_at(channel.loss, down.end - 1), 1);
    EXPECT_EQ(value_at(channel.loss, down.end), 0);
  }
  EXPECT_TRUE(channel.delay.empty());
  EXPECT_TRUE(channel.jitter.empty());
}

TEST(Flap, AnImpairmentTakesThePlaceOfTheCut) {
  Params params = times(kSecond, kSecond);
  params.set("delay", 300 * kMillisecond);
  params.set("jitter", 50 * kMillisecond);
  const Channel slow = compile_flap(params, {0, 4 * kSecond});
  EXPECT_TRUE(slow.loss.empty());
  EXPECT_EQ(value_at(slow.delay, 2 * kSecond), 3e8);
  EXPECT_EQ(value_at(slow.jitter, 2 * kSecond), 5e7);
  EXPECT_EQ(value_at(slow.delay, kSecond), 0);
  params = times(kSecond, kSecond);
  params.set("loss", 0.1);
  EXPECT_EQ(value_at(compile_flap(params, {0, 4 * kSecond}).loss, 0), 0.1);
}

TEST(Flap, GetsWorseAndBetterOverItsRamps) {
  Params params = times(kSecond, kSecond);
  params.set("delay", 400 * kMillisecond);
  params.set("ramp", 4 * kSecond);
  params.set("ramp_down", 4 * kSecond);
  const Channel c = compile_flap(params, {0, 10 * kSecond});
  EXPECT_EQ(value_at(c.delay, 500 * kMillisecond), 5e7);
  EXPECT_EQ(value_at(c.delay, 2 * kSecond), 2e8);
  EXPECT_EQ(value_at(c.delay, 4 * kSecond), 4e8);
  EXPECT_EQ(value_at(c.delay, 5 * kSecond), 0) << "up";
  EXPECT_EQ(value_at(c.delay, 8 * kSecond), 2e8);
  params.set("ramp", 7 * kSecond);
  const auto problems = flap().validate(params, 10 * kSecond);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].key, "ramp");
}

TEST(Flap, VariesWithinItsShareFromTheSeedAlone) {
  const Window window{0, 4000 * kSecond};
  const Params params = times(kSecond, 3 * kSecond, 0.5);
  const auto spans = compile_flap(params, window, 7).active();
  double down = 0, shortest = 1e18, longest = 0;
  for (std::size_t i = 0; i + 1 < spans.size(); i++) {
    const auto length = static_cast<double>(spans[i].end - spans[i].start);
    down += length;
    shortest = std::min(shortest, length);
    longest = std::max(longest, length);
    const Ns up = spans[i + 1].start - spans[i].end;
    ASSERT_GE(up, 1500 * kMillisecond);
    ASSERT_LE(up, 4500 * kMillisecond);
  }
  EXPECT_GE(shortest, 0.5e9);
  EXPECT_LT(shortest, 0.51e9);
  EXPECT_LE(longest, 1.5e9);
  EXPECT_GT(longest, 1.49e9);
  EXPECT_NEAR(down / static_cast<double>(spans.size() - 1), 1e9, 4.5e7);  // 0.29 s a draw, 1000 draws: 5 sigma
  EXPECT_EQ(compile_flap(params, window, 7, "west").loss, compile_flap(params, window, 7, "east").loss)
      << "links of one fault go down together";
  EXPECT_NE(compile_flap(params, window, 8).active(), spans);
  const auto half = compile_flap(params, {0, 2000 * kSecond}, 7).active();
  for (std::size_t i = 0; i + 1 < half.size(); i++)
    ASSERT_EQ(half[i], spans[i]) << "what comes later never changes what came before";
}

TEST(Flap, RefusesWhatWouldNotFlapAndWhatFlapsTooOften) {
  EXPECT_TRUE(flap().validate(times(2 * kSecond, 3 * kSecond), 3 * kSecond).empty());
  const auto never = flap().validate(times(2 * kSecond, 3 * kSecond), 2 * kSecond);
  ASSERT_EQ(never.size(), 1u);
  EXPECT_EQ(never[0].key, "down");
  EXPECT_NE(never[0].hint.find("sever"), std::string::npos);
  const auto often = flap().validate(times(kMillisecond, kMillisecond), 20 * kSecond);
  ASSERT_EQ(often.size(), 1u);
  EXPECT_EQ(often[0].key, "up");
  Params nothing = times(kSecond, kSecond);
  nothing.set("loss", 0.0);
  EXPECT_EQ(flap().validate(nothing, 10 * kSecond).size(), 1u);
  nothing.set("delay", 101 * kSecond);
  EXPECT_EQ(flap().validate(nothing, 10 * kSecond).size(), 1u);
}

TEST(Flap, SurvivesItsWorstCase) {
  Params params = times(kMillisecond, kMillisecond, 1.0);
  params.set("jitter", kMillisecond);
  params.set("loss", 1.0);
  const Window window{0, 20 * kSecond - 1};
  ASSERT_TRUE(flap().validate(params, window.end).empty());
  const Channel channel = compile_flap(params, window);
  EXPECT_GT(channel.active().size(), 9'000u);
  EXPECT_LE(channel.active().back().end, window.end);
  EXPECT_NO_THROW(flatten({{.channel = channel, .window = window}}, 1));
}

}  // namespace faultline::faults
