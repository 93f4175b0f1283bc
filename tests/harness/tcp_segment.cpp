#include "tests/harness/tcp_segment.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "faults/abi.h"

namespace faultline::test {
namespace {

struct Virtio {  // struct virtio_net_hdr
  std::uint8_t flags, gso_type;
  std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
static_assert(sizeof(Virtio) == kVirtio);

Virtio virtio_of(const Bytes& frame) {
  Virtio v;
  std::memcpy(&v, frame.data(), sizeof v);
  return v;
}

void set32(Bytes& b, std::size_t at, std::uint32_t value) {
  set16(b, at, static_cast<std::uint16_t>(value >> 16));
  set16(b, at + 2, static_cast<std::uint16_t>(value));
}
std::uint32_t get32(const Bytes& b, std::size_t at) { return (std::uint32_t{get16(b, at)} << 16) | get16(b, at + 2); }
std::uint8_t get8(const Bytes& b, std::size_t at) { return std::to_integer<std::uint8_t>(b.at(at)); }
void set8(Bytes& b, std::size_t at, unsigned value) { b.at(at) = static_cast<std::byte>(value); }

std::uint16_t ones_sum(const Bytes& b, std::size_t from, std::size_t to, std::uint32_t start = 0) {
  std::uint32_t total = start;
  for (std::size_t i = from; i < to; i += 2) {
    total += get16(b, i);
    if (total > 0xffff) total = (total & 0xffff) + 1;
  }
  return static_cast<std::uint16_t>(total);
}

bool is_v6(const Bytes& frame) { return get8(frame, kIpAt) >> 4 == 6; }
std::size_t tcp_at(const Bytes& frame) { return kIpAt + (is_v6(frame) ? 40 : 20); }

std::uint16_t pseudo_sum(const Bytes& f) {
  const std::size_t tcp = tcp_at(f);
  const std::uint32_t start = static_cast<std::uint32_t>(6 + (f.size() - tcp));
  const std::uint32_t folded = (start & 0xffff) + (start >> 16);
  return is_v6(f) ? ones_sum(f, kIpAt + 8, kIpAt + 40, folded) : ones_sum(f, kIpAt + 12, kIpAt + 20, folded);
}

// Lengths and checksums, from what is there.
void seal(Bytes& f) {
  const std::size_t tcp = tcp_at(f);
  if (is_v6(f)) {
    set16(f, kIpAt + 4, static_cast<std::uint16_t>(f.size() - tcp));
  } else {
    set16(f, kIpAt + 2, static_cast<std::uint16_t>(f.size() - kIpAt));
    set16(f, kIpAt + 10, 0);
    set16(f, kIpAt + 10, static_cast<std::uint16_t>(~ones_sum(f, kIpAt, kIpAt + 20)));
  }
  set16(f, tcp + 16, pseudo_sum(f));
}

}  // namespace

std::uint16_t get16(const Bytes& b, std::size_t at) {
  return static_cast<std::uint16_t>((std::to_integer<unsigned>(b.at(at)) << 8) |
                                    std::to_integer<unsigned>(b.at(at + 1)));
}
void set16(Bytes& b, std::size_t at, std::uint16_t value) {
  b.at(at) = static_cast<std::byte>(value >> 8);
  b.at(at + 1) = static_cast<std::byte>(value & 0xff);
}

bool ip_checksum_valid(const Bytes& f) { return is_v6(f) || ones_sum(f, kIpAt, kIpAt + 20) == 0xffff; }

bool pseudo_checksum_valid(const Bytes& f) {
  const auto plain = [](std::uint16_t sum) { return sum == 0xffff ? 0 : sum; };
  return plain(get16(f, tcp_at(f) + 16)) == plain(pseudo_sum(f));
}

Bytes build(const Segment& s) {
  const std::size_t ip_bytes = s.v6 ? 40 : 20, tcp_bytes = 20 + s.options.size();
  Bytes f(kIpAt + ip_bytes + tcp_bytes + s.payload);
  const Virtio virtio{1, 0, 0, 0, static_cast<std::uint16_t>(14 + ip_bytes), 16};
  std::memcpy(f.data(), &virtio, sizeof virtio);
  const fl_stamp stamp{FL_STAMP_MAGIC, s.stamp_flags, s.slot, s.hold, s.due};
  std::memcpy(f.data() + kVirtio, &stamp, sizeof stamp);
  set16(f, kIpAt - 2, s.v6 ? 0x86dd : 0x0800);
  if (s.v6) {
    set32(f, kIpAt, 0x60000000u | (std::uint32_t{s.tos} << 20) | s.flow_label);
    set8(f, kIpAt + 6, 6);
    set8(f, kIpAt + 7, s.hops);
    set8(f, kIpAt + 8, 0xfd);
    set8(f, kIpAt + 23, s.host);
    set8(f, kIpAt + 24, 0xfd);
    set8(f, kIpAt + 39, 2);
  } else {
    set8(f, kIpAt, 0x45);
    set8(f, kIpAt + 1, s.tos);
    set16(f, kIpAt + 4, s.id);
    set16(f, kIpAt + 6, s.dont_fragment ? 0x4000 : 0);
    set8(f, kIpAt + 8, s.hops);
    set8(f, kIpAt + 9, 6);
    set32(f, kIpAt + 12, 0x0a630000u | s.host);
    set32(f, kIpAt + 16, 0x0a630002u);
  }
  const std::size_t tcp = kIpAt + ip_bytes;
  set16(f, tcp, s.source);
  set16(f, tcp + 2, s.destination);
  set32(f, tcp + 4, s.sequence);
  set32(f, tcp + 8, s.acknowledged);
  set8(f, tcp + 12, static_cast<unsigned>(tcp_bytes / 4 << 4));
  set8(f, tcp + 13, s.flags);
  set16(f, tcp + 14, s.window);
  set16(f, tcp + 18, s.urgent);
  std::copy(s.options.begin(), s.options.end(), f.begin() + static_cast<long>(tcp + 20));
  for (std::uint32_t i = 0; i < s.payload; ++i) set8(f, tcp + tcp_bytes + i, (s.fill + i) & 0xff);
  seal(f);
  return f;
}

std::vector<Bytes> split(const Bytes& frame) {
  const Virtio virtio = virtio_of(frame);
  if (virtio.gso_type == 0) return {frame};
  if (virtio.gso_type != (is_v6(frame) ? 4 : 1)) throw std::runtime_error("GSO type and IP version disagree");
  const std::size_t tcp = tcp_at(frame), data = tcp + (get8(frame, tcp + 12) >> 4) * 4u;
  if (virtio.hdr_len != data - kVirtio || virtio.csum_start != tcp - kVirtio || virtio.csum_offset != 16)
    throw std::runtime_error("the virtio header does not fit the frame");
  const std::size_t claimed = is_v6(frame) ? tcp + get16(frame, kIpAt + 4) : kIpAt + get16(frame, kIpAt + 2);
  if (claimed != frame.size() || !ip_checksum_valid(frame) || !pseudo_checksum_valid(frame))
    throw std::runtime_error("the TSO frame's headers are not sound");
  std::vector<Bytes> out;
  for (std::size_t at = data; at < frame.size(); at += virtio.gso_size) {
    const std::size_t end = std::min(frame.size(), at + virtio.gso_size);
    Bytes f(frame.begin(), frame.begin() + static_cast<long>(data));
    f.insert(f.end(), frame.begin() + static_cast<long>(at), frame.begin() + static_cast<long>(end));
    const Virtio plain{1, 0, 0, 0, virtio.csum_start, virtio.csum_offset};
    std::memcpy(f.data(), &plain, sizeof plain);
    if (!is_v6(f)) set16(f, kIpAt + 4, static_cast<std::uint16_t>(get16(frame, kIpAt + 4) + out.size()));
    set32(f, tcp + 4, get32(frame, tcp + 4) + static_cast<std::uint32_t>(at - data));
    if (end < frame.size()) set8(f, tcp + 13, get8(f, tcp + 13) & ~0x09u);  // PSH and FIN: on the last one only
    seal(f);
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace faultline::test
