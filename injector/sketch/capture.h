// Captures of packets, as tcpdump and Wireshark write them: pcap and pcapng, of either byte order. They may be a
// stranger's: nothing in a file is believed before it is compared with the file's own length.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/base/units.h"

namespace faultline::sketch {

struct CapturedPacket {
  std::size_t number = 0;    ///< from 1, as tools show it
  Ns at = 0;                 ///< since 1970
  std::uint32_t link = 0;    ///< what the bytes begin with (LINKTYPE_…)
  std::string_view bytes;    ///< what was kept of it
  std::uint32_t length = 0;  ///< on the wire
};

/// Whether a file's text begins as a capture does.
bool is_capture(std::string_view text);

/// Calls `take` for each packet in the file's order. A file that ends within a packet, as one does whose writer was
/// killed, ends before it. Throws Failure(invalid) for what is no capture. `path` names the file in messages.
void read_capture(std::string_view text, const std::string& path,
                  const std::function<void(const CapturedPacket&)>& take);

/// One packet's IP and TCP headers.
struct TcpSegment {
  std::string from, to;  ///< address and port, as bytes
  std::uint32_t sequence = 0, acknowledged = 0;
  std::uint32_t payload = 0;  ///< bytes, on the wire
  bool syn = false, fin = false, rst = false, ack = false;
  std::uint8_t flags = 0;        ///< these and the others
  std::uint16_t number = 0;      ///< that IPv4 gave to the packet; 0: it has none, as with IPv6
  std::uint64_t timestamps = 0;  ///< TCP's own, both; 0: it has none
  /// What was received out of turn: from the first byte to the one behind the last.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> selective = {};

  /// How much of the sequence it takes.
  std::uint32_t taken() const { return payload + (syn ? 1 : 0) + (fin ? 1 : 0); }
};

/// An end of a connection as people read it, from such bytes: "10.0.0.1:443", "[fd00::1]:443".
std::string name_of_end(std::string_view end);

/// The TCP segment in a packet, below Ethernet (with VLANs), Linux's "cooked" header, or nothing; empty: there is none,
/// or it was cut off before the end of its headers, or it is a fragment.
std::optional<TcpSegment> tcp_of(const CapturedPacket& packet);

}  // namespace faultline::sketch
