// Threads that must run when they are due, also on a machine that is busy: the line, the probes, and what wakes them.
// They ask the kernel for its real-time class (SCHED_FIFO), which goes before every ordinary thread, whatever session
// that belongs to. Nothing that they start inherits it. Each has a budget (cpu_budget.h), since what it takes is taken
// from the services that are tested; behind it stands a limit of the kernel's (RLIMIT_RTTIME) for a thread that forgets
// to look. Where the class is not granted (CAP_SYS_NICE, RLIMIT_RTPRIO) threads keep the class that they have.
#pragma once

#include <sched.h>

#include <cstdint>
#include <optional>

#include "injector/base/clock.h"
#include "injector/base/cpu_budget.h"

namespace faultline::realtime {

enum class Rank {
  helper = 1,  ///< its priority: probes, and what they wait for
  line = 2,    ///< goes before them, since it is what they measure
};

/// How a thread is scheduled where it is not urgent.
struct Ordinary {
  std::optional<int> nice;  ///< absent: what it has
  Ns slice = 0;             ///< since Linux 6.12; 0: the kernel's
};

/// What there is to tell of all threads of a rank since the program began.
struct Tally {
  std::uint64_t threads = 0;    ///< that were granted the class
  std::uint64_t refused = 0;    ///< that were not
  int error = 0;                ///< why not, an errno
  std::uint64_t fell_back = 0;  ///< how often one had used its budget up, and was ordinary for a while
  std::uint64_t stopped = 0;    ///< of these, by the kernel's limit
  Ns ordinary = 0;              ///< how long they were, in all
};
Tally tally(Rank rank);

/// The calling thread, urgent while this lives. Belongs to that thread alone.
class Urgent {
 public:
  explicit Urgent(Rank rank, Ordinary ordinary = {});
  ~Urgent();
  Urgent(const Urgent&) = delete;
  Urgent& operator=(const Urgent&) = delete;

  /// Looks after the budget, at most every so often. To be called in every round of what the thread does.
  void look(Ns now);
  void look() { look(monotonic_now()); }
  /// The same with what the thread has used by now, for one that counts by itself. It begins by saying so.
  void begin(Ns now, Ns cpu) {
    if (granted_) budget_.begin(now, cpu);
  }
  void look(Ns now, Ns cpu);
  bool granted() const { return granted_; }
  bool now() const { return granted_ && budget_.urgent(); }  ///< or ordinary, for a while
  int error() const { return error_; }                       ///< why the class was not granted: an errno
  int ordinary_error() const { return ordinary_error_; }     ///< why the other settings were not
  /// The kernel made this thread ordinary. In a signal handler.
  void stop_now();

 private:
  int become_urgent();
  int become_ordinary();

  const Rank rank_;
  const Ordinary ordinary_;
  int nice_ = 0;
  bool granted_ = false;
  int error_ = 0, ordinary_error_ = 0;
  volatile bool stopped_ = false;
  Ns looked_ = 0;
  CpuBudget budget_;
};

inline Ns cpu_of_this_thread() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

/// In a child that is about to execute something else: the limit as it was.
void restore_limit();

/// Whether a thread may be urgent here: 0, or an errno. Tries it on a thread of its own.
int try_it();

}  // namespace faultline::realtime
