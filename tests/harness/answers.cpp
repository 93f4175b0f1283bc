#include "tests/harness/answers.h"

#include <arpa/inet.h>

namespace faultline::test {
namespace {

/// RFC 1071: over a correct checksum the sum is 0xffff.
unsigned sum_of(const Frame& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<unsigned>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(sum);
}

std::string text_of(const Frame& frame, std::size_t at, bool v6) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, frame.data() + at, text, sizeof text);
}

}  // namespace

unsigned be16(const Frame& frame, std::size_t at) {
  return static_cast<unsigned>(frame.at(at) << 8 | frame.at(at + 1));
}
std::uint32_t be32(const Frame& frame, std::size_t at) {
  return std::uint32_t{be16(frame, at)} << 16 | be16(frame, at + 2);
}

Parsed parse(const Frame& frame) {
  Parsed out;
  const unsigned type = be16(frame, 12);
  const bool v6 = type == 0x86dd;
  if (!v6 && type != 0x0800) return out.mistake = "not IP", out;
  out.l4 = v6 ? 54 : 14 + (frame.at(14) & 15u) * 4;
  if (frame.at(14) >> 4 != (v6 ? 6 : 4)) out.mistake += "version; ";
  const std::size_t end = v6 ? 54 + be16(frame, 18) : 14 + be16(frame, 16);
  if (end != frame.size()) out.mistake += "length of the datagram; ";
  out.protocol = frame.at(v6 ? 20 : 23);
  out.source = text_of(frame, v6 ? 22 : 26, v6);
  out.destination = text_of(frame, v6 ? 38 : 30, v6);
  if (!v6 && sum_of(Frame(frame.begin() + 14, frame.begin() + static_cast<long>(out.l4))) != 0xffff)
    out.mistake += "checksum of the IP header; ";
  out.carried.assign(frame.begin() + static_cast<long>(out.l4), frame.end());
  Frame summed;
  if (out.protocol != 1) {
    summed.assign(frame.begin() + (v6 ? 22 : 26), frame.begin() + (v6 ? 54 : 34));
    const auto length = static_cast<std::uint32_t>(out.carried.size());
    for (const unsigned byte :
         {length >> 24, length >> 16, length >> 8, length, 0u, 0u, 0u, static_cast<unsigned>(out.protocol)})
      summed.push_back(static_cast<std::uint8_t>(byte));
  }
  summed.insert(summed.end(), out.carried.begin(), out.carried.end());
  const bool unsummed = out.protocol == 17 && !v6 && be16(out.carried, 6) == 0;
  if (!unsummed && sum_of(summed) != 0xffff) out.mistake += "checksum of layer 4; ";
  if (out.protocol == 17 && be16(out.carried, 4) != out.carried.size()) out.mistake += "length of the UDP header; ";
  return out;
}

}  // namespace faultline::test
