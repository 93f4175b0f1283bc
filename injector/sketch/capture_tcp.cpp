// From a captured packet to the TCP segment in it.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "injector/sketch/capture.h"

namespace faultline::sketch {
namespace {

constexpr std::uint8_t kTcp = 6;

/// Bytes of a packet, of which fewer may have been kept than there were.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool has(std::size_t end) const { return end <= bytes_.size(); }
  std::uint8_t u8(std::size_t at) const { return has(at + 1) ? static_cast<std::uint8_t>(bytes_[at]) : 0; }
  std::uint16_t u16(std::size_t at) const { return static_cast<std::uint16_t>(u8(at) << 8 | u8(at + 1)); }
  std::uint32_t u32(std::size_t at) const { return std::uint32_t{u16(at)} << 16 | u16(at + 2); }
  std::string_view text(std::size_t at, std::size_t length) const {
    return has(at) ? bytes_.substr(at, length) : std::string_view();
  }
  Bytes from(std::size_t at) const { return Bytes(has(at) ? bytes_.substr(at) : std::string_view()); }

 private:
  std::string_view bytes_;
};

/// Where the IP header begins; empty: the packet is of something else.
std::optional<std::size_t> ip_at(std::uint32_t link, const Bytes& packet) {
  constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kService = 0x88a8;
  const auto behind = [&](std::uint16_t type, std::size_t at) {
    return type == kIpv4 || type == kIpv6 ? std::optional(at) : std::nullopt;
  };
  switch (link) {
    case 1: {  // Ethernet
      std::size_t at = 12;
      while ((packet.u16(at) == kVlan || packet.u16(at) == kService) && at < 28) at += 4;
      return behind(packet.u16(at), at + 2);
    }
    case 113:  // Linux's "cooked" captures: of the device "any"
      return behind(packet.u16(14), 16);
    case 276:
      return behind(packet.u16(0), 20);
    case 0:  // loopback of BSD
    case 108:
      return 4;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:  // IP itself
      return 0;
    default:
      return std::nullopt;
  }
}

struct Inner {
  std::string_view from, to;
  std::size_t tcp;     ///< where the TCP header begins
  std::size_t length;  ///< from there on, on the wire
  std::uint16_t number = 0;
};

/// `length` is what the packet had on the wire, from its IP header on.
std::optional<Inner> ip_of(const Bytes& ip, std::size_t length) {
  if (ip.u8(0) >> 4 == 4) {
    const std::size_t header = (ip.u8(0) & 15) * 4u;
    const bool fragment = (ip.u16(6) & 0x3fff) != 0;
    if (header < 20 || !ip.has(header) || fragment || ip.u8(9) != kTcp) return std::nullopt;
    const std::size_t said = ip.u16(2) != 0 ? ip.u16(2) : length;  // 0: the device was still to split it
    if (said < header) return std::nullopt;
    return Inner{ip.text(12, 4), ip.text(16, 4), header, said - header, ip.u16(4)};
  }
  if (ip.u8(0) >> 4 != 6 || !ip.has(40)) return std::nullopt;
  const std::size_t said = ip.u16(4) != 0 ? 40u + ip.u16(4) : length;
  std::size_t at = 40;
  std::uint8_t next = ip.u8(6);
  while (next == 0 || next == 43 || next == 60) {  // options, routing: each says how long it is
    if (!ip.has(at + 2)) return std::nullopt;
    next = ip.u8(at);
    at += (ip.u8(at + 1) + 1u) * 8;
  }
  if (next != kTcp || said < at) return std::nullopt;
  return Inner{ip.text(8, 16), ip.text(24, 16), at, said - at};
}

/// Selective acknowledgements and timestamps among the options.
void read_options(const Bytes& tcp, std::size_t header, TcpSegment& segment) {
  constexpr std::uint8_t kEnd = 0, kNothing = 1, kSelective = 5, kTimestamps = 8;
  for (std::size_t at = 20; at < header;) {
    const std::uint8_t kind = tcp.u8(at), length = tcp.u8(at + 1);
    if (kind == kEnd) return;
    if (kind == kNothing) {
      at++;
      continue;
    }
    if (length < 2 || at + length > header) return;
    if (kind == kSelective)
      for (std::size_t block = at + 2; block + 8 <= at + length; block += 8)
        segment.selective.emplace_back(tcp.u32(block), tcp.u32(block + 4));
    if (kind == kTimestamps && length == 10)
      segment.timestamps = std::uint64_t{tcp.u32(at + 2)} << 32 | tcp.u32(at + 6);
    at += length;
  }
}

}  // namespace

std::string name_of_end(std::string_view end) {
  constexpr std::size_t kPort = 2, kIpv4 = 4;
  const std::size_t address = end.size() - kPort;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const std::uint16_t port = Bytes(end).u16(address);
  inet_ntop(address == kIpv4 ? AF_INET : AF_INET6, end.data(), text.data(), text.size());
  return address == kIpv4 ? fmt::format("{}:{}", text.data(), port) : fmt::format("[{}]:{}", text.data(), port);
}

std::optional<TcpSegment> tcp_of(const CapturedPacket& packet) {
  const Bytes whole(packet.bytes);
  const auto begin = ip_at(packet.link, whole);
  if (!begin || !whole.has(*begin + 20)) return std::nullopt;
  const Bytes ip = whole.from(*begin);
  const auto inner = ip_of(ip, packet.length > *begin ? packet.length - *begin : 0);
  if (!inner || !ip.has(inner->tcp + 20)) return std::nullopt;
  const Bytes tcp = ip.from(inner->tcp);
  const std::size_t header = (tcp.u8(12) >> 4) * 4u;
  if (header < 20 || header > inner->length || !tcp.has(header)) return std::nullopt;
  TcpSegment segment;
  segment.from = std::string(inner->from) + std::string(tcp.text(0, 2));
  segment.to = std::string(inner->to) + std::string(tcp.text(2, 2));
  segment.sequence = tcp.u32(4);
  segment.acknowledged = tcp.u32(8);
  segment.payload = static_cast<std::uint32_t>(inner->length - header);
  segment.number = inner->number;
  segment.flags = tcp.u8(13);
  segment.fin = segment.flags & 1;
  segment.syn = segment.flags & 2;
  segment.rst = segment.flags & 4;
  segment.ack = segment.flags & 16;
  read_options(tcp, header, segment);
  return segment;
}

}  // namespace faultline::sketch
