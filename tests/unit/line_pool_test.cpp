#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "injector/line/buffer_pool.h"

namespace faultline::line {
namespace {

TEST(LinePool, AFrameTakesWhatItNeedsAndNoMore) {
  BufferPool pool(1 << 20);
  std::byte* const first = pool.room(0);
  EXPECT_EQ(pool.room(0), first) << "room is not taken by asking for it";
  const auto place = pool.take(0, 100);
  EXPECT_EQ(pool.at(place), first);
  EXPECT_EQ(pool.room(0), first + 128) << "the next begins on the next cache line";
}

TEST(LinePool, AnEmptiedOpenChunkStartsOver) {
  BufferPool pool(1 << 20);
  std::byte* const first = pool.room(0);
  const auto a = pool.take(0, 60000), b = pool.take(0, 60000);
  pool.give_back(a);
  EXPECT_NE(pool.room(0), first);
  pool.give_back(b);
  EXPECT_EQ(pool.room(0), first);
}

TEST(LinePool, LanesDoNotShareChunks) {
  BufferPool pool(1 << 20);
  EXPECT_EQ(BufferPool::lane_for(-kSecond), 0u);
  EXPECT_EQ(BufferPool::lane_for(100 * kSecond), BufferPool::kLanes - 1);
  const auto distance = pool.room(0) - pool.room(2);
  EXPECT_GE(std::abs(distance), static_cast<long>(BufferPool::kChunkBytes));
}

TEST(LinePool, HoldsAtLeastItsBytesInLargeFramesAndRecoversWhenFull) {
  constexpr std::uint64_t bytes = 8 << 20;
  BufferPool pool(bytes);
  std::vector<std::uint32_t> places;
  while (pool.room(0) != nullptr) places.push_back(pool.take(0, 65550));
  EXPECT_GE(places.size() * 65550, bytes);
  EXPECT_EQ(pool.room(1), nullptr);
  for (const auto place : places) pool.give_back(place);
  EXPECT_NE(pool.room(1), nullptr);
}

TEST(LinePool, UnusedMemoryGoesBackToTheSystem) {
  BufferPool pool(32 << 20);
  std::vector<std::uint32_t> places;
  for (int i = 0; i < 400; ++i) {
    std::memset(pool.room(0), 1, 60000);
    places.push_back(pool.take(0, 60000));
  }
  const auto most = pool.chunks_resident();
  EXPECT_FALSE(pool.trim()) << "all of it is in use";
  for (const auto place : places) pool.give_back(place);
  EXPECT_FALSE(pool.trim()) << "it was in use since the last time";
  while (pool.trim()) {
  }
  EXPECT_LT(pool.chunks_resident(), most / 2);
  EXPECT_GT(pool.chunks_resident(), 0u) << "a few stay warm";
}

// Frames come and go in any order; each carries a pattern that another frame would overwrite.
TEST(LinePool, FramesNeverOverlap) {
  struct Held {
    std::uint32_t place, length;
    std::uint8_t pattern;
  };
  std::mt19937 random(11);
  BufferPool pool(4 << 20);
  std::vector<Held> held;
  const auto intact = [&](const Held& h) {
    const std::byte* bytes = pool.at(h.place);
    return std::all_of(bytes, bytes + h.length, [&](std::byte b) { return b == std::byte{h.pattern}; });
  };
  int refused = 0;
  for (int step = 0; step < 20000; ++step) {
    if (random() % 2 == 0 || held.empty()) {
      const unsigned lane = random() % BufferPool::kLanes;
      std::byte* const room = pool.room(lane);
      if (room == nullptr) {
        ++refused;
      } else {
        const std::uint32_t length = random() % 4 == 0 ? 1 + random() % kLargestFrame : 60 + random() % 1500;
        const auto pattern = static_cast<std::uint8_t>(random());
        std::memset(room, pattern, length);
        held.push_back({pool.take(lane, length), length, pattern});
      }
      if (held.size() < 300) continue;
    }
    const std::size_t which = random() % held.size();
    ASSERT_TRUE(intact(held[which]));
    pool.give_back(held[which].place);
    held[which] = held.back();
    held.pop_back();
  }
  for (const Held& h : held) ASSERT_TRUE(intact(h));
  EXPECT_LT(refused, 20000);
}

}  // namespace
}  // namespace faultline::line
