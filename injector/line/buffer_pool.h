// Where held frames lie. A frame's length is known only after it was read, so a pool of fixed sizes either reads into
// two pieces or wastes most of a large buffer on a small frame. Here the next frame is always read into the free end of
// an open chunk, whole and in one piece, and then takes only what it needs. A chunk is free again when its last frame
// is. So that one long-held frame does not pin a chunk of short-held ones, frames of different lifetime go to different
// chunks: the lanes. Memory is reserved, not used, until frames are there, and is given back bit by bit when they are
// gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "injector/base/units.h"
#include "injector/line/frame.h"

namespace faultline::line {

class BufferPool {
 public:
  static constexpr std::uint32_t kChunkBytes = 512u << 10;
  static constexpr std::uint32_t kGrain = 64;  ///< a frame begins on a cache line
  static constexpr std::uint32_t kRoom = kLargestFrame + 1;
  static constexpr unsigned kLanes = 3;

  /// Reserves address space for `bytes` of frames and for the slack that chunks bring. Throws std::system_error.
  explicit BufferPool(std::uint64_t bytes);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// The lane for a frame that will be held this long.
  static unsigned lane_for(Ns hold) { return hold < 50 * kMillisecond ? 0 : hold < 2 * kSecond ? 1 : 2; }

  /// At least kRoom bytes, the same ones until take(); null when the pool is used up.
  std::byte* room(unsigned lane);
  /// Makes the first `length` bytes of room(lane) a frame's. Returns what at() and give_back() want.
  std::uint32_t take(unsigned lane, std::uint32_t length);
  std::byte* at(std::uint32_t place) const { return memory_ + std::uint64_t{place} * kGrain; }
  void give_back(std::uint32_t place);

  /// Returns memory to the system that was not used at all since the last call, but for a few chunks. To be called now
  /// and then, when there is time: taking it into use again costs page faults. False when there was none.
  bool trim();

  std::uint64_t chunks() const { return chunks_.size(); }
  std::uint64_t chunks_resident() const { return chunks_.size() - fresh_.size(); }

 private:
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr std::size_t kKeptWarm = 16;
  static constexpr std::size_t kMostTrimmed = 16;
  struct Chunk {
    std::uint32_t used = 0;  // bytes
    std::uint32_t live = 0;  // frames
    bool open = false;
  };

  void* mapped_ = nullptr;
  std::uint64_t mapped_size_ = 0;
  std::byte* memory_ = nullptr;  // the mapping from its first huge page on
  std::vector<Chunk> chunks_;
  std::deque<std::uint32_t> warm_;    // unused but resident; the last one is the most recently used
  std::size_t least_warm_ = 0;        // since the last trim()
  std::vector<std::uint32_t> fresh_;  // never touched, or given back
  std::uint32_t open_[kLanes];
};

}  // namespace faultline::line
