#include "injector/line/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "injector/base/error.h"

namespace faultline::line {
namespace {

constexpr std::uint64_t kHugePage = 2u << 20;

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

// Twice the bytes: a chunk's end that is too short for another 64 KB frame stays unused, and so does what early leavers
// of a chunk left behind. A place is 32 bits of 64 bytes, hence the cap.
BufferPool::BufferPool(std::uint64_t bytes) {
  constexpr std::uint64_t most = std::uint64_t{kGrain} << 32;
  const std::uint64_t slack = std::uint64_t{kChunkBytes} * (kLanes + kKeptWarm);
  const std::uint64_t size = std::min(round_up(std::min(bytes, most) * 2 + slack, kHugePage), most);
  mapped_size_ = size + kHugePage;
  mapped_ = mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check("reserve the buffers for held packets", mapped_ == MAP_FAILED ? -1 : 0);
  memory_ = reinterpret_cast<std::byte*>(round_up(reinterpret_cast<std::uintptr_t>(mapped_), kHugePage));
  madvise(memory_, size, MADV_HUGEPAGE);  // a wish; kernels without huge pages refuse it
  const auto count = static_cast<std::uint32_t>(size / kChunkBytes);
  chunks_.resize(count);
  fresh_.reserve(count);
  for (std::uint32_t i = count; i-- > 0;) fresh_.push_back(i);
  std::fill(std::begin(open_), std::end(open_), kNone);
}

BufferPool::~BufferPool() { munmap(mapped_, mapped_size_); }

std::byte* BufferPool::room(unsigned lane) {
  std::uint32_t& current = open_[lane];
  if (current != kNone) {
    Chunk& chunk = chunks_[current];
    if (chunk.used + kRoom <= kChunkBytes) return memory_ + std::uint64_t{current} * kChunkBytes + chunk.used;
    chunk.open = false;  // it has frames, or it would have been empty: the last of them frees it
    current = kNone;
  }
  if (!warm_.empty()) {
    current = warm_.back();  // the one most likely still in the cache
    warm_.pop_back();
    least_warm_ = std::min(least_warm_, warm_.size());
  } else if (!fresh_.empty()) {
    current = fresh_.back();
    fresh_.pop_back();
  } else {
    return nullptr;
  }
  chunks_[current].open = true;
  return memory_ + std::uint64_t{current} * kChunkBytes;
}

std::uint32_t BufferPool::take(unsigned lane, std::uint32_t length) {
  const std::uint32_t current = open_[lane];
  Chunk& chunk = chunks_[current];
  const std::uint64_t place = (std::uint64_t{current} * kChunkBytes + chunk.used) / kGrain;
  chunk.used += static_cast<std::uint32_t>(round_up(length, kGrain));
  ++chunk.live;
  return static_cast<std::uint32_t>(place);
}

void BufferPool::give_back(std::uint32_t place) {
  const auto index = static_cast<std::uint32_t>(std::uint64_t{place} * kGrain / kChunkBytes);
  Chunk& chunk = chunks_[index];
  if (--chunk.live > 0) return;
  chunk.used = 0;  // an open one starts over where the cache is warm
  if (!chunk.open) warm_.push_back(index);
}

bool BufferPool::trim() {
  const std::size_t unused = least_warm_;
  least_warm_ = warm_.size();
  if (unused <= kKeptWarm) return false;
  // At most so many a time, as each takes microseconds on the line's thread.
  for (std::size_t i = std::min(unused - kKeptWarm, kMostTrimmed); i > 0; --i) {
    const std::uint32_t index = warm_.front();
    // Not fatal when refused: the memory then simply stays resident.
    madvise(memory_ + std::uint64_t{index} * kChunkBytes, kChunkBytes, MADV_DONTNEED);
    warm_.pop_front();
    fresh_.push_back(index);
  }
  least_warm_ = warm_.size();
  return true;
}

}  // namespace faultline::line
