// Packets for the tests of the eBPF programs, one layer at a time: lengths, next headers and fragment fields come from
// what is put together. Written from the RFCs; shares no code with the programs. Checksums stay 0: nothing here reads
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace faultline::test {

using Frame = std::vector<std::uint8_t>;

enum class L4 { tcp, udp, icmp, icmp6, gre, none };
std::uint8_t protocol_number(L4 l4);  ///< as the IP header has it

/// An IPv6 extension header between the fixed header and what is carried.
enum class Extension : std::uint8_t {
  hop_by_hop = 0,
  routing = 43,
  fragment = 44,
  destination = 60,
  authentication = 51
};

constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;  ///< TCP's flags (RFC 9293)

struct Packet {
  std::string source = "10.0.0.1", destination = "10.0.0.2";  ///< IPv6 when they contain a colon
  L4 l4 = L4::udp;
  std::uint16_t source_port = 5000, destination_port = 7000;
  std::uint8_t tcp_flags = kAck;
  std::uint32_t sequence = 1000;
  std::uint8_t icmp_type = 8;
  std::size_t payload = 32;
  unsigned option_words = 0;     ///< IPv4: options, in words of 32 bits
  unsigned fragment_offset = 0;  ///< in units of 8 bytes; above 0 there is no header of layer 4
  bool more_fragments = false;
  std::vector<Extension> extensions{};  ///< IPv6; a fragment header takes its fields from the two above
  std::uint16_t vlan = 0;               ///< above 0: an 802.1Q tag in the frame
  Frame data{};                         ///< when not empty, what is carried instead of `payload` bytes
  std::size_t cut = 0;                  ///< above 0: only so many bytes of the frame
};

Frame build(const Packet& packet);

/// The same as a bare device has it, without the Ethernet header. BPF_PROG_TEST_RUN takes the first 14 bytes of
/// whatever it is given for one, and the packet's protocol from the last two of these: they are in the source address,
/// which must therefore begin as one of these two does.
Frame build_bare(const Packet& packet);
constexpr const char *kBare4 = "8.0.0.1", *kBare6 = "2001:db8:86dd::1";

/// An ARP request for `target`.
Frame arp(const std::string& sender, const std::string& target);

/// The frame's addresses (destination, then source): 12 bytes that the stamp lies over.
constexpr std::uint8_t kMacs[12] = {0x0a, 1, 1, 1, 1, 1, 0x0a, 2, 2, 2, 2, 2};

}  // namespace faultline::test
