// ICMP echo on the wire: the request that the icmp probe sends, the answers that it understands, and a kernel filter
// that lets only those through. A raw socket sees every ICMP packet of its namespace; with the filter, what is not an
// answer to this very probe is thrown away before it wakes anybody.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace faultline::probe {

/// What makes a probe's packets its own.
struct Echo {
  bool v6 = false;
  std::uint16_t ident = 0;
  std::uint64_t cookie = 0;  ///< opens the payload, so that another program with our ident is still told apart
};

inline constexpr std::size_t kEchoSize = 64;  ///< as `ping`: 8 bytes of header, 56 of payload

/// Request n, from the ICMP header on. The sequence number is n's low 16 bits; the payload holds the whole n. An IPv6
/// checksum is left to the kernel.
std::array<std::uint8_t, kEchoSize> echo_request(const Echo& echo, std::uint64_t n);

struct EchoAnswer {
  bool reply = false;          ///< the echo reply to request `n`
  std::uint64_t n = 0;         ///< if `reply`
  std::uint16_t sequence = 0;  ///< if not: some router (or our own kernel) says that this request cannot be delivered
};

/// Reads a packet as a raw socket gives it: with the IP header for IPv4, without it for IPv6. Empty when it is damaged,
/// or is not an answer to this probe.
std::optional<EchoAnswer> read_echo(const Echo& echo, std::span<const std::uint8_t> packet);

/// Classic BPF for SO_ATTACH_FILTER on such a socket.
std::vector<sock_filter> echo_filter(const Echo& echo);

}  // namespace faultline::probe
