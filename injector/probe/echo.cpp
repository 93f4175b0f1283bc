#include "injector/probe/echo.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>

namespace faultline::probe {
namespace {

// Where things are and what they are called, in one family or the other. Offsets count from the ICMP header. An error
// quotes the packet it is about from its IP header on; ours has no options or extension headers.
struct Family {
  std::uint8_t request, reply, error_a, error_b;
  std::size_t quoted_protocol;
  std::uint8_t protocol;
  std::size_t quoted_icmp;
};
constexpr Family kV4{ICMP_ECHO, ICMP_ECHOREPLY, ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, 8 + 9, IPPROTO_ICMP, 8 + 20};
constexpr Family kV6{
    ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, ICMPV6_DEST_UNREACH, ICMPV6_TIME_EXCEED, 8 + 6, IPPROTO_ICMPV6, 8 + 40};

template <class T>
void put(std::uint8_t* at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<std::uint8_t>(value >> 8 * (sizeof value - 1 - i));
}

template <class T>
T get(const std::uint8_t* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = static_cast<T>(value << 8 | at[i]);
  return value;
}

std::uint16_t checksum(std::span<const std::uint8_t> data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? static_cast<std::uint32_t>(data[i]) << 8 : data[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::array<std::uint8_t, kEchoSize> echo_request(const Echo& echo, std::uint64_t n) {
  std::array<std::uint8_t, kEchoSize> p{};
  p[0] = echo.v6 ? kV6.request : kV4.request;
  put<std::uint16_t>(&p[4], echo.ident);
  put<std::uint16_t>(&p[6], static_cast<std::uint16_t>(n));
  put<std::uint64_t>(&p[8], echo.cookie);
  put<std::uint64_t>(&p[16], n);
  for (std::size_t i = 24; i < kEchoSize; ++i) p[i] = static_cast<std::uint8_t>(i);
  if (!echo.v6) put<std::uint16_t>(&p[2], checksum(p));
  return p;
}

std::optional<EchoAnswer> read_echo(const Echo& echo, std::span<const std::uint8_t> packet) {
  const Family& f = echo.v6 ? kV6 : kV4;
  if (!echo.v6) {
    if (packet.empty()) return std::nullopt;
    const std::size_t header = static_cast<std::size_t>(packet[0] & 0xf) * 4;
    if (packet.size() < header) return std::nullopt;
    packet = packet.subspan(header);
    if (checksum(packet) != 0) return std::nullopt;  // for IPv6 the kernel has checked
  }
  if (packet.size() < 8) return std::nullopt;
  const std::uint8_t* p = packet.data();
  if (p[0] == f.reply) {
    if (packet.size() != kEchoSize || get<std::uint16_t>(p + 4) != echo.ident ||
        get<std::uint64_t>(p + 8) != echo.cookie)
      return std::nullopt;
    return EchoAnswer{true, get<std::uint64_t>(p + 16), 0};
  }
  if (p[0] != f.error_a && p[0] != f.error_b) return std::nullopt;
  const std::uint8_t* quoted = p + f.quoted_icmp;
  if (packet.size() < f.quoted_icmp + 8 || p[f.quoted_protocol] != f.protocol || quoted[0] != f.request ||
      get<std::uint16_t>(quoted + 4) != echo.ident)
    return std::nullopt;
  return EchoAnswer{false, 0, get<std::uint16_t>(quoted + 6)};
}

std::vector<sock_filter> echo_filter(const Echo& echo) {
  const Family& f = echo.v6 ? kV6 : kV4;
  const auto load = [](int size, std::size_t at) -> sock_filter {
    return BPF_STMT(static_cast<std::uint16_t>(BPF_LD | BPF_IND | size), static_cast<std::uint32_t>(at));
  };
  const auto equal = [](std::uint32_t value, std::uint8_t yes, std::uint8_t no) -> sock_filter {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
  };
  const sock_filter start_v4 = BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);  // X = length of the IP header
  const sock_filter start_v6 = BPF_STMT(BPF_LDX | BPF_IMM, 0);
  return {
      /*  0 */ echo.v6 ? start_v6 : start_v4,
      /*  1 */ load(BPF_B, 0),
      /*  2 */ equal(f.reply, 0, 6),
      /*  3 */ load(BPF_H, 4),
      /*  4 */ equal(echo.ident, 0, 13),
      /*  5 */ load(BPF_W, 8),
      /*  6 */ equal(static_cast<std::uint32_t>(echo.cookie >> 32), 0, 11),
      /*  7 */ load(BPF_W, 12),
      /*  8 */ equal(static_cast<std::uint32_t>(echo.cookie), 8, 9),
      /*  9 */ equal(f.error_a, 1, 0),
      /* 10 */ equal(f.error_b, 0, 7),
      /* 11 */ load(BPF_B, f.quoted_protocol),
      /* 12 */ equal(f.protocol, 0, 5),
      /* 13 */ load(BPF_B, f.quoted_icmp),
      /* 14 */ equal(f.request, 0, 3),
      /* 15 */ load(BPF_H, f.quoted_icmp + 4),
      /* 16 */ equal(echo.ident, 0, 1),
      /* 17 */ BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      /* 18 */ BPF_STMT(BPF_RET | BPF_K, 0),
  };
}

}  // namespace faultline::probe
