// One bit, and a checksum that does or does not fit it.
#include "injector/line/corruption.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "injector/line/frame.h"
#include "tests/harness/packet.h"

namespace faultline::test {
namespace {

using Bytes = std::vector<std::byte>;

/// The frame behind a virtio header; `open`: its checksum is left to the device, which is how veth and lo carry
/// packets.
Bytes framed(const Frame& frame, bool open, std::uint32_t transport, std::uint32_t field) {
  line::VirtioHeader virtio;
  Bytes bytes(line::kVirtioBytes + frame.size());
  std::memcpy(bytes.data() + line::kVirtioBytes, frame.data(), frame.size());
  if (open) {
    virtio.flags = line::kNeedsChecksum;
    virtio.csum_start = static_cast<std::uint16_t>(transport);
    virtio.csum_offset = static_cast<std::uint16_t>(field);
  }
  std::memcpy(bytes.data(), &virtio, line::kVirtioBytes);
  return bytes;
}

std::size_t bits_between(const Bytes& a, const Bytes& b, std::size_t from) {
  std::size_t bits = 0;
  for (std::size_t i = from; i < a.size(); i++)
    bits += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(a[i] ^ b[i])));
  return bits;
}

std::uint16_t sum16(const std::uint8_t* data, std::size_t length, std::uint64_t sum) {
  for (std::size_t i = 0; i < length; i++) sum += static_cast<std::uint64_t>(data[i]) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// Whether the transport checksum fits, by RFC 1071 over pseudo header and segment.
bool fits(const Bytes& frame, bool v6, std::uint8_t protocol) {
  const auto* ip = reinterpret_cast<const std::uint8_t*>(frame.data()) + line::kVirtioBytes + 14;
  const std::size_t header = v6 ? 40 : 20,
                    total = v6 ? 40u + (ip[4] << 8 | ip[5]) : static_cast<std::size_t>(ip[2] << 8 | ip[3]);
  const std::size_t length = total - header;
  const std::uint16_t addresses = v6 ? sum16(ip + 8, 32, 0) : sum16(ip + 12, 8, 0);
  return sum16(ip + header, length, static_cast<std::uint64_t>(addresses) + protocol + length) == 0xffff;
}

struct Case {
  L4 l4;
  bool v6, open;
  std::size_t payload;
};

class Corruption : public testing::TestWithParam<Case> {
 protected:
  Bytes make() const {
    const Case& c = GetParam();
    Packet p;
    p.l4 = c.l4;
    p.payload = static_cast<unsigned>(c.payload);
    if (c.v6) p.source = "fd00::1", p.destination = "fd00::2";
    const Frame frame = build(p);
    const std::uint32_t transport = c.v6 ? 54 : 34, field = c.l4 == L4::tcp ? 16 : 6;
    Bytes bytes = framed(frame, c.open, transport, field);
    auto* l4 = reinterpret_cast<std::uint8_t*>(bytes.data()) + line::kVirtioBytes + transport;
    l4[field] = l4[field + 1] = 0;
    const auto* ip = l4 - (c.v6 ? 40 : 20);
    const std::size_t length = bytes.size() - line::kVirtioBytes - transport;
    const std::uint16_t addresses = c.v6 ? sum16(ip + 8, 32, 0) : sum16(ip + 12, 8, 0);
    std::uint16_t sum = sum16(l4, 0, static_cast<std::uint64_t>(addresses) + number() + length);
    if (!c.open) sum = static_cast<std::uint16_t>(~sum16(l4, length, sum));
    if (sum == 0) sum = 0xffff;
    l4[field] = static_cast<std::uint8_t>(sum >> 8);
    l4[field + 1] = static_cast<std::uint8_t>(sum);
    return bytes;
  }
  std::uint8_t number() const { return GetParam().l4 == L4::tcp ? 6 : 17; }
};

TEST_P(Corruption, BrokenFlipsOneBitThatTheChecksumShows) {
  Bytes before = make(), after = before;
  line::corrupt(after.data(), static_cast<std::uint32_t>(after.size()), false);
  EXPECT_FALSE(fits(after, GetParam().v6, number()));
  line::VirtioHeader virtio;
  std::memcpy(&virtio, after.data(), line::kVirtioBytes);
  EXPECT_EQ(virtio.flags & line::kNeedsChecksum, 0) << "nobody may compute it again";
  if (GetParam().payload != 0) {
    const std::size_t payload = line::kVirtioBytes + (GetParam().v6 ? 54 : 34) + (GetParam().l4 == L4::tcp ? 20 : 8);
    EXPECT_EQ(bits_between(before, after, payload), 1u);
  }
}

TEST_P(Corruption, ValidFlipsOneBitThatTheChecksumHides) {
  Bytes before = make(), after = before;
  line::corrupt(after.data(), static_cast<std::uint32_t>(after.size()), true);
  EXPECT_TRUE(fits(after, GetParam().v6, number()));
  if (GetParam().payload != 0) {
    const std::size_t payload = line::kVirtioBytes + (GetParam().v6 ? 54 : 34) + (GetParam().l4 == L4::tcp ? 20 : 8);
    EXPECT_EQ(bits_between(before, after, payload), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Frames, Corruption,
                         testing::Values(Case{L4::udp, false, true, 64}, Case{L4::udp, false, false, 65},
                                         Case{L4::udp, true, true, 1}, Case{L4::udp, true, false, 1000},
                                         Case{L4::tcp, false, true, 1400}, Case{L4::tcp, true, false, 7},
                                         Case{L4::tcp, false, false, 0}, Case{L4::tcp, true, true, 0}));

TEST(CorruptionOfAnything, StaysWithinTheFrame) {
  constexpr std::size_t kBeyond = 2048;
  for (std::uint32_t length = 0; length < 120; length++) {
    for (int version : {0, 4, 6, 15}) {
      for (const bool valid : {false, true}) {
        Bytes bytes(length, std::byte{0xff});  // of just this size: the sanitizers look on
        if (length > 24) bytes[24] = static_cast<std::byte>(version << 4 | 5);
        Bytes within(bytes);
        within.resize(length + kBeyond, std::byte{0x5a});
        line::corrupt(bytes.data(), length, valid);
        line::corrupt(within.data(), length, valid);
        EXPECT_EQ(std::count(within.begin() + length, within.end(), std::byte{0x5a}),
                  static_cast<std::ptrdiff_t>(kBeyond))
            << length;
      }
    }
  }
}

}  // namespace
}  // namespace faultline::test
