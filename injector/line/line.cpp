#include "injector/line/line.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "injector/base/thread_safety.h"
#include "injector/line/counters.h"
#include "injector/line/loop.h"

namespace faultline::line {
namespace {

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct Line::Impl {
  Impl(Fd tap_fd, fl_control* control, const LineOptions& options)
      : tap(std::move(tap_fd)), high_priority(options.high_priority), loop(tap.get(), control, options, counters) {}
  ~Impl() { end(); }

  void end() noexcept {
    ending.store(true, std::memory_order_release);
    if (thread.joinable()) thread.join();
  }

  void run() noexcept {
    tid.store(gettid(), std::memory_order_release);
    tid.notify_all();
    prctl(PR_SET_NAME, "faultline-line");
    prctl(PR_SET_TIMERSLACK, 1);
    std::optional<realtime::Urgent> urgent;
    if (high_priority) {
      urgent.emplace(realtime::Rank::line, realtime::Ordinary{-20, 100 * kMicrosecond});
      counters.priority_errno.set(static_cast<std::uint64_t>(urgent->ordinary_error()));
    }
    try {
      loop.run(ending, urgent ? &*urgent : nullptr);
    } catch (const std::system_error& e) {
      fail(e.what(), e.code().value());
    } catch (const std::exception& e) {
      fail(e.what(), ENOMEM);
    }
  }

  void fail(const char* why, int error) noexcept {
    loop.abandon(error);
    const MutexLock lock(failure_mutex);
    try {
      failure = why;
    } catch (const std::bad_alloc&) {
      failure = "no memory";  // short enough to need none
    }
  }

  Fd tap;
  const bool high_priority;
  Counters counters;
  HoldLoop loop;
  std::atomic<bool> ending = false;
  std::atomic<int> tid = 0;
  mutable Mutex failure_mutex;
  std::string failure FAULTLINE_GUARDED_BY(failure_mutex);
  std::thread thread;
};

Line::Line(Fd tap, fl_control* control, LineOptions options)
    : impl_(std::make_unique<Impl>(std::move(tap), control, options)) {}

Line::~Line() = default;

void Line::start() {
  if (impl_->thread.joinable()) return;
  // The thread inherits the mask: a signal meant for the process never lands on it.
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  block_signals();
  try {
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  impl_->tid.wait(0, std::memory_order_acquire);
}

void Line::stop() { impl_->end(); }

Stats Line::stats() const {
  const Counters& c = impl_->counters;
  Stats s;
  s.read = c.read.get();
  s.written = c.written.get();
  s.frames_read = c.frames_read.get();
  s.frames_written = c.frames_written.get();
  s.bytes_read = c.bytes_read.get();
  s.merged = c.merged.get();
  s.held = c.held.get();
  s.held_bytes = c.held_bytes.get();
  s.held_max_bytes = c.held_max_bytes.get();
  s.write_errno = c.write_errno.get();
  s.wakeups = c.wakeups.get();
  s.priority_errno = c.priority_errno.get();
  s.stalled = static_cast<Ns>(c.stalled.get());
  s.losses = {.full = c.full.get(), .overdue = c.overdue.get(), .refused = c.refused.get(), .stamp = c.stamp.get()};
  s.full_time = static_cast<Ns>(c.full_time.get());
  s.full_packets = c.full_packets.get();
  s.full_bytes = c.full_bytes.get();
  return s;
}

std::vector<Late> Line::late_by_slot() const {
  std::vector<Late> late;
  late.reserve(FL_MAX_SLOTS);
  for (const auto& slot : impl_->counters.late_by_slot) late.push_back({slot.all.get(), slot.full.get()});
  return late;
}

std::vector<Lapse> Line::take_lapses() {
  const MutexLock lock(impl_->counters.lapses_mutex);
  return std::exchange(impl_->counters.lapses, {});
}

std::vector<std::uint64_t> Line::losses_by_slot() const {
  std::vector<std::uint64_t> lost;
  lost.reserve(FL_MAX_SLOTS);
  for (const Counter& count : impl_->counters.lost_by_slot) lost.push_back(count.get());
  return lost;
}

void Line::resume() { impl_->counters.was_stopped.store(false, std::memory_order_release); }
bool Line::was_stopped() const { return impl_->counters.was_stopped.load(std::memory_order_acquire); }
int Line::thread_id() const { return impl_->tid.load(std::memory_order_acquire); }

std::string Line::failure() const {
  const MutexLock lock(impl_->failure_mutex);
  return impl_->failure;
}

}  // namespace faultline::line
