#include "injector/sketch/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "injector/sketch/measured.h"

namespace faultline::sketch {
namespace {

constexpr std::uint32_t kMostOfPacket = 1 << 20;  ///< what one may have; more is a file that is not what it says
constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kSection = 0x0a0d0d0a, kByteOrder = 0x1a2b3c4d;
constexpr std::uint32_t kInterface = 1, kPacketOld = 2, kPacketSimple = 3, kPacket = 6;

/// A stretch of the file in its byte order. What lies beyond its end is 0: the caller has looked at size().
class Stretch {
 public:
  Stretch(std::string_view bytes, bool swapped) : bytes_(bytes), swapped_(swapped) {}
  std::size_t size() const { return bytes_.size(); }
  std::uint32_t u32(std::size_t at) const {
    if (at + 4 > bytes_.size()) return 0;
    const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes_[at + i])}; };
    return swapped_ ? byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3)
                    : byte(3) << 24 | byte(2) << 16 | byte(1) << 8 | byte(0);
  }
  std::uint16_t u16(std::size_t at) const {
    if (at + 2 > bytes_.size()) return 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes_[at + i])); };
    return static_cast<std::uint16_t>(swapped_ ? byte(0) << 8 | byte(1) : byte(1) << 8 | byte(0));
  }
  std::uint64_t u64(std::size_t at) const {
    const std::uint64_t first = u32(at), second = u32(at + 4);
    return swapped_ ? first << 32 | second : second << 32 | first;
  }
  std::string_view text(std::size_t at, std::size_t length) const {
    return at > bytes_.size() ? std::string_view() : bytes_.substr(at, length);
  }

 private:
  std::string_view bytes_;
  bool swapped_;  ///< the file's first byte of a number is the highest
};

/// Whether the number at the beginning is this one, in one order or the other; empty: neither.
std::optional<bool> swapped(std::string_view text, std::uint32_t number) {
  if (Stretch(text, false).u32(0) == number) return false;
  if (Stretch(text, true).u32(0) == number) return true;
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& path, const std::function<void(const CapturedPacket&)>& take)
      : text_(text), path_(path), take_(take) {}

  void read() {
    if (const auto order = swapped(text_, kMicroseconds)) return packets(*order, 1000);
    if (const auto order = swapped(text_, kNanoseconds)) return packets(*order, 1);
    blocks();
  }

 private:
  /// pcap: a header, then one for each packet.
  void packets(bool order, Ns unit) {
    constexpr std::size_t kHeader = 24, kOfPacket = 16;
    const Stretch all(text_, order);
    const std::uint32_t link = all.u32(20) & 0xffff;  // above it is the length of a checksum
    for (std::size_t at = kHeader; at + kOfPacket <= text_.size();) {
      const std::uint32_t kept = all.u32(at + 8);
      tell(Ns{all.u32(at)} * kSecond + Ns{all.u32(at + 4)} * unit, link, kept, all.u32(at + 12), at + kOfPacket);
      at += kOfPacket + kept;
    }
  }

  /// What pcapng says of an interface: how its times are counted.
  struct Interface {
    std::uint32_t link = 0;
    double tick = 1000;  ///< ns
    Ns offset = 0;
  };

  /// pcapng: blocks, each with its kind and its length. A section begins with the byte order of what follows.
  void blocks() {
    bool order = false;
    for (std::size_t at = 0; at + 12 <= text_.size();) {
      if (Stretch(text_.substr(at), false).u32(0) == kSection) {
        const auto found = swapped(text_.substr(at + 8), kByteOrder);
        if (!found) refuse_line(path_, 0, "this is no pcapng: a section has no byte order");
        order = *found;
        interfaces_.clear();
      }
      const Stretch rest(text_.substr(at), order);
      const std::uint32_t kind = rest.u32(0), length = rest.u32(4);
      if (length < 12 || length % 4 != 0)
        refuse_line(path_, 0, fmt::format("at byte {} there is no block of pcapng: it is of {} bytes", at, length));
      if (length > text_.size() - at) return;  // cut off
      const Stretch block(text_.substr(at, length - 4), order);
      if (kind == kInterface) interfaces_.push_back(interface_of(block));
      if (kind == kPacket && block.size() >= 28) packet(block, at);
      if (kind == kPacketSimple || kind == kPacketOld)
        refuse_line(path_, 0, "it has packets without times: let `editcap -F pcap` write it anew");
      at += length;
    }
  }

  static Interface interface_of(const Stretch& block) {
    constexpr std::uint16_t kResolution = 9, kOffset = 14;
    Interface made;
    made.link = block.u16(8);
    for (std::size_t at = 16; at + 4 <= block.size();) {
      const std::uint16_t code = block.u16(at), length = block.u16(at + 2);
      if (code == 0) break;
      if (code == kResolution && length >= 1) {
        const unsigned value = block.text(at + 4, 1).empty() ? 6 : static_cast<unsigned char>(block.text(at + 4, 1)[0]);
        const double parts = value & 0x80 ? std::exp2(value & 0x7f) : std::pow(10.0, value);
        made.tick = 1e9 / parts;
      }
      if (code == kOffset && length >= 8)
        made.offset =
            std::clamp<std::int64_t>(static_cast<std::int64_t>(block.u64(at + 4)), 0, kLatestMeasured / kSecond) *
            kSecond;
      at += 4 + (length + 3u) / 4 * 4;
    }
    return made;
  }

  void packet(const Stretch& block, std::size_t at) {
    const std::uint32_t number = block.u32(8), kept = block.u32(20);
    if (number >= interfaces_.size())
      refuse_line(path_, 0, fmt::format("packet {} is of an interface that the file does not have", number_ + 1));
    const Interface& one = interfaces_[number];
    const double ticks = static_cast<double>(block.u32(12)) * 4294967296.0 + static_cast<double>(block.u32(16));
    // As a double it is exact to 256 ns at today's date; parts of that are of no account here.
    const double ns = std::min(ticks * one.tick, static_cast<double>(kLatestMeasured));
    if (kept > block.size() - 28) refuse_line(path_, 0, fmt::format("packet {} is longer than its block", number_ + 1));
    tell(static_cast<Ns>(ns) + one.offset, one.link, kept, block.u32(24), at + 28);
  }

  void tell(Ns when, std::uint32_t link, std::uint32_t kept, std::uint32_t length, std::size_t at) {
    if (kept > kMostOfPacket)
      refuse_line(
          path_, 0,
          fmt::format("packet {} is said to be of {} bytes: this is no capture, or a broken one", number_ + 1, kept));
    if (kept > text_.size() - at) return;  // cut off
    take_({++number_, when, link, text_.substr(at, kept), length});
  }

  const std::string_view text_;
  const std::string& path_;
  const std::function<void(const CapturedPacket&)>& take_;
  std::vector<Interface> interfaces_;
  std::size_t number_ = 0;
};

}  // namespace

bool is_capture(std::string_view text) {
  return swapped(text, kMicroseconds) || swapped(text, kNanoseconds) || Stretch(text, false).u32(0) == kSection;
}

void read_capture(std::string_view text, const std::string& path,
                  const std::function<void(const CapturedPacket&)>& take) {
  if (!is_capture(text)) refuse_line(path, 0, "this is no capture of packets (pcap, pcapng)");
  Reader(text, path, take).read();
}

}  // namespace faultline::sketch
