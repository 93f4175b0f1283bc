// Bytes of a frame as numbers, and the Internet checksum (RFC 1071) over them: for what reads and repairs headers in
// the line.
#pragma once

#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace faultline::line {

inline std::uint8_t byte_at(const std::byte* p, std::uint32_t at) { return std::to_integer<std::uint8_t>(p[at]); }

/// 16 bits as they lie in memory. The checksum does not mind the byte order as long as it is one.
inline std::uint16_t raw16(const std::byte* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline std::uint16_t net16(const std::byte* p) { return ntohs(raw16(p)); }
inline std::uint32_t net32(const std::byte* p) {
  std::uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return ntohl(value);
}
inline void put16(std::byte* p, std::uint16_t raw) { std::memcpy(p, &raw, sizeof raw); }

/// The sum of 16-bit words; an odd byte at the end is filled up with 0.
inline std::uint64_t sum(const std::byte* p, std::uint32_t length) {
  std::uint64_t total = 0;
  std::uint32_t i = 0;
  for (; i + 1 < length; i += 2) total += raw16(p + i);
  if (i < length) total += htons(static_cast<std::uint16_t>(byte_at(p, i) << 8));
  return total;
}
inline std::uint16_t fold(std::uint64_t total) {
  while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
  return static_cast<std::uint16_t>(total);
}

}  // namespace faultline::line
