#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "injector/line/tcp_merge.h"
#include "tests/harness/tcp_segment.h"

namespace faultline::line {
namespace {

using test::build;
using test::Bytes;
using test::kIpAt;
using test::kVirtio;
using test::Segment;

bool candidate(const Bytes& frame) {
  return TcpGather::candidate(frame.data(), static_cast<std::uint32_t>(frame.size()));
}

struct Gathered {
  Bytes frame;
  std::size_t segments = 0;
};

// What the line does with a queue: begin with the first, add as long as it goes.
std::vector<Gathered> gather(std::vector<Bytes> queue) {
  TcpGather gatherer;
  std::vector<Gathered> out;
  for (std::size_t i = 0; i < queue.size();) {
    if (!candidate(queue[i])) {
      out.push_back({queue[i++], 1});
      continue;
    }
    gatherer.begin(queue[i].data(), static_cast<std::uint32_t>(queue[i].size()));
    std::size_t n = 1;
    while (i + n < queue.size() && candidate(queue[i + n]) &&
           gatherer.add(queue[i + n].data(), static_cast<std::uint32_t>(queue[i + n].size())))
      ++n;
    Gathered g{{}, n};
    for (const iovec& piece : gatherer.finish()) {
      const auto* bytes = static_cast<const std::byte*>(piece.iov_base);
      g.frame.insert(g.frame.end(), bytes, bytes + piece.iov_len);
    }
    out.push_back(std::move(g));
    i += n;
  }
  return out;
}

std::vector<Segment> stream(bool v6, std::size_t count, std::uint32_t payload = 1448) {
  std::vector<Segment> segments(count);
  for (std::size_t i = 0; i < count; ++i) {
    segments[i].v6 = v6;
    segments[i].payload = payload;
    segments[i].options = Bytes(12, std::byte{1});
    segments[i].id = static_cast<std::uint16_t>(65530 + i);
    segments[i].sequence = static_cast<std::uint32_t>(0xfffff000u + i * payload);
    segments[i].fill = static_cast<std::uint8_t>(i * 7);
    segments[i].hold = segments[i].due = static_cast<std::uint32_t>(i);
  }
  return segments;
}

std::vector<Bytes> build_all(const std::vector<Segment>& segments) {
  std::vector<Bytes> frames;
  std::transform(segments.begin(), segments.end(), std::back_inserter(frames),
                 [](const Segment& segment) { return build(segment); });
  return frames;
}

// A split of the gathered frame carries the first one's stamp throughout; under DF the ID may differ.
Bytes comparable(Bytes frame, const Bytes& first) {
  std::copy_n(first.begin() + kVirtio, 12, frame.begin() + kVirtio);
  const bool v4 = std::to_integer<int>(frame[kIpAt]) >> 4 == 4;
  if (v4 && (test::get16(frame, kIpAt + 6) & 0x4000) != 0) {
    test::set16(frame, kIpAt + 4, 0);
    test::set16(frame, kIpAt + 10, 0);
  }
  return frame;
}

void expect_same_segments(const std::vector<Gathered>& gathered, const std::vector<Bytes>& originals) {
  std::size_t at = 0;
  for (const Gathered& g : gathered) {
    const Bytes& first = originals.at(at);
    ASSERT_TRUE(std::equal(first.begin() + kVirtio, first.begin() + kIpAt - 2, g.frame.begin() + kVirtio)) << "stamp";
    if (g.segments == 1) {
      ASSERT_TRUE(g.frame == first);
      ++at;
      continue;
    }
    const std::vector<Bytes> parts = test::split(g.frame);
    ASSERT_EQ(parts.size(), g.segments);
    ASSERT_LE(g.frame.size() - kVirtio, 65535u);
    for (const Bytes& part : parts) {
      ASSERT_TRUE(test::ip_checksum_valid(originals.at(at)) && test::pseudo_checksum_valid(originals.at(at)));
      ASSERT_TRUE(comparable(part, first) == comparable(originals.at(at), first)) << "segment " << at;
      ++at;
    }
  }
  ASSERT_EQ(at, originals.size());
}

TEST(LineMerge, ATrainBecomesOneFrameWhoseSplitIsTheTrain) {
  for (const bool v6 : {false, true}) {
    std::vector<Segment> segments = stream(v6, 40);
    segments.back().payload = 700;
    segments.back().flags |= 0x08;
    for (const bool dont_fragment : {true, false}) {
      for (Segment& s : segments) s.dont_fragment = dont_fragment;
      const auto originals = build_all(segments);
      const auto gathered = gather(originals);
      ASSERT_EQ(gathered.size(), 1u);
      expect_same_segments(gathered, originals);
      // The IDs count up, so here even they must be the same: byte for byte.
      const auto parts = test::split(gathered[0].frame);
      for (std::size_t i = 0; i < parts.size(); ++i)
        ASSERT_TRUE(
            std::equal(parts[i].begin() + kIpAt, parts[i].end(), originals[i].begin() + kIpAt, originals[i].end()));
      EXPECT_EQ(wire_packets(gathered[0].frame.data(), static_cast<std::uint32_t>(gathered[0].frame.size())), 40);
    }
  }
}

TEST(LineMerge, AGatheredFrameStaysBelow64Kb) {
  for (const bool v6 : {false, true}) {
    const auto originals = build_all(stream(v6, 100));
    const auto gathered = gather(originals);
    EXPECT_EQ(gathered.size(), 3u);
    expect_same_segments(gathered, originals);
  }
  const auto many = build_all(stream(false, 200, 100));
  expect_same_segments(gather(many), many);
}

TEST(LineMerge, AShortSegmentOrAPushEndsTheFrame) {
  auto segments = stream(false, 4);
  segments[1].flags |= 0x08;
  EXPECT_EQ(gather(build_all(segments)).size(), 2u);
  segments = stream(false, 4);
  segments[1].payload = 1000;
  segments[2].sequence -= 448;
  segments[3].sequence -= 448;
  EXPECT_EQ(gather(build_all(segments)).size(), 2u);
  segments = stream(false, 2);
  segments[1].payload = 1449;
  EXPECT_EQ(gather(build_all(segments)).size(), 2u) << "a longer one does not follow";
}

struct Oddity {
  const char* name;
  std::function<void(Segment&)> change;
  bool v4 = true, v6 = true;
};

// The second of two segments differs in one thing; control: without it, they are gathered.
TEST(LineMerge, ASegmentThatDiffersIsNotGathered) {
  const std::vector<Oddity> oddities = {
      {"slot", [](Segment& s) { s.slot = 2; }},
      {"stamp flags", [](Segment& s) { s.stamp_flags = 1; }},
      {"address", [](Segment& s) { s.host = 9; }},
      {"source port", [](Segment& s) { s.source++; }},
      {"destination port", [](Segment& s) { s.destination++; }},
      {"gap", [](Segment& s) { s.sequence += 1; }},
      {"repeat", [](Segment& s) { s.sequence -= 1448; }},
      {"acknowledgement", [](Segment& s) { s.acknowledged++; }},
      {"window", [](Segment& s) { s.window++; }},
      {"option bytes", [](Segment& s) { s.options[5] = std::byte{7}; }},
      {"option length", [](Segment& s) { s.options.resize(16); }},
      {"urgent", [](Segment& s) { s.urgent = 1; }},
      {"FIN", [](Segment& s) { s.flags |= 0x01; }},
      {"SYN", [](Segment& s) { s.flags |= 0x02; }},
      {"RST", [](Segment& s) { s.flags |= 0x04; }},
      {"URG", [](Segment& s) { s.flags |= 0x20; }},
      {"ECE", [](Segment& s) { s.flags |= 0x40; }},
      {"CWR", [](Segment& s) { s.flags |= 0x80; }},
      {"no ACK", [](Segment& s) { s.flags = 0x08; }},
      {"congestion mark", [](Segment& s) { s.tos = 3; }},
      {"hops", [](Segment& s) { s.hops--; }},
      {"no payload", [](Segment& s) { s.payload = 0; }},
      {"flow label", [](Segment& s) { s.flow_label = 5; }, false, true},
      {"DF", [](Segment& s) { s.dont_fragment = false; }, true, false},
  };
  for (const bool v6 : {false, true}) {
    ASSERT_EQ(gather(build_all(stream(v6, 2))).size(), 1u);
    for (const Oddity& oddity : oddities) {
      if (v6 ? !oddity.v6 : !oddity.v4) continue;
      auto segments = stream(v6, 2);
      oddity.change(segments[1]);
      EXPECT_EQ(gather(build_all(segments)).size(), 2u) << oddity.name << (v6 ? " v6" : " v4");
    }
  }
}

TEST(LineMerge, WithoutDfTheIdsMustCountUp) {
  auto segments = stream(false, 3);
  for (Segment& s : segments) s.dont_fragment = false;
  EXPECT_EQ(gather(build_all(segments)).size(), 1u);
  segments[2].id = segments[1].id;
  EXPECT_EQ(gather(build_all(segments)).size(), 2u);
  for (Segment& s : segments) s.dont_fragment = true;
  EXPECT_EQ(gather(build_all(segments)).size(), 1u) << "DF makes the ID meaningless";
}

TEST(LineMerge, WhatIsNotAPlainOpenSegmentIsNoCandidate) {
  const Bytes good = build(stream(false, 1)[0]);
  ASSERT_TRUE(candidate(good));
  const auto with = [&](std::size_t at, int value) {
    Bytes changed = good;
    changed[at] = static_cast<std::byte>(value);
    return candidate(changed);
  };
  EXPECT_FALSE(with(0, 0)) << "finished checksum: it may be wrong on purpose";
  EXPECT_FALSE(with(0, 3));
  EXPECT_FALSE(with(1, 1)) << "a GSO frame already";
  EXPECT_FALSE(with(6, 33)) << "csum_start elsewhere";
  EXPECT_FALSE(with(8, 6)) << "csum_offset elsewhere";
  EXPECT_FALSE(with(kIpAt - 2, 0x81)) << "VLAN";
  EXPECT_FALSE(with(kIpAt, 0x46)) << "IP options";
  EXPECT_FALSE(with(kIpAt + 6, 0x60)) << "more fragments";
  EXPECT_FALSE(with(kIpAt + 6, 0xc0)) << "reserved bit";
  EXPECT_FALSE(with(kIpAt + 7, 1)) << "a later fragment";
  EXPECT_FALSE(with(kIpAt + 9, 17)) << "UDP";
  EXPECT_FALSE(with(kIpAt + 20 + 12, 0x40)) << "a TCP header too short";
  EXPECT_FALSE(with(kIpAt + 20 + 12, 0x81)) << "reserved TCP bit";
  Bytes padded = good;
  padded.resize(padded.size() + 4);
  EXPECT_FALSE(candidate(padded));
  Segment v6 = stream(true, 1)[0];
  Bytes extended = build(v6);
  ASSERT_TRUE(candidate(extended));
  extended[kIpAt + 6] = std::byte{0};
  EXPECT_FALSE(candidate(extended)) << "hop-by-hop header";
  for (std::size_t length = 0; length < good.size(); ++length)
    ASSERT_FALSE(candidate(Bytes(good.begin(), good.begin() + static_cast<long>(length)))) << "cut to " << length;
}

TEST(LineMerge, OneFlippedHeaderBitIsNeverGatheredAway) {
  for (const bool v6 : {false, true}) {
    const auto originals = build_all(stream(v6, 2));
    const std::size_t end = kIpAt + (v6 ? 40 : 20) + 32;
    for (std::size_t which = 0; which < 2; ++which) {
      for (std::size_t bit = kIpAt * 8; bit < end * 8; ++bit) {
        auto damaged = originals;
        damaged[which][bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        const auto gathered = gather(damaged);
        if (gathered.size() == 1) {
          // PSH on the second is the one thing that may differ.
          ASSERT_TRUE(which == 1 && bit == (end - 32 + 13) * 8 + 3) << "byte " << bit / 8 << " bit " << bit % 8;
        }
        expect_same_segments(gathered, damaged);
      }
    }
  }
}

// Several flows, interleaved in bursts, sizes and fields that change at random, now and then a flipped bit anywhere but
// in the stamp: whatever is gathered must split into what went in.
TEST(LineMerge, RandomStreamsSurvive) {
  std::mt19937 random(20191205);
  std::size_t segments = 0, frames = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Segment> flows(4);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      flows[i].v6 = i % 2 == 1;
      flows[i].source = static_cast<std::uint16_t>(40000 + i);
      flows[i].slot = static_cast<std::uint16_t>(1 + i / 2);
      flows[i].sequence = static_cast<std::uint32_t>(random());
      flows[i].payload = 1 + random() % 1448;
      flows[i].dont_fragment = random() % 2 == 0;
      flows[i].options = Bytes(random() % 4 * 4, std::byte{1});
    }
    std::vector<Bytes> originals;
    while (originals.size() < 200) {
      Segment& flow = flows[random() % flows.size()];
      for (auto burst = 1 + random() % 20; burst-- > 0;) {
        Segment now = flow;
        now.due = static_cast<std::uint32_t>(originals.size());
        now.fill = static_cast<std::uint8_t>(random());
        if (random() % 10 == 0) now.payload = 1 + random() % 1448;
        if (random() % 15 == 0) now.flags |= 0x08;
        if (random() % 60 == 0) now.window = static_cast<std::uint16_t>(random());
        if (random() % 60 == 0) now.flags |= static_cast<std::uint8_t>(random());
        if (random() % 60 == 0) now.id = static_cast<std::uint16_t>(random());
        if (random() % 60 == 0) now.sequence += static_cast<std::uint32_t>(random() % 3000);
        Bytes frame = build(now);
        if (random() % 30 == 0) {
          const std::size_t at = random() % (frame.size() - 12);
          frame[at < kVirtio ? at : at + 12] ^= static_cast<std::byte>(1 << (random() % 8));
        }
        originals.push_back(std::move(frame));
        flow.sequence += now.payload;
        ++flow.id;
      }
    }
    const auto gathered = gather(originals);
    ASSERT_NO_FATAL_FAILURE(expect_same_segments(gathered, originals)) << "round " << round;
    segments += originals.size();
    frames += gathered.size();
  }
  EXPECT_LT(frames * 2, segments) << "most segments are gathered, or this test shows nothing";
}

}  // namespace
}  // namespace faultline::line
