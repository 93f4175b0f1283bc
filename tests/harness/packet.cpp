#include "tests/harness/packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

namespace faultline::test {
namespace {

void put16(Frame& frame, unsigned value) {
  frame.push_back(static_cast<std::uint8_t>(value >> 8));
  frame.push_back(static_cast<std::uint8_t>(value));
}

void put32(Frame& frame, std::uint32_t value) {
  put16(frame, value >> 16);
  put16(frame, value & 0xffff);
}

void put(Frame& frame, const Frame& more) { frame.insert(frame.end(), more.begin(), more.end()); }

void put_address(Frame& frame, const std::string& text) {
  const bool v6 = text.find(':') != std::string::npos;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1)
    throw std::invalid_argument("address " + text);
  frame.insert(frame.end(), bytes.begin(), bytes.begin() + (v6 ? 16 : 4));
}

Frame carried(const Packet& p) {
  Frame out;
  if (p.fragment_offset == 0) {
    switch (p.l4) {
      case L4::tcp:  // RFC 9293, section 3.1
        put16(out, p.source_port);
        put16(out, p.destination_port);
        put32(out, p.sequence);
        put32(out, 77);
        put16(out, 5u << 12 | p.tcp_flags);
        put16(out, 500);
        put32(out, 0);
        break;
      case L4::udp:  // RFC 768
        put16(out, p.source_port);
        put16(out, p.destination_port);
        put16(out, static_cast<unsigned>(8 + (p.data.empty() ? p.payload : p.data.size())));
        put16(out, 0);
        break;
      case L4::icmp:
      case L4::icmp6:  // RFC 792, RFC 4443
        put16(out, static_cast<unsigned>(p.icmp_type) << 8);
        put16(out, 0);
        put32(out, 1);
        break;
      case L4::gre:
      case L4::none:
        put32(out, 0);
        break;
    }
  }
  if (!p.data.empty())
    put(out, p.data);
  else
    for (std::size_t i = 0; i < p.payload; i++) out.push_back(static_cast<std::uint8_t>(i));
  return out;
}

Frame ipv4(const Packet& p) {
  const Frame inner = carried(p);
  Frame out;
  const unsigned words = 5 + p.option_words;
  put16(out, (4u << 4 | words) << 8);
  put16(out, static_cast<unsigned>(words * 4 + inner.size()));
  put16(out, 0x1234);
  put16(out, (p.more_fragments ? 0x2000u : 0u) | p.fragment_offset);
  put16(out, 64u << 8 | protocol_number(p.l4));
  put16(out, 0);
  put_address(out, p.source);
  put_address(out, p.destination);
  for (unsigned i = 0; i < p.option_words; i++) put32(out, 0x01010101);  // no operation
  put(out, inner);
  return out;
}

Frame ipv6(const Packet& p) {  // RFC 8200
  Frame inner = carried(p);
  std::uint8_t next = protocol_number(p.l4);
  for (auto at = p.extensions.rbegin(); at != p.extensions.rend(); ++at) {
    Frame header{next, 0};
    if (*at == Extension::fragment) {
      put16(header, p.fragment_offset << 3 | (p.more_fragments ? 1u : 0u));
      put32(header, 0x1234);
    } else if (*at == Extension::routing || *at == Extension::authentication) {  // 16 bytes
      header[1] = *at == Extension::routing ? 1 : 2;
      put16(header, 0);
      for (int i = 0; i < 3; i++) put32(header, 0);
    } else {  // 8 bytes: PadN
      put16(header, 0x0104);
      put32(header, 0);
    }
    put(header, inner);
    inner = std::move(header);
    next = static_cast<std::uint8_t>(*at);
  }
  Frame out;
  put32(out, 6u << 28);
  put16(out, static_cast<unsigned>(inner.size()));
  put16(out, static_cast<unsigned>(next) << 8 | 64u);
  put_address(out, p.source);
  put_address(out, p.destination);
  put(out, inner);
  return out;
}

}  // namespace

std::uint8_t protocol_number(L4 l4) {
  switch (l4) {
    case L4::tcp:
      return 6;
    case L4::udp:
      return 17;
    case L4::icmp:
      return 1;
    case L4::icmp6:
      return 58;
    case L4::gre:
      return 47;
    case L4::none:
      return 59;
  }
  return 59;
}

Frame build(const Packet& p) {
  const bool v6 = p.source.find(':') != std::string::npos;
  Frame frame(std::begin(kMacs), std::end(kMacs));
  if (p.vlan != 0) {
    put16(frame, 0x8100);
    put16(frame, p.vlan);
  }
  put16(frame, v6 ? 0x86dd : 0x0800);
  put(frame, v6 ? ipv6(p) : ipv4(p));
  if (p.cut != 0) frame.resize(std::min(p.cut, frame.size()));
  return frame;
}

Frame build_bare(const Packet& p) {
  const Frame frame = build(p);
  return {frame.begin() + 14, frame.end()};
}

Frame arp(const std::string& sender, const std::string& target) {
  Frame frame(std::begin(kMacs), std::end(kMacs));
  put16(frame, 0x0806);
  put16(frame, 1);
  put16(frame, 0x0800);
  put16(frame, 0x0604);
  put16(frame, 1);
  frame.insert(frame.end(), kMacs + 6, kMacs + 12);
  put_address(frame, sender);
  frame.resize(frame.size() + 6);
  put_address(frame, target);
  return frame;
}

}  // namespace faultline::test
