// Whatever asks a run to end before its time, as one thing that the run waits for: SIGINT, SIGTERM and SIGHUP
// (blocked for the whole process), `faultline stop` from another terminal, a guard. Each heals; the first is the reason
// that the record gives. SIGCONT is heard too: it tells that the process had been stopped, and not merely been short of
// a CPU.
#pragma once

#include <signal.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/base/thread_safety.h"
#include "injector/observe/stop.h"

namespace faultline::run {

using observe::Stop;

/// Those that ask us to end: SIGINT, SIGTERM and SIGHUP, but for a hang-up that is ignored, as under nohup: blocked, it
/// would be delivered all the same.
sigset_t ending_signals();

class Stops {
 public:
  /// Blocks the signals in the calling thread and in those it will start; ignores SIGPIPE.
  Stops();
  /// Asks the run to end. Thread-safe.
  void ask(Stop stop);
  /// What asks us to end, if anything does by now: each once, the first first. For one thread at a time.
  std::optional<Stop> take();
  /// The same, and waits `patience` for it.
  std::optional<Stop> await(Ns patience);
  /// While this thread is about something that takes long: calls `act` on the thread returned, once, when something
  /// asks us to end. What was taken is in taken(), to be looked at when that thread has ended: it may come too late for
  /// `act`.
  [[nodiscard]] std::jthread listen(std::function<void()> act);
  /// The first that was taken.
  const std::optional<Stop>& taken() const { return taken_; }
  /// Whether the process was continued after a stop a moment ago (2 s). Call take() first.
  bool was_continued() const { return continued_ != 0 && monotonic_now() - continued_ < 2 * kSecond; }

 private:
  std::optional<Stop> read_asked();
  std::optional<Stop> read_signal();

  Fd signals_, bell_;
  Mutex mutex_;
  std::optional<Stop> asked_ FAULTLINE_GUARDED_BY(mutex_);
  std::optional<Stop> taken_;
  Ns continued_ = 0;  // when SIGCONT was read
};

}  // namespace faultline::run
