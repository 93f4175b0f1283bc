// Taking answers apart: a frame's headers as values, with every checksum summed up again. From the RFCs; shares no code
// with the programs that made them.
#pragma once

#include <string>

#include "tests/harness/packet.h"

namespace faultline::test {

unsigned be16(const Frame& frame, std::size_t at);
std::uint32_t be32(const Frame& frame, std::size_t at);

struct Parsed {
  std::string mistake;  ///< a length, version or checksum that is wrong; empty: none
  std::string source, destination;
  int protocol = 0;
  std::size_t l4 = 0;  ///< where layer 4 begins
  Frame carried;       ///< layer 4 and what it carries
};

/// Takes an IP frame apart. TCP, UDP (also without a checksum in IPv4), ICMP and ICMPv6 are summed up.
Parsed parse(const Frame& frame);

}  // namespace faultline::test
