#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "faults/kind.h"
#include "faults/score.h"
#include "tests/unit/fault_window.h"

namespace faultline::faults {
namespace {

const Kind& kind() { return *find_kind("machine-room-jitter"); }

// The defaults are the parser's to fill in; here by hand.
Params parameters(Ns every = 8 * kSecond, Ns last = 1500 * kMillisecond, double spread = 0.2) {
  Params params;
  params.set("episodes.every", every);
  params.set("episodes.last", last);
  params.set("episodes.onset", 0.15);
  params.set("episodes.decay", 0.35);
  params.set("spread", spread);
  params.set("delay", 200 * kMillisecond);
  params.set("jitter", 150 * kMillisecond);
  params.set("loss", 0.12);
  return params;
}

Channel compile_jitter(const Params& params, std::uint64_t seed, std::string_view link = "payment",
                       Window window = kWindow) {
  return kind().compile({params, window, seed, link});
}

double peak(const Track& track) {
  double highest = 0;
  for (const Point& p : track) highest = std::max(highest, p.value);
  return highest;
}

}  // namespace

TEST(MachineRoomJitter, EveryShortRehearsalMeetsAnEpisodeEarlyAndInFull) {
  for (std::uint64_t seed = 0; seed < 500; seed++) {
    const Channel channel = compile_jitter(parameters(), seed);
    const auto episodes = channel.active();
    ASSERT_GE(episodes.size(), 3u) << seed;
    EXPECT_LE(episodes[0].start, kWindow.start + 4 * kSecond) << seed;
    EXPECT_GT(episodes[0].start, kWindow.start) << seed;
    EXPECT_GE(peak(channel.delay), 0.8 * 2e8) << seed;
    for (std::size_t i = 0; i < episodes.size(); i++) {
      if (i > 0) {
        EXPECT_GT(episodes[i].start, episodes[i - 1].end) << seed;
      }
      EXPECT_LE(episodes[i].end, kWindow.end);
      EXPECT_LE(episodes[i].end - episodes[i].start, 2250 * kMillisecond);
    }
  }
}

TEST(MachineRoomJitter, MeansAreTheOnesAsked) {
  const Window day{0, 20'000 * kSecond};
  const auto episodes = compile_jitter(parameters(), 7, "payment", day).active();
  double length = 0;
  for (const Window& e : episodes) length += static_cast<double>(e.end - e.start);
  const auto count = static_cast<double>(episodes.size());
  // Standard deviations of one draw: 1.9 s of the interval, 0.43 s of the length; about 2500 draws. Bounds of 4.5
  // sigma.
  EXPECT_NEAR(static_cast<double>(episodes.back().start - episodes.front().start) / (count - 1) / 1e9, 8.0, 0.18);
  EXPECT_NEAR(length / count / 1e9, 1.5, 0.04);
}

TEST(MachineRoomJitter, WhatComesLaterNeverChangesWhatCameBefore) {
  for (std::uint64_t seed = 0; seed < 50; seed++) {
    const Channel whole = compile_jitter(parameters(), seed);
    for (const Ns end : {28 * kSecond, 33 * kSecond + 333, 47 * kSecond}) {
      const Channel prefix = compile_jitter(parameters(), seed, "payment", {kWindow.start, end});
      for (Ns t = kWindow.start; t < end; t += 7'777'777) {
        ASSERT_NEAR(value_at(prefix.delay, t), value_at(whole.delay, t), 1) << seed;
        ASSERT_NEAR(value_at(prefix.jitter, t), value_at(whole.jitter, t), 1) << seed;
        ASSERT_NEAR(value_at(prefix.loss, t), value_at(whole.loss, t), 1e-9) << seed;
      }
      ASSERT_EQ(value_at(prefix.delay, end), 0);
      for (const Window& span : prefix.active()) ASSERT_LE(span.end, end);
    }
  }
}

TEST(MachineRoomJitter, DependsOnTheSeedAndOnNothingElse) {
  EXPECT_EQ(compile_jitter(parameters(), 1).delay, compile_jitter(parameters(), 1).delay);
  EXPECT_NE(compile_jitter(parameters(), 1).delay, compile_jitter(parameters(), 2).delay);
}

TEST(MachineRoomJitter, LinksShareTheEpisodesWithTheirOwnGainAndLag) {
  const auto east = compile_jitter(parameters(), 5, "east");
  const auto west = compile_jitter(parameters(), 5, "west");
  const auto a = east.active(), b = west.active();
  ASSERT_EQ(a.size(), b.size());
  const Ns lag = b[0].start - a[0].start;
  EXPECT_NE(lag, 0);
  EXPECT_LE(std::abs(lag), 300 * kMillisecond);  // spread * episodes.last
  for (std::size_t i = 0; i < a.size(); i++) EXPECT_EQ(b[i].start - a[i].start, lag);
  EXPECT_NE(peak(east.delay), peak(west.delay));
  EXPECT_EQ(peak(east.delay) / 2e8, peak(east.jitter) / 1.5e8);
  EXPECT_NEAR(peak(east.delay) / 2e8, peak(east.loss) / 0.12, 1e-12);
}

TEST(MachineRoomJitter, GainsFillTheSpreadAndNothingBeyond) {
  double low = 9, high = 0;
  for (int i = 0; i < 300; i++) {
    const double gain = peak(compile_jitter(parameters(), 5, "link" + std::to_string(i)).delay) / 2e8;
    low = std::min(low, gain);
    high = std::max(high, gain);
  }
  EXPECT_GE(low, 0.8);
  EXPECT_LE(high, 1.2);
  EXPECT_LT(low, 0.82);
  EXPECT_GT(high, 1.18);
  const Params equal = parameters(8 * kSecond, 1500 * kMillisecond, 0);
  EXPECT_EQ(compile_jitter(equal, 5, "east").delay, compile_jitter(equal, 5, "west").delay);
}

TEST(MachineRoomJitter, LossStaysAProbabilityWhateverTheGain) {
  Params params = parameters(8 * kSecond, 1500 * kMillisecond, 1.0);
  params.set("loss", 0.9);
  bool clamped = false;
  for (int i = 0; i < 50; i++) {
    const Channel channel = compile_jitter(params, 5, "link" + std::to_string(i));
    EXPECT_LE(peak(channel.loss), 1.0);
    clamped |= peak(channel.loss) == 1.0;
    EXPECT_NO_THROW(flatten({{.channel = channel, .window = kWindow}}, 1));
  }
  EXPECT_TRUE(clamped);
}

TEST(MachineRoomJitter, AnEpisodeRisesStaysAndDiesAway) {
  const Channel channel = compile_jitter(parameters(), 3);
  const Window episode = channel.active().at(0);
  const auto at = [&](double share) {
    return value_at(channel.delay,
                    episode.start + std::llround(share * static_cast<double>(episode.end - episode.start))) /
           peak(channel.delay);
  };
  EXPECT_NEAR(at(0), 0, 1e-6);
  EXPECT_NEAR(at(0.075), 0.5, 1e-3);
  EXPECT_NEAR(at(0.16), 1, 1e-3);
  EXPECT_NEAR(at(0.4), 1, 1e-3);
  EXPECT_NEAR(at(0.64), 1, 1e-3);
  for (double share = 0.66; share < 1; share += 0.01) EXPECT_LT(at(share), at(share - 0.01)) << share;
  // Convex: half way down the decay's time, well below half its height.
  EXPECT_LT(at(0.825), 0.3);
  EXPECT_GT(at(0.825), 0.05);
}

TEST(MachineRoomJitter, OnsetAndDecayMayBeSudden) {
  Params params = parameters();
  params.set("episodes.onset", 0.0);
  params.set("episodes.decay", 0.0);
  const Channel channel = compile_jitter(params, 3);
  const Window episode = channel.active().at(0);
  EXPECT_EQ(value_at(channel.delay, episode.start), peak(channel.delay));
  EXPECT_EQ(value_at(channel.delay, episode.end - 1), peak(channel.delay));
  EXPECT_EQ(value_at(channel.delay, episode.end), 0);
  EXPECT_NO_THROW(flatten({{.channel = channel, .window = kWindow}}, 1));
}

TEST(MachineRoomJitter, RefusesWhatCannotBePlayed) {
  const auto key_of = [](const Params& params, Ns duration) {
    const auto problems = kind().validate(params, duration);
    return problems.size() == 1 ? problems[0].key : std::to_string(problems.size()) + " problems";
  };
  const Ns window = 40 * kSecond;
  EXPECT_TRUE(kind().validate(parameters(), window).empty());
  EXPECT_TRUE(kind().validate(parameters(), 8 * kSecond).empty());
  EXPECT_EQ(key_of(parameters(), 8 * kSecond - 1), "episodes.every");
  EXPECT_EQ(key_of(parameters(8 * kSecond, 6500 * kMillisecond), window), "episodes.last");
  EXPECT_EQ(key_of(parameters(10 * kMillisecond, kMillisecond), 101 * kSecond), "episodes.every");
  Params steep = parameters();
  steep.set("episodes.decay", 0.9);
  EXPECT_EQ(key_of(steep, window), "episodes.decay");
  Params far = parameters();
  far.set("delay", 84 * kSecond);  // 84.15 s * 1.2 is beyond 100 s
  EXPECT_EQ(key_of(far, window), "delay");
  Params nothing;
  nothing.set("episodes.every", 8 * kSecond);
  nothing.set("episodes.last", kSecond);
  EXPECT_EQ(key_of(nothing, window), "");
}

TEST(MachineRoomJitter, SurvivesItsWorstCase) {
  Params params = parameters(10 * kMillisecond, 8 * kMillisecond, 1.0);
  const Window window{0, 100 * kSecond};
  ASSERT_TRUE(kind().validate(params, window.end).empty());
  const Channel channel = compile_jitter(params, 1, "east", window);
  const Score score = flatten({{.channel = channel, .window = window}}, 1);
  EXPECT_GT(channel.active().size(), 9'000u);
  EXPECT_LT(score.points.size(), 3u * 75'000u);
  for (std::uint64_t t = 0; t < 100'000'000'000; t += 9'999'991) {
    ASSERT_NEAR(static_cast<double>(evaluate(score, score.tracks[FL_DELAY], t)),
                value_at(channel.delay, static_cast<Ns>(t)), 1.5e6);
  }
}

}  // namespace faultline::faults
