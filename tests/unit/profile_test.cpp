// Profiles and ramps: exact tracks, and what is refused.
#include "faults/profile.h"

#include <gtest/gtest.h>

#include "faults/kind.h"
#include "faults/score.h"

namespace faultline::faults {
namespace {

constexpr Window kTenSeconds{10 * kSecond, 20 * kSecond};
constexpr Ns s(double seconds) { return static_cast<Ns>(seconds * kSecond); }

Track laid(const Profile& profile, Layout layout, Track Channel::*track = &Channel::loss) {
  Channel channel;
  lay_out(channel, profile, kTenSeconds, layout);
  return channel.*track;
}

Channel compile_profile(const Params& params) {
  return find_kind("degrade")->compile({params, kTenSeconds, 1, "payment"});
}
std::vector<Problem> problems_of(const Params& params) {
  return find_kind("degrade")->validate(params, kTenSeconds.end - kTenSeconds.start);
}

Params delay(Ns value = 100 * kMillisecond) {
  Params params;
  params.set("delay", value);
  return params;
}

const Profile kThree{{.at = 0, .loss = 0.2}, {.at = s(2), .loss = 0.6}, {.at = s(4), .loss = 0.4}};

}  // namespace

TEST(Profile, LeadsFromPointToPointAndHoldsTheLast) {
  EXPECT_EQ(laid(kThree, {}), (Track{{s(10), 0.2}, {s(12), 0.6}, {s(14), 0.4}, {s(20), 0.4}}));
  EXPECT_EQ(laid(kThree, {.steps = true}),
            (Track{{s(10), 0.2}, {s(12), 0.2}, {s(12), 0.6}, {s(14), 0.6}, {s(14), 0.4}, {s(20), 0.4}}));
  EXPECT_EQ(laid({{.at = 0, .loss = 1}}, {}), (Track{{s(10), 1}, {s(20), 1}}));
  EXPECT_TRUE(laid(kThree, {}, &Channel::delay).empty());
}

TEST(Profile, RepeatsFromItsLastPoint) {
  EXPECT_EQ(laid(kThree, {.steps = true, .repeat = true}), (Track{{s(10), 0.2},
                                                                  {s(12), 0.2},
                                                                  {s(12), 0.6},
                                                                  {s(14), 0.6},
                                                                  {s(14), 0.2},
                                                                  {s(16), 0.2},
                                                                  {s(16), 0.6},
                                                                  {s(18), 0.6},
                                                                  {s(18), 0.2},
                                                                  {s(20), 0.2},
                                                                  {s(20), 0.6}}));
  EXPECT_EQ(laid(kThree, {.repeat = true}), (Track{{s(10), 0.2},
                                                   {s(12), 0.6},
                                                   {s(14), 0.4},
                                                   {s(14), 0.2},
                                                   {s(16), 0.6},
                                                   {s(18), 0.4},
                                                   {s(18), 0.2},
                                                   {s(20), 0.6}}));
}

TEST(Profile, IsCutAtTheWindowsEnd) {
  const Profile longer{{.at = 0, .delay = 1e6}, {.at = s(20), .delay = 3e6}, {.at = s(30), .delay = 0}};
  EXPECT_EQ(laid(longer, {}, &Channel::delay), (Track{{s(10), 1e6}, {s(20), 2e6}}));
  EXPECT_EQ(laid(longer, {.steps = true}, &Channel::delay), (Track{{s(10), 1e6}, {s(20), 1e6}}));
}

TEST(Profile, EveryFigureHasItsTrack) {
  ProfilePoint all;
  for (const Figure& figure : figures()) all.*figure.value = figure.unit == Figure::Unit::rate ? 1e6 : 0.5;
  Channel channel;
  lay_out(channel, {all}, kTenSeconds, {});
  for (const Figure& figure : figures())
    EXPECT_EQ(channel.*figure.track, (Track{{s(10), all.*figure.value}, {s(20), all.*figure.value}})) << figure.name;
}

TEST(Profile, WhatStaysTheSameCostsTwoPoints) {
  Profile flat;
  for (int i = 0; i < 1000; i++) flat.push_back({.at = i * kMillisecond, .loss = 0.5});
  EXPECT_EQ(laid(flat, {.steps = true}), (Track{{s(10), 0.5}, {s(20), 0.5}}));
  EXPECT_EQ(laid(flat, {}), (Track{{s(10), 0.5}, {s(20), 0.5}}));
}

TEST(Profile, TakesThePlaceOfConstantFiguresInDegrade) {
  Params params;
  params.set("profile", Profile{{.at = 0, .delay = 1e7}, {.at = s(10), .delay = 1e8, .loss = 0.05}});
  ASSERT_TRUE(problems_of(params).empty()) << problems_of(params)[0].message;
  Channel channel = compile_profile(params);
  EXPECT_EQ(channel.delay, (Track{{s(10), 1e7}, {s(20), 1e8}}));
  EXPECT_EQ(channel.loss, (Track{{s(10), 0}, {s(20), 0.05}}));
  params.set("duplicate", 0.01);  // what no point names may stay constant
  EXPECT_TRUE(problems_of(params).empty());
  EXPECT_EQ(compile_profile(params).duplicate, (Track{{s(10), 0.01}, {s(20), 0.01}}));
  params.set("steps", true);
  EXPECT_EQ(compile_profile(params).delay, (Track{{s(10), 1e7}, {s(20), 1e7}, {s(20), 1e8}}));
}

TEST(Profile, SaysWhatIsWrongAndWhere) {
  const auto key_of = [](Profile profile, Params params = {}) {
    params.set("profile", std::move(profile));
    const auto found = problems_of(params);
    return found.size() == 1 ? found[0].key : std::to_string(found.size()) + " problems";
  };
  EXPECT_EQ(key_of({}), "profile");
  EXPECT_EQ(key_of({{.at = s(1), .loss = 0.5}}), "profile[0]");
  EXPECT_EQ(key_of({{.at = 0, .loss = 0.5}, {.at = s(2)}, {.at = s(1)}}), "profile[2]");
  EXPECT_EQ(key_of({{.at = 0, .loss = 0.5}, {.at = s(10) + 1}}), "profile[1]");
  EXPECT_EQ(key_of({{.at = 0, .delay = 9e10, .jitter = 2e10}}), "profile[0]");
  EXPECT_EQ(key_of({{.at = 0, .rate = 1e6}, {.at = s(2)}}), "profile");
  EXPECT_EQ(key_of({{.at = 0}}), "") << "it asks for nothing, which a sweep may begin with";
  EXPECT_EQ(key_of({{.at = 0, .delay = 1e6}}, delay()), "delay");
  Params ramped;
  ramped.set("ramp", kSecond);
  EXPECT_EQ(key_of({{.at = 0, .loss = 0.5}}, ramped), "ramp");
  Params alone = delay();
  alone.set("steps", true);
  ASSERT_EQ(problems_of(alone).size(), 1u);
  EXPECT_EQ(problems_of(alone)[0].key, "steps");
}

TEST(Ramp, BuildsUpAndDiesAway) {
  Params params = delay();
  params.set("loss", 0.5);
  params.set("ramp", s(2));
  EXPECT_EQ(compile_profile(params).delay, (Track{{s(10), 0}, {s(12), 1e8}, {s(20), 1e8}}));
  EXPECT_EQ(compile_profile(params).loss, (Track{{s(10), 0}, {s(12), 0.5}, {s(20), 0.5}}));
  params.set("ramp_down", s(4));
  EXPECT_EQ(compile_profile(params).delay, (Track{{s(10), 0}, {s(12), 1e8}, {s(16), 1e8}, {s(20), 0}}));
  params.set("ramp", s(6));
  EXPECT_TRUE(problems_of(params).empty());
  const Channel roof = compile_profile(params);
  EXPECT_EQ(value_at(roof.delay, s(13)), 5e7);
  EXPECT_EQ(value_at(roof.delay, s(16)), 1e8);
  EXPECT_EQ(value_at(roof.delay, s(18)), 5e7);
  EXPECT_NO_THROW(flatten({{.channel = roof, .window = kTenSeconds}}, 1));
  params.set("ramp_down", s(5));
  ASSERT_EQ(problems_of(params).size(), 1u);
  EXPECT_EQ(problems_of(params)[0].key, "ramp");
}

TEST(Ramp, OfStepsIsExact) {
  Channel channel;
  add_step(channel.loss, {s(10), s(11)}, 1);
  add_step(channel.loss, {s(13), s(20)}, 1);
  ramp(channel, kTenSeconds, s(4), 0);
  EXPECT_EQ(value_at(channel.loss, s(10.5)), 0.125);
  EXPECT_EQ(value_at(channel.loss, s(12)), 0);
  EXPECT_EQ(value_at(channel.loss, s(13)), 0.75);
  EXPECT_EQ(value_at(channel.loss, s(14)), 1);
  EXPECT_EQ(value_at(channel.loss, s(19)), 1);
}

TEST(Ramp, ARateHasNone) {
  Params params = delay();
  params.set("rate", 1e6);
  params.set("ramp", s(1));
  ASSERT_EQ(problems_of(params).size(), 1u);
  EXPECT_EQ(problems_of(params)[0].key, "ramp");
}

TEST(CutTrack, EndsWhereItIsTold) {
  Track track{{0, 0}, {100, 10}, {100, 4}, {200, 4}};
  cut_track(track, 300);
  EXPECT_EQ(track.size(), 4u);
  cut_track(track, 150);
  EXPECT_EQ(track, (Track{{0, 0}, {100, 10}, {100, 4}, {150, 4}}));
  cut_track(track, 100);
  EXPECT_EQ(track, (Track{{0, 0}, {100, 10}})) << "the jump at the end is left out";
  cut_track(track, 50);
  EXPECT_EQ(track, (Track{{0, 0}, {50, 5}}));
  cut_track(track, 0);
  EXPECT_TRUE(track.empty());
}

}  // namespace faultline::faults
