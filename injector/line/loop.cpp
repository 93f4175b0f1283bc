#include "injector/line/loop.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "injector/base/clock.h"
#include "injector/line/corruption.h"

namespace faultline::line {
namespace {

constexpr Ns kLongestSleep = 2 * kMillisecond;  // the beat goes on when nothing happens
constexpr Ns kTrimEvery = 200 * kMillisecond;
// Reading goes on beyond the batch while nothing comes due, or to keep a train of segments together; but never so long
// that it makes a packet late.
constexpr Ns kNothingDue = 300 * kMicrosecond;
// In a steady stream of frames that are held for long, waking up for each costs more than the rest: let some gather. A
// frame among them that is due at once is late by at most this.
constexpr Ns kCoalesce = 50 * kMicrosecond;
constexpr Ns kHeldLong = kMillisecond;
// Shorter than a system call and a switch of tasks take.
constexpr Ns kNotWorthASleep = 3 * kMicrosecond;
constexpr unsigned kMostFramesAtOnce = 64;
constexpr std::uint64_t kMostBytesAtOnce = 512u << 10;
// Writing stops for a look at the TAP, whose queue is short, after this much; it is more than was read, so that what is
// due cannot pile up in here.
constexpr unsigned kMostFramesWritten = 2 * kMostFramesAtOnce;
constexpr std::uint64_t kMostBytesWritten = 2 * kMostBytesAtOnce;
constexpr unsigned kWritesPerLook = 8;
constexpr int kRetries = 3;
constexpr Ns kMeasureEvery = 500 * kMicrosecond;
constexpr Ns kLate = kMillisecond;         // as a fault is late at the least (docs/verdict.md)
constexpr std::size_t kMostLapses = 1000;  // that wait to be told

}  // namespace

HoldLoop::HoldLoop(int tap, fl_control* control, const LineOptions& options, Counters& counters)
    : tap_(tap),
      control_(control),
      options_(options),
      counters_(counters),
      pool_(options.byte_limit),
      scratch_(BufferPool::kRoom) {}

void HoldLoop::run(const std::atomic<bool>& ending, realtime::Urgent* urgent) {
  urgent_ = urgent;
  now_ = trimmed_ = measured_ = monotonic_now();
  cpu_before_ = realtime::cpu_of_this_thread();
  occupancy_.begin(reading(cpu_before_));
  if (urgent_ != nullptr) urgent_->begin(now_, charged_);
  Ns loop_began = now_;
  for (;;) {
    look();
    counters_.stalled.raise_to(static_cast<std::uint64_t>(now_ - loop_began));
    loop_began = now_;
    // Having been stopped, it beats no more: the faults that the stale lease ended must not begin again for the moment
    // that the run needs to notice and abort.
    if (!counters_.was_stopped.load(std::memory_order_relaxed))
      __atomic_store_n(&control_->beat, static_cast<__u64>(now_), __ATOMIC_RELEASE);
    const bool last = ending.load(std::memory_order_acquire);
    letting_go_ = last || __atomic_load_n(&control_->stop, __ATOMIC_ACQUIRE) != 0;
    read_frames();
    const bool wrote = write_due();
    if (last && drained_ && queue_.empty()) return;
    if (drained_ && (!wrote || steady_)) sleep();  // after writing, more has often come
  }
}

// True if the thread turned out to have been stopped: then the queue has changed.
bool HoldLoop::look() {
  const Ns before = now_;
  now_ = monotonic_now();
  if (now_ - measured_ >= kMeasureEvery) measure();
  const auto lease = __atomic_load_n(&control_->lease, __ATOMIC_RELAXED);
  // Before T0 no fault is on: a stall there, as verifying and attaching programs brings on a busy machine, spoils
  // nothing.
  const auto epoch = __atomic_load_n(&control_->epoch, __ATOMIC_ACQUIRE);
  if (epoch == 0 || static_cast<std::uint64_t>(now_) < epoch) return false;
  const Ns since = std::max(before, static_cast<Ns>(epoch));
  if (lease == 0 || static_cast<std::uint64_t>(now_ - since) <= lease) return false;
  counters_.stalled.raise_to(static_cast<std::uint64_t>(now_ - before));
  resumed_ = now_;  // also for what still waits in the TAP
  lapse(since);
  discard_overdue();
  return true;
}

void HoldLoop::lapse(Ns since) {
  {
    const MutexLock lock(counters_.lapses_mutex);
    if (counters_.lapses.size() < kMostLapses) counters_.lapses.push_back({since, now_});
  }
  counters_.was_stopped.store(true, std::memory_order_release);
}

Occupancy::Reading HoldLoop::reading(Ns cpu) const {
  rusage use{};
  getrusage(RUSAGE_THREAD, &use);
  return {now_,
          cpu,
          idle_,
          static_cast<std::uint64_t>(use.ru_nvcsw + use.ru_nivcsw),
          counters_.frames_written.get(),
          counters_.written.get(),
          bytes_written_};
}

void HoldLoop::measure() {
  const Ns cpu = realtime::cpu_of_this_thread();
  if (urgent_ != nullptr) {
    // While it is urgent nothing keeps it from its CPU, so all that it did not sleep is what it took from others.
    const Ns awake = now_ - measured_ - (idle_ - idle_before_);
    charged_ += urgent_->now() ? std::max(awake, cpu - cpu_before_) : cpu - cpu_before_;
    urgent_->look(now_, charged_);
  }
  measured_ = now_;
  idle_before_ = idle_;
  cpu_before_ = cpu;
  const auto full = occupancy_.look(reading(cpu));
  if (!full) return;
  if (*full) {
    for (const auto& late : late_) counters_.late_by_slot[late.slot].full.add(late.packets);
    counters_.full_time.set(static_cast<std::uint64_t>(occupancy_.full().time));
    counters_.full_packets.set(occupancy_.full().packets);
    counters_.full_bytes.set(occupancy_.full().bytes);
  }
  late_.clear();
}

void HoldLoop::note_late(const Frame& frame) {
  counters_.late_by_slot[frame.slot].all.add(frame.packets);
  if (late_.empty() || late_.back().slot != frame.slot) late_.push_back({frame.slot, 0});
  late_.back().packets += frame.packets;
}

void HoldLoop::discard_overdue() {
  for (const Frame* first = queue_.front(); first != nullptr && first->due <= now_; first = queue_.front()) {
    const Frame frame = take_front();
    lose(&Counters::overdue, frame.slot, frame.packets);
    pool_.give_back(frame.at);
  }
}

void HoldLoop::lose(Loss reason, unsigned slot, std::uint64_t packets) {
  (counters_.*reason).add(packets);
  counters_.lost_by_slot[slot].add(packets);
}

Frame HoldLoop::take_front() {
  const Frame frame = queue_.pop();
  counters_.held.subtract(frame.packets);
  counters_.held_bytes.subtract(frame.length);
  return frame;
}

bool HoldLoop::worth_reading_more(unsigned frames, std::uint64_t bytes) const {
  if (frames < options_.batch) return true;
  if (frames >= kMostFramesAtOnce || bytes >= kMostBytesAtOnce) return false;
  if (train_ && options_.merge) return true;
  const Frame* first = queue_.front();
  return first == nullptr || first->due > now_ + kNothingDue;
}

void HoldLoop::read_frames() {
  drained_ = false;
  train_ = false;
  const bool was_steady = now_ - arrived_ <= 2 * kCoalesce;
  steady_ = false;
  std::uint64_t bytes = 0;
  for (unsigned frames = 0; worth_reading_more(frames, bytes);) {
    std::byte* const room = pool_.room(lane_);
    std::byte* const target = room != nullptr ? room : scratch_.data();
    const ssize_t got = ::read(tap_, target, BufferPool::kRoom);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "read held packets from the TAP");
      drained_ = true;
      return;
    }
    if (frames == 0) {
      steady_ = was_steady;
      arrived_ = now_;
    }
    accept(target, static_cast<std::uint32_t>(got), room != nullptr);
    ++frames;
    bytes += static_cast<std::uint64_t>(got);
  }
}

void HoldLoop::accept(std::byte* bytes, std::uint32_t length, bool pooled) {
  counters_.frames_read.add(1);
  counters_.bytes_read.add(length);
  fl_stamp stamp{};
  const bool whole = length >= kVirtioBytes + kEthernetBytes && length <= kLargestFrame;
  if (length >= kVirtioBytes + sizeof stamp) std::memcpy(&stamp, bytes + kVirtioBytes, sizeof stamp);
  const bool ours = stamp.magic == FL_STAMP_MAGIC && stamp.slot != 0 && stamp.slot < FL_MAX_SLOTS;
  const std::uint16_t packets = whole ? wire_packets(bytes, length) : 1;
  counters_.read.add(packets);
  if (!whole || !ours) return lose(&Counters::stamp, ours ? stamp.slot : 0, packets);

  Frame frame{.due = widen(stamp.due, now_), .at = 0, .length = length, .slot = stamp.slot, .packets = packets};
  if (frame.due < resumed_) return lose(&Counters::overdue, frame.slot, packets);
  if (!pooled || counters_.held_bytes.get() + length > options_.byte_limit)
    return lose(&Counters::full, frame.slot, packets);

  if (frame.due - now_ < kHeldLong) steady_ = false;
  const unsigned lane = BufferPool::lane_for(frame.due - now_);
  if (lane != lane_) {
    std::byte* const better = pool_.room(lane);
    if (better == nullptr) return lose(&Counters::full, frame.slot, packets);
    std::memcpy(better, bytes, length);
    bytes = better;
    lane_ = lane;
  }
  if ((stamp.flags & FL_STAMP_FLIP) != 0) corrupt(bytes, length, (stamp.flags & FL_STAMP_VALID) != 0);
  frame.at = pool_.take(lane, length);
  frame.gatherable = options_.merge && (stamp.flags & FL_STAMP_FLIP) == 0 && TcpGather::candidate(bytes, length);
  train_ = frame.gatherable;
  queue_.push(frame);
  counters_.held.add(packets);
  counters_.held_bytes.add(length);
  counters_.held_max_bytes.raise_to(counters_.held_bytes.get());
}

bool HoldLoop::write_due() {
  std::uint64_t bytes = 0;
  unsigned frames = 0, since_look = 0;
  while (frames < kMostFramesWritten && bytes < kMostBytesWritten) {
    const Frame* first = queue_.front();
    if (first == nullptr) break;
    const bool waits = !letting_go_ && first->due > now_;
    if (waits || ++since_look > kWritesPerLook) {
      since_look = 0;
      if (look()) continue;
      if (waits && first->due > now_) break;
    }
    const Frame frame = take_front();
    if (const Frame* next = queue_.upcoming(1)) {
      const std::byte* headers = pool_.at(next->at);
      __builtin_prefetch(headers);
      __builtin_prefetch(headers + 64);
    }
    run_[0] = frame;
    run_size_ = 1;
    bytes += frame.length;
    if (frame.gatherable) {
      gather_followers(frame);
      for (std::size_t i = 1; i < run_size_; ++i) bytes += run_[i].length;
    }
    write_run();
    frames += static_cast<unsigned>(run_size_);
  }
  return frames > 0;
}

// A follower may leave up to merge_within early. When the line is behind, what is due by now may leave together too.
void HoldLoop::gather_followers(const Frame& first) {
  const Ns latest = std::max(now_, first.due + options_.merge_within);
  gather_.begin(pool_.at(first.at), first.length);
  while (run_size_ < run_.size()) {
    const Frame* next = queue_.front();
    if (next == nullptr || !next->gatherable || (!letting_go_ && next->due > latest)) break;
    if (!gather_.add(pool_.at(next->at), next->length)) break;
    run_[run_size_++] = take_front();
    if (const Frame* upcoming = queue_.upcoming(1)) __builtin_prefetch(pool_.at(upcoming->at));
  }
}

void HoldLoop::write_run() {
  const iovec single{pool_.at(run_[0].at), run_[0].length};
  const std::span<const iovec> pieces = run_[0].gatherable ? gather_.finish() : std::span(&single, 1);
  const long result = write_pieces(pieces);
  std::uint64_t packets = 0;
  for (std::size_t i = 0; i < run_size_; ++i) {
    if (result < 0) lose(&Counters::refused, run_[i].slot, run_[i].packets);
    packets += run_[i].packets;
    if (now_ - run_[i].due > kLate) note_late(run_[i]);
    pool_.give_back(run_[i].at);
  }
  if (result < 0) {
    counters_.write_errno.set(static_cast<std::uint64_t>(-result));
    return;
  }
  counters_.written.add(packets);
  bytes_written_ += static_cast<std::uint64_t>(result);
  counters_.frames_written.add(1);
  if (run_size_ > 1) counters_.merged.add(run_size_);
}

// Bytes written or -errno. A shortage of memory or buffers may be over in a moment; all else is final.
long HoldLoop::write_pieces(std::span<const iovec> pieces) {
  int retries = 0;
  for (;;) {
    const ssize_t wrote = pieces.size() == 1 ? ::write(tap_, pieces[0].iov_base, pieces[0].iov_len)
                                             : ::writev(tap_, pieces.data(), static_cast<int>(pieces.size()));
    if (wrote >= 0) return wrote;
    const int error = errno;
    if (error == EINTR) continue;
    if ((error != EAGAIN && error != ENOBUFS && error != ENOMEM) || retries++ == kRetries) return -error;
    const timespec pause{0, 50 * kMicrosecond};
    pollfd none{-1, 0, 0};
    ppoll(&none, 1, &pause, nullptr);
  }
}

void HoldLoop::sleep() {
  if (look()) return;
  Ns rest = kLongestSleep;
  if (const Frame* first = queue_.front()) rest = std::min(rest, first->due - now_);
  if (rest <= std::max(options_.spin, kNotWorthASleep)) return;
  if (now_ - trimmed_ >= kTrimEvery) {
    trimmed_ = now_;
    pool_.trim();
  }
  rest -= options_.spin;
  if (steady_) rest = std::min(rest, kCoalesce);
  const timespec timeout{0, rest};
  pollfd readable{steady_ ? -1 : tap_, POLLIN, 0};
  counters_.wakeups.add(1);
  const Ns slept = now_;
  // Interrupted, timed out or readable: the loop finds out.
  const int woken = ppoll(&readable, 1, &timeout, nullptr);
  const Ns passed = monotonic_now() - slept;
  idle_ += woken > 0 ? passed : std::min(passed, rest);  // beyond that it waited for a CPU
}

void HoldLoop::abandon(int error) {
  if (!queue_.empty()) counters_.write_errno.set(static_cast<std::uint64_t>(error));
  while (!queue_.empty()) {
    const Frame frame = take_front();
    lose(&Counters::refused, frame.slot, frame.packets);
    pool_.give_back(frame.at);
  }
}

}  // namespace faultline::line
