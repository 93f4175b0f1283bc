// Gathers consecutive segments of one TCP flow into one TSO frame, as a network card's receive offload would. Segments
// that the splitter made would otherwise run the receiver's TCP once each, which costs more than everything else the
// line does. Nothing may change but the packaging: the frame, split again, is the segments that went in (the IPv4 ID
// apart, where DF makes it meaningless). So a segment is gathered only if its checksum is still to be filled in (a
// corrupted one has a finished checksum, which must stay wrong) and its headers are sound.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "injector/line/frame.h"

namespace faultline::line {

class TcpGather {
 public:
  static constexpr std::size_t kMostSegments = 64;

  /// Whether a frame could be part of a gathered one at all. A quick look, no checksums.
  static bool candidate(const std::byte* frame, std::uint32_t length);

  /// Starts anew with a candidate. Its bytes must stay until they are written; finish() edits its headers.
  void begin(std::byte* frame, std::uint32_t length);
  /// Appends a candidate if it follows on the last one; false (and nothing changes) if it does not.
  bool add(std::byte* frame, std::uint32_t length);
  /// What to write: one frame in pieces. A single segment comes out as it went in.
  std::span<const iovec> finish();

 private:
  bool first_is_sound();

  std::byte* first_ = nullptr;
  bool v6_ = false;
  std::uint32_t headers_ = 0;  // Ethernet, IP and TCP
  std::uint32_t segment_ = 0;  // payload of each but the last
  std::uint32_t total_ = 0;    // bytes of the gathered frame, without virtio header
  std::uint32_t next_sequence_ = 0;
  std::uint64_t address_sum_ = 0;  // of the pseudo header
  bool checked_ = false, sound_ = false, ended_ = false, push_ = false;
  std::size_t count_ = 0;
  std::array<iovec, kMostSegments> pieces_;
};

}  // namespace faultline::line
