#include "injector/line/tcp_merge.h"

#include <netinet/in.h>

#include <algorithm>

#include "injector/line/bytes.h"

namespace faultline::line {
namespace {

constexpr std::uint32_t kIp = kVirtioBytes + kEthernetBytes;  // where the IP header begins
constexpr std::uint32_t kIp4Bytes = 20, kIp6Bytes = 40, kTcpBytes = 20;
constexpr std::uint32_t kChecksumInTcp = 16;
constexpr std::uint32_t kLongestGathered = 65535;  // a device takes TSO frames below 64 KB, Ethernet header included
constexpr std::uint8_t kAck = 0x10, kPush = 0x08;

bool same_sum(std::uint16_t a, std::uint16_t b) { return (a == 0xffff ? 0 : a) == (b == 0xffff ? 0 : b); }

bool is_v6(const std::byte* frame) { return byte_at(frame, kIp) >> 4 == 6; }
const std::byte* tcp_of(const std::byte* frame, bool v6) { return frame + kIp + (v6 ? kIp6Bytes : kIp4Bytes); }
std::uint32_t tcp_length(std::uint32_t length, bool v6) { return length - kIp - (v6 ? kIp6Bytes : kIp4Bytes); }

std::uint16_t pseudo_sum(std::uint64_t address_sum, std::uint32_t tcp_bytes) {
  return fold(address_sum + htons(IPPROTO_TCP) + htons(static_cast<std::uint16_t>(tcp_bytes)));
}

// The header as the sender's own stack writes it while the checksum is still open: anything else was tampered with.
bool sound(const std::byte* frame, std::uint32_t length, bool v6, std::uint64_t address_sum) {
  if (!v6 && fold(sum(frame + kIp, kIp4Bytes)) != 0xffff) return false;
  return same_sum(raw16(tcp_of(frame, v6) + kChecksumInTcp), pseudo_sum(address_sum, tcp_length(length, v6)));
}

bool same_bytes(const std::byte* a, const std::byte* b, std::uint32_t from, std::uint32_t bytes) {
  return std::memcmp(a + from, b + from, bytes) == 0;
}

// Everything in the IP header that TSO copies. IPv4: all but length, ID and checksum; IPv6: all but length.
bool same_ip(const std::byte* a, const std::byte* b, bool v6) {
  if (v6) return same_bytes(a, b, 0, 4) && same_bytes(a, b, 6, kIp6Bytes - 6);
  return same_bytes(a, b, 0, 2) && same_bytes(a, b, 6, 4) && same_bytes(a, b, 12, 8);
}

// Everything in the TCP header that TSO copies: all but sequence, PSH and checksum.
bool same_tcp(const std::byte* a, const std::byte* b, std::uint32_t tcp_header) {
  return same_bytes(a, b, 0, 4) && same_bytes(a, b, 8, 5) && same_bytes(a, b, 14, 2) &&
         same_bytes(a, b, 18, tcp_header - 18);
}

}  // namespace

bool TcpGather::candidate(const std::byte* frame, std::uint32_t length) {
  if (length < kIp + kIp4Bytes + kTcpBytes) return false;
  VirtioHeader virtio;
  std::memcpy(&virtio, frame, kVirtioBytes);
  if (virtio.flags != kNeedsChecksum || virtio.gso_type != kGsoNone) return false;
  if (virtio.hdr_len != 0 || virtio.gso_size != 0) return false;
  const std::byte* ip = frame + kIp;
  const std::uint16_t ethertype = net16(frame + kIp - 2);
  std::uint32_t ip_bytes;
  if (ethertype == 0x0800) {
    ip_bytes = kIp4Bytes;
    const bool whole = (byte_at(ip, 6) & ~0x40) == 0 && byte_at(ip, 7) == 0;  // DF is the only bit allowed
    if (byte_at(ip, 0) != 0x45 || byte_at(ip, 9) != IPPROTO_TCP || !whole) return false;
    if (net16(ip + 2) != length - kIp) return false;  // padding behind a packet would become payload
  } else if (ethertype == 0x86dd) {
    ip_bytes = kIp6Bytes;
    if (length < kIp + kIp6Bytes + kTcpBytes || byte_at(ip, 0) >> 4 != 6 || byte_at(ip, 6) != IPPROTO_TCP) return false;
    if (net16(ip + 4) != length - kIp - kIp6Bytes) return false;
  } else {
    return false;
  }
  if (virtio.csum_start != kEthernetBytes + ip_bytes || virtio.csum_offset != kChecksumInTcp) return false;
  const std::byte* tcp = ip + ip_bytes;
  const std::uint32_t tcp_header = (byte_at(tcp, 12) >> 4) * 4u;
  if (tcp_header < kTcpBytes || kIp + ip_bytes + tcp_header >= length)
    return false;  // an ACK alone has nothing to gather
  if ((byte_at(tcp, 12) & 0x0f) != 0 || raw16(tcp + 18) != 0) return false;
  return (byte_at(tcp, 13) & ~kPush) == kAck;
}

void TcpGather::begin(std::byte* frame, std::uint32_t length) {
  first_ = frame;
  v6_ = is_v6(frame);
  const std::byte* tcp = tcp_of(frame, v6_);
  headers_ = static_cast<std::uint32_t>(tcp - frame) - kVirtioBytes + (byte_at(tcp, 12) >> 4) * 4u;
  total_ = length - kVirtioBytes;
  segment_ = total_ - headers_;
  next_sequence_ = net32(tcp + 4) + segment_;
  push_ = (byte_at(tcp, 13) & kPush) != 0;
  ended_ = push_;
  checked_ = false;
  count_ = 1;
  pieces_[0] = {frame, length};
}

bool TcpGather::first_is_sound() {
  if (!checked_) {
    checked_ = true;
    address_sum_ = v6_ ? sum(first_ + kIp + 8, 32) : sum(first_ + kIp + 12, 8);
    sound_ = sound(first_, static_cast<std::uint32_t>(pieces_[0].iov_len), v6_, address_sum_);
  }
  return sound_;
}

bool TcpGather::add(std::byte* frame, std::uint32_t length) {
  if (ended_ || count_ == kMostSegments) return false;
  const std::uint32_t frame_bytes = length - kVirtioBytes;
  if (frame_bytes <= headers_) return false;
  const std::uint32_t payload = frame_bytes - headers_;
  if (payload > segment_ || total_ + payload > kLongestGathered) return false;
  // magic, flags and slot of the stamp, then the ethertype; hold and due may differ
  constexpr std::uint32_t compared = 4;
  static_assert(offsetof(fl_stamp, hold) == compared);
  if (!same_bytes(first_, frame, kVirtioBytes, compared) || !same_bytes(first_, frame, kIp - 2, 2)) return false;
  const std::byte* tcp = tcp_of(frame, v6_);
  const std::byte* first_tcp = tcp_of(first_, v6_);
  if (net32(tcp + 4) != next_sequence_) return false;
  const auto tcp_header = headers_ + kVirtioBytes - static_cast<std::uint32_t>(first_tcp - first_);
  if (!same_ip(first_ + kIp, frame + kIp, v6_) || !same_tcp(first_tcp, tcp, tcp_header)) return false;
  if (!v6_ && (byte_at(first_, kIp + 6) & 0x40) == 0) {
    const auto id = static_cast<std::uint16_t>(net16(first_ + kIp + 4) + count_);
    if (net16(frame + kIp + 4) != id) return false;
  }
  if (!first_is_sound() || !sound(frame, length, v6_, address_sum_)) return false;

  pieces_[count_++] = {frame + kVirtioBytes + headers_, payload};
  total_ += payload;
  next_sequence_ += payload;
  push_ = (byte_at(tcp, 13) & kPush) != 0;
  ended_ = push_ || payload < segment_;
  return true;
}

std::span<const iovec> TcpGather::finish() {
  if (count_ > 1) {
    std::byte* ip = first_ + kIp;
    const std::uint32_t ip_bytes = v6_ ? kIp6Bytes : kIp4Bytes;
    VirtioHeader virtio;
    virtio.flags = kNeedsChecksum;
    virtio.gso_type = v6_ ? kGsoTcp6 : kGsoTcp4;
    virtio.hdr_len = static_cast<std::uint16_t>(headers_);
    virtio.gso_size = static_cast<std::uint16_t>(segment_);
    virtio.csum_start = static_cast<std::uint16_t>(kEthernetBytes + ip_bytes);
    virtio.csum_offset = kChecksumInTcp;
    std::memcpy(first_, &virtio, kVirtioBytes);
    const std::uint32_t ip_total = total_ - kEthernetBytes;
    if (v6_) {
      put16(ip + 4, htons(static_cast<std::uint16_t>(ip_total - kIp6Bytes)));
    } else {
      put16(ip + 2, htons(static_cast<std::uint16_t>(ip_total)));
      put16(ip + 10, 0);
      put16(ip + 10, static_cast<std::uint16_t>(~fold(sum(ip, kIp4Bytes))));
    }
    std::byte* tcp = ip + ip_bytes;
    if (push_) tcp[13] |= std::byte{kPush};  // TSO puts it on the last segment only
    put16(tcp + kChecksumInTcp, pseudo_sum(address_sum_, ip_total - ip_bytes));
  }
  return {pieces_.data(), count_};
}

}  // namespace faultline::line
