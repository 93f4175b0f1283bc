// A frame as the line sees it: ten bytes of virtio header, the stamp over the MAC addresses, the rest of the Ethernet
// frame. The line keeps the bytes in its buffer pool, and this short description of them in its queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "faults/abi.h"
#include "faults/bundle.h"
#include "injector/base/units.h"

namespace faultline::line {

/// struct virtio_net_hdr of the kernel, whose header is not C++.
struct VirtioHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;  ///< counted from the Ethernet header on
  std::uint16_t csum_offset = 0;
};
constexpr std::uint32_t kVirtioBytes = sizeof(VirtioHeader);
static_assert(kVirtioBytes == 10, "what IFF_VNET_HDR puts in front of each frame");
constexpr std::uint8_t kNeedsChecksum = 1;                                     // flags
constexpr std::uint8_t kGsoNone = 0, kGsoTcp4 = 1, kGsoTcp6 = 4, kGsoUdp = 5;  // gso_type

constexpr std::uint32_t kEthernetBytes = 14;
/// A TAP hands over at most 64 KB and an Ethernet header; what comes in longer than this was cut.
constexpr std::uint32_t kLargestFrame = 66u << 10;

struct Frame {
  Ns due = 0;                ///< CLOCK_MONOTONIC
  std::uint32_t at = 0;      ///< where its bytes are: BufferPool::at()
  std::uint32_t length = 0;  ///< bytes, the virtio header included
  std::uint16_t slot = 0;
  std::uint16_t packets = 1;  ///< on the wire: a GSO frame counts as what it will be split into
  bool gatherable = false;    ///< TcpGather::candidate() said so
};
static_assert(sizeof(Frame) == 24, "held by the hundred thousand");

/// The time that a stamp's tick means: the one nearest to `now`. Exact within 137 s on either side; holds are capped at
/// FL_MAX_HOLD_NS.
inline Ns widen(std::uint32_t tick, Ns now) {
  const Ns now_ticks = now >> FL_TICK_SHIFT;
  const auto ahead = static_cast<std::int32_t>(tick - static_cast<std::uint32_t>(now_ticks));
  return (now_ticks + ahead) << FL_TICK_SHIFT;
}

/// How many wire packets these bytes are. The header's length is taken from the transport header, which csum_start
/// points at: the kernel fills hdr_len with what happens to be linear in its buffer, payload included.
inline std::uint16_t wire_packets(const std::byte* bytes, std::uint32_t length) {
  VirtioHeader virtio;
  std::memcpy(&virtio, bytes, kVirtioBytes);
  if (virtio.gso_type == kGsoNone || virtio.gso_size == 0) return 1;
  constexpr std::uint32_t udp_header = 8, tcp_offset_at = 12;
  const std::uint32_t frame = length - kVirtioBytes;
  std::uint32_t headers = virtio.hdr_len;
  if ((virtio.flags & kNeedsChecksum) != 0 && virtio.csum_start + 20u <= frame) {
    const bool udp = virtio.gso_type == kGsoUdp;
    const auto offset = std::to_integer<std::uint32_t>(bytes[kVirtioBytes + virtio.csum_start + tcp_offset_at]);
    headers = virtio.csum_start + (udp ? udp_header : (offset >> 4) * 4);
  }
  return static_cast<std::uint16_t>(fl_segments(frame, headers, virtio.gso_size));
}

}  // namespace faultline::line
