// TCP segments as a TAP hands them over (virtio header, stamp, IP, TCP), built field by field, and the other way round:
// a plain splitter of TSO frames. It is written from the RFCs and from what the kernel's TSO does, shares no code with
// the line, and is what gathered frames are compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace faultline::test {

using Bytes = std::vector<std::byte>;

struct Segment {
  bool v6 = false;
  std::uint8_t stamp_flags = 0;
  std::uint16_t slot = 1;
  std::uint32_t hold = 0, due = 0;
  std::uint8_t tos = 0, hops = 64;
  std::uint32_t flow_label = 0;
  std::uint16_t id = 0;
  bool dont_fragment = true;
  std::uint8_t host = 1;  ///< last byte of the source address
  std::uint16_t source = 40000, destination = 5300;
  std::uint32_t sequence = 1000, acknowledged = 77;
  std::uint8_t flags = 0x10;
  std::uint16_t window = 500, urgent = 0;
  Bytes options;  ///< a multiple of 4 bytes
  std::uint32_t payload = 1448;
  std::uint8_t fill = 0;  ///< first payload byte; the next ones count on from it
};

constexpr std::size_t kVirtio = 10, kIpAt = 24;

Bytes build(const Segment& segment);

/// What segmentation makes of a frame; a frame that is not GSO comes back as it is. Stamps are copied to each.
std::vector<Bytes> split(const Bytes& frame);

std::uint16_t get16(const Bytes& bytes, std::size_t at);  ///< big-endian
void set16(Bytes& bytes, std::size_t at, std::uint16_t value);
bool ip_checksum_valid(const Bytes& frame);
/// Whether the TCP checksum field holds the pseudo header's sum, as it must while the checksum is open.
bool pseudo_checksum_valid(const Bytes& frame);

}  // namespace faultline::test
