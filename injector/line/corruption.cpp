#include "injector/line/corruption.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "faults/chance.h"
#include "injector/line/bytes.h"
#include "injector/line/frame.h"

namespace faultline::line {
namespace {

/// Does what the device would have done with a frame whose checksum is still open: RFC 1071 over all from csum_start
/// on, where the field already holds the sum of the pseudo header.
void finish_checksum(std::byte* frame, std::uint32_t length) {
  VirtioHeader virtio;
  std::memcpy(&virtio, frame, kVirtioBytes);
  if ((virtio.flags & kNeedsChecksum) == 0) return;
  const std::uint32_t start = kVirtioBytes + virtio.csum_start, field = start + virtio.csum_offset;
  if (field + 2 > length) return;
  const auto checksum = static_cast<std::uint16_t>(~fold(sum(frame + start, length - start)));
  put16(frame + field, checksum == 0 ? 0xffff : checksum);  // 0 means "none" in UDP; in TCP both mean the same
  virtio.flags = static_cast<std::uint8_t>(virtio.flags & ~kNeedsChecksum);
  virtio.csum_start = virtio.csum_offset = 0;
  std::memcpy(frame, &virtio, kVirtioBytes);
}

/// Where things are in an IP packet; offsets into the frame.
struct Layout {
  std::uint32_t transport = 0, payload = 0, end = 0;
  std::optional<std::uint32_t> checksum;
  bool tcp = false;
};

std::optional<Layout> layout_of(const std::byte* frame, std::uint32_t length) {
  constexpr std::uint32_t ip = kVirtioBytes + kEthernetBytes;
  if (length < ip + 20) return {};
  Layout at;
  unsigned protocol = 0;
  const unsigned version = byte_at(frame, ip) >> 4;
  if (version == 4) {
    at.transport = ip + (byte_at(frame, ip) & 15) * 4;
    at.end = ip + net16(frame + ip + 2);
    protocol = byte_at(frame, ip + 9);
    if ((net16(frame + ip + 6) & 0x1fff) != 0) protocol = IPPROTO_NONE;  // a later fragment has no transport header
  } else if (version == 6 && length >= ip + 40) {
    at.transport = ip + 40;
    at.end = at.transport + net16(frame + ip + 4);
    protocol = byte_at(frame, ip + 6);
  } else {
    return {};
  }
  at.end = std::min(at.end, length);  // what lies beyond pads the frame
  at.payload = at.transport;
  const auto header = [&](std::uint32_t bytes, std::uint32_t checksum) {
    if (at.transport + bytes > at.end) return;
    at.payload = std::min(at.transport + bytes, at.end);
    at.checksum = at.transport + checksum;
  };
  if (protocol == IPPROTO_TCP && at.transport + 20 <= at.end) {
    at.tcp = true;
    header((byte_at(frame, at.transport + 12) >> 4) * 4, 16);
  } else if (protocol == IPPROTO_UDP) {
    header(8, 6);
  } else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
    header(8, 2);
  }
  if (at.transport >= at.end) return {};
  return at;
}

}  // namespace

void corrupt(std::byte* frame, std::uint32_t length, bool valid) {
  const auto at = layout_of(frame, length);
  if (!at) return;
  finish_checksum(frame, length);
  std::uint32_t from = at->payload, to = at->end;
  if (from >= to) {
    if (!at->checksum) return;
    if (valid && !at->tcp) return;
    from = valid ? at->transport + 14 : *at->checksum;  // the window
    to = from + 2;
  }
  const std::uint32_t hashed = std::min<std::uint32_t>(at->end - at->transport, 64);
  const std::uint64_t random = fl_text_key(reinterpret_cast<const char*>(frame + at->transport), hashed);
  const std::uint32_t where = from + static_cast<std::uint32_t>((random >> 32) % (to - from));
  // The 16-bit word of the checksum that the byte is in, before and after.
  const std::uint32_t word = at->transport + ((where - at->transport) & ~1u);
  const auto word_now = [&] {
    return word + 1 < at->end ? raw16(frame + word) : htons(static_cast<std::uint16_t>(byte_at(frame, word) << 8));
  };
  const std::uint16_t before = word_now();
  frame[where] ^= std::byte{1} << (random & 7);
  if (!valid || !at->checksum) return;
  const std::uint16_t old = raw16(frame + *at->checksum);
  if (old == 0 && !at->tcp) return;  // UDP over IPv4 without one
  // RFC 1624, equation 3.
  const auto fresh = static_cast<std::uint16_t>(~fold(static_cast<std::uint64_t>(static_cast<std::uint16_t>(~old)) +
                                                      static_cast<std::uint16_t>(~before) + word_now()));
  put16(frame + *at->checksum, fresh == 0 ? 0xffff : fresh);
}

}  // namespace faultline::line
