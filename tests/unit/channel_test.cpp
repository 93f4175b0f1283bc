#include "faults/channel.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace faultline::faults {
TEST(ValueAt, IsZeroBeforeTheFirstPointAndFromTheLastOn) {
  const Track track{{100, 5}, {200, 9}};
  EXPECT_EQ(value_at(track, 99), 0);
  EXPECT_EQ(value_at(track, 100), 5);
  EXPECT_EQ(value_at(track, 150), 7);
  EXPECT_EQ(value_at(track, 200), 0);
  EXPECT_EQ(value_at(track, 1000), 0);
  EXPECT_EQ(value_at({}, 0), 0);
  EXPECT_EQ(value_at({{100, 5}}, 100), 0);
}

TEST(ValueAt, LandsOnTheLaterSideOfAJump) {
  const Track track{{0, 1}, {100, 1}, {100, 3}, {200, 5}, {200, 0}, {300, 0}};
  EXPECT_EQ(value_at(track, 99), 1);
  EXPECT_EQ(value_at(track, 100), 3);
  EXPECT_EQ(value_at(track, 150), 4);
  EXPECT_EQ(value_at(track, 200), 0);
}

TEST(AddStep, MakesARectangle) {
  Track track;
  add_step(track, {100, 200}, 7);
  EXPECT_EQ(value_at(track, 99), 0);
  EXPECT_EQ(value_at(track, 100), 7);
  EXPECT_EQ(value_at(track, 199), 7);
  EXPECT_EQ(value_at(track, 200), 0);
}

TEST(AddStep, KeepsZeroBetweenRectangles) {
  Track track;
  add_step(track, {100, 200}, 7);
  add_step(track, {300, 400}, 9);
  for (const Ns t : {200, 250, 299, 400}) EXPECT_EQ(value_at(track, t), 0) << t;
  EXPECT_EQ(value_at(track, 199), 7);
  EXPECT_EQ(value_at(track, 300), 9);
  EXPECT_EQ(value_at(track, 399), 9);
}

TEST(AddStep, JoinsRectanglesThatTouchAndFollowsARamp) {
  Track track{{0, 0}, {100, 10}};
  add_step(track, {100, 200}, 7);
  add_step(track, {200, 300}, 9);
  EXPECT_EQ(value_at(track, 50), 5);
  EXPECT_EQ(value_at(track, 100), 7);
  EXPECT_EQ(value_at(track, 199), 7);
  EXPECT_EQ(value_at(track, 200), 9);
}

TEST(AddStep, AddsNothingForNothingAndRefusesOverlap) {
  Track track;
  add_step(track, {100, 100}, 7);
  add_step(track, {100, 200}, 0);
  EXPECT_TRUE(track.empty());
  add_step(track, {100, 200}, 7);
  EXPECT_THROW(add_step(track, {199, 300}, 7), std::invalid_argument);
}

TEST(Active, IsTheUnionOverTheTracksWithoutSilentSpans) {
  Channel channel;
  add_step(channel.delay, {100, 200}, 5);
  add_step(channel.delay, {600, 700}, 5);
  add_step(channel.jitter, {150, 300}, 5);
  add_step(channel.loss, {300, 400}, 0.5);
  EXPECT_EQ(channel.active(), (std::vector<Window>{{100, 400}, {600, 700}}));
}

TEST(Active, CountsRampsFromAndToZero) {
  Channel channel;
  channel.delay = {{0, 0}, {100, 0}, {200, 5}, {300, 0}, {400, 0}};
  EXPECT_EQ(channel.active(), (std::vector<Window>{{100, 300}}));
  EXPECT_TRUE(Channel{}.active().empty());
}

}  // namespace faultline::faults
