#include "injector/record/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <optional>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "injector/base/secrets.h"
#include "injector/base/text.h"
#include "injector/base/thread_safety.h"
#include "injector/record/kept_answers.h"
#include "injector/record/sample_batch.h"
#include "injector/record/schema.h"

namespace faultline::record {
namespace {

constexpr auto kWriteEvery = std::chrono::milliseconds(50);  // at most this much of the samples is lost to a kill -9
constexpr Ns kBatchAge = kSecond;                            // how long a batch waits for its slower requests

/// Signals belong to the main thread. Blocked here, SIGXFSZ also becomes a plain EFBIG from write().
std::thread start_without_signals(std::function<void()> body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

struct Journal::Impl {
  const std::string path;
  const std::size_t limit;
  Fd fd;

  mutable Mutex mutex;
  Condition wake, written;
  std::string pending FAULTLINE_GUARDED_BY(mutex);       // lines the writer has not taken yet
  std::size_t in_write FAULTLINE_GUARDED_BY(mutex) = 0;  // bytes the writer is busy with
  bool urgent FAULTLINE_GUARDED_BY(mutex) = false;       // an event: write now; samples wait for the next round
  bool flushing FAULTLINE_GUARDED_BY(mutex) = false;     // open batches go out too
  // Of the writer: a flush waits for a round that began after it.
  std::uint64_t rounds_begun FAULTLINE_GUARDED_BY(mutex) = 0, rounds_done FAULTLINE_GUARDED_BY(mutex) = 0;
  bool closing FAULTLINE_GUARDED_BY(mutex) = false;
  std::optional<Ns> epoch FAULTLINE_GUARDED_BY(mutex), hold_at FAULTLINE_GUARDED_BY(mutex);
  SampleBatches batches FAULTLINE_GUARDED_BY(mutex);
  KeptAnswers answers FAULTLINE_GUARDED_BY(mutex);
  Listener listener FAULTLINE_GUARDED_BY(mutex);
  Ns clock_second FAULTLINE_GUARDED_BY(mutex) = -1;    // the second that clock_text is of
  std::string clock_text FAULTLINE_GUARDED_BY(mutex);  // "2026-11-22T01:50:05": samples come by the thousand
  std::error_code error FAULTLINE_GUARDED_BY(mutex);
  std::string attempt FAULTLINE_GUARDED_BY(mutex);
  std::atomic<bool> failed{false};
  std::thread writer;

  Impl(const std::filesystem::path& folder, std::size_t byte_limit)
      : path((folder / "journal.jsonl").string()), limit(byte_limit) {
    fd = Fd(static_cast<int>(
        check("create " + path, ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644))));
    writer = start_without_signals([this] { write_loop(); });
  }

  ~Impl() {
    {
      const MutexLock lock(mutex);
      closing = true;
    }
    wake.notify_all();
    writer.join();
    ::fdatasync(fd.get());
  }

  void fail(std::error_code code, const std::string& what) FAULTLINE_REQUIRES(mutex) {
    if (failed) return;
    error = code;
    attempt = what;
    failed = true;
    pending.clear();
    pending.shrink_to_fit();
    written.notify_all();
  }

  /// `fields` as append_fields() makes them.
  void line(const char* event, const std::string& fields) FAULTLINE_REQUIRES(mutex) {
    const Ns wall = wall_now(), mono = monotonic_now();
    if (wall / kSecond != clock_second) {
      clock_second = wall / kSecond;
      clock_text = rfc3339(wall).substr(0, 19);
    }
    LineHead head;
    head.at = fmt::format("{}.{:06}Z", clock_text, wall % kSecond / kMicrosecond);
    head.mono = mono;
    if (epoch) head.t = std::min(mono - *epoch, hold_at.value_or(std::numeric_limits<Ns>::max()));
    head.event = event;
    const std::size_t begin = pending.size();
    append_fields(pending, head);
    pending[begin] = '{';  // was the comma before the first
    pending += fields;
    pending += "}\n";
    if (listener) listener(event, std::string_view(pending).substr(begin), wall);
    if (pending.size() + in_write > limit)
      fail(std::make_error_code(std::errc::no_buffer_space),
           fmt::format("{}: the disk does not keep up, {} MB are waiting", path, limit >> 20));
  }

  void write_batches(Ns opened_before) FAULTLINE_REQUIRES(mutex) {
    for (const auto& [probe_name, batch] : batches.take(opened_before)) {
      std::string fields;
      append_fields(fields, batch.event(probe_name));
      line(events::Samples::event, fields);
      if (failed) return;
    }
  }

  void write_loop() {
    realtime::Urgent scheduling(realtime::Rank::helper);  // whoever records something waits for its mutex
    MutexLock lock(mutex);
    std::string taken;
    for (;;) {
      const auto until = std::chrono::steady_clock::now() + kWriteEvery;
      while (!urgent && !closing && !flushing && wake.wait_until(lock, until) != std::cv_status::timeout) {
      }
      scheduling.look();
      const bool last = closing;
      if (!failed) write_batches(last || flushing ? INT64_MAX : monotonic_now() - kBatchAge);
      urgent = flushing = false;
      ++rounds_begun;
      taken.clear();
      taken.swap(pending);
      in_write = taken.size();
      lock.unlock();
      const int code = failed ? 0 : write_out(taken);
      lock.lock();
      in_write = 0;
      if (code != 0) fail(std::error_code(code, std::generic_category()), "write " + path);
      rounds_done = rounds_begun;
      written.notify_all();
      if (last && (pending.empty() || failed)) return;
    }
  }

  /// Without the mutex. Returns an errno, or 0.
  int write_out(const std::string& text) const {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      done += static_cast<std::size_t>(n);
    }
    return 0;
  }
};

Journal::Journal(const std::filesystem::path& folder, std::size_t limit)
    : impl_(std::make_unique<Impl>(folder, limit)) {}
Journal::~Journal() = default;

void Journal::set_epoch(Ns epoch) {
  const MutexLock lock(impl_->mutex);
  impl_->epoch = epoch;
}

void Journal::hold_at(std::optional<Ns> t) {
  const MutexLock lock(impl_->mutex);
  impl_->hold_at = t;
}

void Journal::set_batching(std::vector<Ns> edges, std::vector<std::string> fast_probes) {
  const MutexLock lock(impl_->mutex);
  impl_->answers.set_edges(edges);
  impl_->batches.configure(std::move(edges), std::move(fast_probes));
}

void Journal::set_secrets(std::vector<std::string> secrets) {
  const MutexLock lock(impl_->mutex);
  impl_->answers.set_secrets(std::move(secrets));
}

std::string Journal::without_secrets(std::string text) const {
  const MutexLock lock(impl_->mutex);
  return without_values(std::move(text), impl_->answers.secrets());
}

void Journal::listen(Listener listener) {
  const MutexLock lock(impl_->mutex);
  impl_->listener = std::move(listener);
}

void Journal::write_line(const char* event, const std::string& fields) {
  {
    const MutexLock lock(impl_->mutex);
    if (impl_->failed) return;
    impl_->line(event, fields);
    impl_->urgent = true;
  }
  impl_->wake.notify_one();
}

void Journal::sample(const std::string& probe_name, const probe::Sample& sample) {
  const MutexLock lock(impl_->mutex);
  if (impl_->failed) return;
  if (const auto answer = impl_->answers.keep(probe_name, sample)) {
    std::string fields;
    append_fields(fields, *answer);
    impl_->line(events::Answer::event, fields);
  }
  if (impl_->batches.takes(probe_name)) {
    impl_->batches.add(probe_name, sample, monotonic_now());
    return;
  }
  events::Sample event{probe_name, sample.due, sample.late, sample.latency, sample.ok};
  if (!sample.ok) event.error = sample.error;
  event.value = sample.value;
  std::string fields;
  append_fields(fields, event);
  impl_->line(events::Sample::event, fields);
}

void Journal::flush() {
  MutexLock lock(impl_->mutex);
  impl_->flushing = true;
  impl_->wake.notify_one();
  const auto round = impl_->rounds_begun + 1;
  while (!impl_->failed && impl_->rounds_done < round) impl_->written.wait(lock);
  if (!impl_->failed) {
    lock.unlock();
    const int code = ::fdatasync(impl_->fd.get()) == 0 ? 0 : errno;
    lock.lock();
    // EINVAL: not a file that can be synced, such as a pipe or some network file systems; the data is written all the
    // same
    if (code != 0 && code != EINVAL && code != EROFS)
      impl_->fail(std::error_code(code, std::generic_category()), "sync " + impl_->path);
  }
  if (impl_->failed) throw std::system_error(impl_->error, impl_->attempt);
}

bool Journal::failed() const { return impl_->failed; }

std::string Journal::failure() const {
  const MutexLock lock(impl_->mutex);
  return impl_->failed ? impl_->attempt + ": " + impl_->error.message() : std::string();
}

}  // namespace faultline::record
