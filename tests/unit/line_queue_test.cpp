#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "injector/line/frame.h"
#include "injector/line/queue.h"

namespace faultline::line {
namespace {

Frame frame(Ns due, std::uint32_t name) {
  Frame f;
  f.due = due;
  f.at = name;
  return f;
}

TEST(LineQueue, AnEmptyQueueHasNoFront) {
  Queue queue;
  EXPECT_EQ(queue.front(), nullptr);
  EXPECT_TRUE(queue.empty());
}

TEST(LineQueue, AnEarlierDeadlineOvertakes) {
  Queue queue;
  queue.push(frame(100, 1));
  queue.push(frame(300, 2));
  queue.push(frame(200, 3));
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.pop().at, 1u);
  EXPECT_EQ(queue.front()->at, 3u);
  EXPECT_EQ(queue.pop().at, 3u);
  EXPECT_EQ(queue.pop().at, 2u);
  EXPECT_TRUE(queue.empty());
}

// Few distinct dues, so that ties abound, between pushes and pops in turn: compared with a stable sort.
TEST(LineQueue, LeavesByDueAndThenByArrival) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Queue queue;
    std::vector<Frame> expected;
    std::uint32_t name = 0;
    for (int step = 0; step < 300; ++step) {
      if (random() % 3 != 0 || expected.empty()) {
        const Frame f = frame(static_cast<Ns>(step / 10 + random() % 8), name++);
        queue.push(f);
        expected.push_back(f);
        continue;
      }
      const auto first = std::min_element(expected.begin(), expected.end(),
                                          [](const Frame& a, const Frame& b) { return a.due < b.due; });
      ASSERT_EQ(queue.front()->at, first->at);
      ASSERT_EQ(queue.pop().at, first->at);
      expected.erase(first);
    }
    std::stable_sort(expected.begin(), expected.end(), [](const Frame& a, const Frame& b) { return a.due < b.due; });
    for (const Frame& f : expected) ASSERT_EQ(queue.pop().at, f.at);
    ASSERT_TRUE(queue.empty());
  }
}

constexpr Ns kTick = 1 << FL_TICK_SHIFT;

TEST(LineFrame, ATickIsWidenedToTheTimeNearestToNow) {
  const Ns wrap = kTick << 32;
  const Ns longest = static_cast<Ns>(FL_MAX_HOLD_NS) / kTick * kTick;
  for (const Ns now : {wrap - kTick, wrap, wrap + kTick, 5 * wrap - 10 * kSecond, 7 * wrap + 100 * kSecond}) {
    for (const Ns ahead : {Ns{0}, kTick, kMillisecond / kTick * kTick, longest, -longest, -kTick}) {
      const Ns due = now / kTick * kTick + ahead;
      EXPECT_EQ(widen(static_cast<std::uint32_t>(due >> FL_TICK_SHIFT), now), due) << now << " " << ahead;
    }
  }
}

TEST(LineFrame, AGsoFrameCountsAsWhatItWillBeSplitInto) {
  std::vector<std::byte> bytes(kVirtioBytes + 14 + 20 + 32 + 3000);
  const auto count = [&](std::uint8_t type, std::uint16_t hdr_len, std::uint16_t size, std::uint8_t flags) {
    VirtioHeader virtio;
    virtio.flags = flags;
    virtio.gso_type = type;
    virtio.hdr_len = hdr_len;
    virtio.gso_size = size;
    virtio.csum_start = 34;
    std::memcpy(bytes.data(), &virtio, sizeof virtio);
    bytes[kVirtioBytes + 34 + 12] = std::byte{0x80};  // a TCP header of 32 bytes
    return wire_packets(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  };
  EXPECT_EQ(count(kGsoNone, 0, 0, kNeedsChecksum), 1);
  EXPECT_EQ(count(kGsoTcp4, 66, 1000, kNeedsChecksum), 3);
  EXPECT_EQ(count(kGsoTcp4 | 0x80, 66, 999, kNeedsChecksum), 4) << "with ECN, and a rest";
  EXPECT_EQ(count(kGsoTcp4, 2066, 1000, kNeedsChecksum), 3) << "hdr_len may take in payload";
  EXPECT_EQ(count(kGsoUdp, 42, 1008, kNeedsChecksum), 3) << "3024 bytes behind a UDP header";
  EXPECT_EQ(count(kGsoTcp4, 66, 1000, 0), 3) << "without csum_start: hdr_len is all there is";
  EXPECT_EQ(count(kGsoTcp4, 66, 0, kNeedsChecksum), 1);
}

}  // namespace
}  // namespace faultline::line
