// What becomes of segments, and how much of them is kept to be looked at. The tests of whole captures are in
// captured_test.cpp.
#include <gtest/gtest.h>

#include "injector/sketch/sent_segments.h"

namespace faultline::sketch {
namespace {

constexpr std::uint32_t kMany = 65536;

TcpSegment byte_at(std::uint32_t sequence) {
  TcpSegment segment;
  segment.sequence = sequence;
  segment.payload = 1;
  return segment;
}
TcpSegment acknowledgement(std::uint32_t until, std::vector<std::pair<std::uint32_t, std::uint32_t>> selective = {}) {
  TcpSegment segment;
  segment.ack = true;
  segment.acknowledged = until;
  segment.selective = std::move(selective);
  return segment;
}
SentSegments many() {
  SentSegments segments;
  for (std::uint32_t i = 0; i < kMany; i++) segments.sent(i, byte_at(i));
  EXPECT_EQ(segments.on_their_way(), kMany);
  return segments;
}
std::size_t answers(const SentSegments& segments) {
  std::size_t count = 0;
  for (const auto& trip : segments.trips()) count += trip.rtt ? 1 : 0;
  return count;
}

// A file of 4.6 MB had 65,536 segments and 10,000 acknowledgements that each looked at all of them, four times.
TEST(SentSegments, WhatIsKnownIsNotLookedAtAgain) {
  SentSegments selectively = many();
  selectively.acknowledged(kMany, acknowledgement(0, {{1, kMany}}));
  EXPECT_EQ(selectively.on_their_way(), 1u);
  EXPECT_EQ(answers(selectively), kMany - 1);
  selectively.acknowledged(kMany + 9, acknowledgement(kMany, {{1, kMany}}));
  EXPECT_EQ(selectively.on_their_way(), 0u);
  EXPECT_EQ(selectively.trips()[1].rtt, kMany - 1) << "the first answer counts";
  EXPECT_EQ(selectively.trips()[0].rtt, kMany + 9);

  SentSegments again = many();
  TcpSegment all = byte_at(0);
  all.payload = kMany;
  again.sent(kMany, all);
  EXPECT_EQ(again.on_their_way(), 0u);
  EXPECT_EQ(again.sent_again_within(kSecond), kMany);
  again.acknowledged(kMany, acknowledgement(kMany, {{0, kMany}}));
  EXPECT_EQ(again.trips().size(), kMany);
  EXPECT_EQ(answers(again), 0u);
}

TEST(SentSegments, AStrayNumberMovesNothing) {
  SentSegments segments;
  segments.sent(0, byte_at(100));
  for (int i = 0; i < 3; i++) {  // each half of all numbers away from the one before
    segments.acknowledged(1, acknowledgement(0x80000000u + 100));
    segments.acknowledged(1, acknowledgement(100));
  }
  segments.sent(2, byte_at(101));
  segments.acknowledged(9, acknowledgement(102));
  EXPECT_EQ(segments.count(), 2u);
  EXPECT_EQ(segments.trips().back().rtt, 7);
}

TEST(SentSegments, WhatIsNeverAnsweredIsGivenUp) {
  SentSegments segments = many();
  for (std::uint32_t i = 0; i < 10; i++) segments.sent(kMany, byte_at(kMany + i));
  EXPECT_EQ(segments.on_their_way(), kMany);
  segments.acknowledged(2 * kMany, acknowledgement(kMany + 10));
  EXPECT_EQ(answers(segments), kMany) << "nothing is known of the first ten";
}

TEST(SentSegments, APartThatIsSentAgainTellsOfAllThatItTouches) {
  SentSegments segments;
  for (std::uint32_t i = 0; i < 4; i++) {
    TcpSegment hundred = byte_at(100 * i);
    hundred.payload = 100;
    segments.sent(0, hundred);
  }
  TcpSegment part = byte_at(150);
  part.payload = 60;
  segments.sent(kMillisecond, part);
  EXPECT_EQ(segments.sent_again_within(kMillisecond), 2u);
  EXPECT_EQ(segments.sent_again_within(kMillisecond - 1), 0u);
  EXPECT_EQ(segments.on_their_way(), 2u);
  segments.acknowledged(kSecond, acknowledgement(100));
  EXPECT_EQ(answers(segments), 1u) << "the one before was not held up";
  segments.acknowledged(2 * kSecond, acknowledgement(400));
  EXPECT_EQ(answers(segments), 1u) << "the one behind was";
}

}  // namespace
}  // namespace faultline::sketch
