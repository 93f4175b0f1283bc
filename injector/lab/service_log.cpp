#include "injector/lab/service_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/lines.h"
#include "injector/base/text.h"
#include "injector/base/thread_safety.h"
#include "injector/base/visible_text.h"
#include "injector/probe/loop.h"

namespace faultline::lab {
namespace {

constexpr std::size_t kTailLines = 15;
constexpr off_t kTailBytes = 64 << 10;
constexpr std::size_t kLongestLine = 300;
constexpr int kRounds = 64;       // of reading, before the next service has its turn
constexpr int kPipe = 256 << 10;  // bytes that a service may be ahead of us

}  // namespace

struct ServiceLogs::Impl {
  struct Log {
    std::string host;
    Fd pipe, file;
    Lines lines;
  };

  /// What is there, and what is left of it at its end.
  void read(Log& log) FAULTLINE_REQUIRES(mutex) {
    std::array<char, 65536> buffer;
    std::string text;
    const Heard to = heard;
    const auto take = [&log, &text, &to](std::string_view line) {
      ((text += rfc3339(wall_now())) += ' ').append(line) += '\n';
      if (to) to(log.host, monotonic_now(), line);
    };
    for (int round = 0; round < kRounds && log.pipe; round++) {
      const ssize_t got = ::read(log.pipe.get(), buffer.data(), buffer.size());
      if (got == -1) return;  // nothing more, for now
      if (got > 0) {
        log.lines.add({buffer.data(), static_cast<std::size_t>(got)}, take);
      } else {
        log.lines.finish(take);  // nobody writes any more
        loop.unwatch(log.pipe.get());
        log.pipe.reset();
      }
      write(log, text);
      text.clear();
    }
  }
  /// By dispatch(), which is called under the lock.
  void read_now(Log& log) FAULTLINE_UNCHECKED_THREADS { read(log); }

  /// A disk that is full costs lines of the log; the run itself says so by its journal.
  static void write(const Log& log, std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(log.file.get(), text.data(), text.size());
      if (written == -1 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void thread_main() {
    prctl(PR_SET_NAME, "lab logs", 0UL, 0UL, 0UL);
    while (!stopping) {
      loop.collect(probe::kNever);
      const MutexLock lock(mutex);
      loop.dispatch();
    }
  }

  Mutex mutex;
  probe::EventLoop loop;  // watch() and dispatch() under the lock, collect() without
  std::deque<Log> logs FAULTLINE_GUARDED_BY(mutex);
  Heard heard FAULTLINE_GUARDED_BY(mutex);
  std::atomic<bool> stopping{false};
  std::thread thread;
};

ServiceLogs::ServiceLogs() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread(&Impl::thread_main, impl_.get());
}

ServiceLogs::~ServiceLogs() {
  impl_->stopping = true;
  impl_->loop.ring();
  impl_->thread.join();
  listen({});
  catch_up();
}

Fd ServiceLogs::open(const std::string& host, const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  int ends[2];
  check("make a pipe for the log " + path, pipe2(ends, O_CLOEXEC));
  Impl::Log log;
  log.host = host;
  log.pipe = Fd(ends[0]);
  Fd service(ends[1]);
  log.file = Fd(static_cast<int>(
      check("make the log " + path, ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644))));
  check("make the pipe of a log non-blocking", fcntl(log.pipe.get(), F_SETFL, O_NONBLOCK));
  // A service that runs as another user may open /dev/stderr once more.
  check("let every user write to the pipe of a log", fchmod(service.get(), 0666));
  fcntl(service.get(), F_SETPIPE_SZ, kPipe);  // where that is not allowed, it is smaller
  const MutexLock lock(impl_->mutex);
  auto& kept = impl_->logs.emplace_back(std::move(log));
  impl_->loop.watch(kept.pipe.get(), EPOLLIN, [impl = impl_.get(), &kept](std::uint32_t) { impl->read_now(kept); });
  return service;
}

void ServiceLogs::listen(Heard heard) {
  const MutexLock lock(impl_->mutex);
  impl_->heard = std::move(heard);
}

void ServiceLogs::catch_up() {
  const MutexLock lock(impl_->mutex);
  for (auto& log : impl_->logs) impl_->read(log);
}

std::string log_tail(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st {};
  if (!file || fstat(file.get(), &st) != 0) return "    (unreadable)\n";
  std::string text(static_cast<std::size_t>(std::min(st.st_size, kTailBytes)), '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), std::max<off_t>(0, st.st_size - kTailBytes));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return "    (empty)\n";

  std::vector<std::string_view> lines;
  for (std::string_view left = text; lines.size() < kTailLines;) {
    const auto newline = left.rfind('\n');
    lines.push_back(newline == std::string_view::npos ? left : left.substr(newline + 1));
    if (newline == std::string_view::npos) break;
    left = left.substr(0, newline);
  }
  std::string tail;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    tail += "    | " + bounded(*line, kLongestLine) + "\n";
  }
  return tail;
}

std::string describe_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

}  // namespace faultline::lab
