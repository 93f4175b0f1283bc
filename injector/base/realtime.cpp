#include "injector/base/realtime.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

namespace faultline::realtime {
namespace {

constexpr Ns kLookEvery = 500 * kMicrosecond;  // the thread's own clock is a system call
// Running this long without a pause, by the kernel's ticks, is a thread that does not look.
constexpr rlim_t kLimitUs = 50'000;
constexpr double kHelpersShareOfMachine = 0.25;

constexpr std::uint64_t kResetOnFork = 0x01;  // SCHED_FLAG_RESET_ON_FORK

// struct sched_attr of the kernel; the C library of Debian 12 does not have it.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = kResetOnFork;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of SCHED_OTHER: the slice, since Linux 6.12; ignored before
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

/// 0 or an errno. Of the calling thread; allowed in a signal handler.
int schedule(const SchedulingAttributes& attributes) {
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

struct Counts {
  std::atomic<std::uint64_t> threads = 0, refused = 0, fell_back = 0, stopped = 0;
  std::atomic<int> error = 0;
  std::atomic<Ns> ordinary = 0;
};
Counts& counts(Rank rank) {
  static Counts all[2];
  return all[rank == Rank::line ? 0 : 1];
}

CommonPurse& helpers() {
  static CommonPurse purse = [] {
    cpu_set_t cpus;
    const int count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    const double share = kHelpersShareOfMachine * std::max(count, 1);
    return CommonPurse(share, static_cast<Ns>(share * 20 * kMillisecond));
  }();
  return purse;
}

thread_local Urgent* urgent_here = nullptr;

rlim_t soft_limit(const rlimit& limit) {
  return limit.rlim_max == RLIM_INFINITY ? kLimitUs : std::min(kLimitUs, limit.rlim_max / 2);
}

/// The same signal says that a limit of CPU time is used up (ulimit -t). That is not ours to overlook.
bool is_of_cpu_time() {
  rlimit cpu{};
  return getrlimit(RLIMIT_CPU, &cpu) == 0 && cpu.rlim_cur != RLIM_INFINITY &&
         read_clock(CLOCK_PROCESS_CPUTIME_ID) / kSecond + 1 >= static_cast<Ns>(cpu.rlim_cur);
}

/// The kernel's limit has struck; it has raised the soft limit by a second meanwhile.
void on_limit(int signal) {
  const int before = errno;
  if (is_of_cpu_time()) {
    ::signal(signal, SIG_DFL);
    raise(signal);
  } else if (urgent_here != nullptr && (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) != SCHED_OTHER) {
    urgent_here->stop_now();
    rlimit limit{};
    if (getrlimit(RLIMIT_RTTIME, &limit) == 0) {
      limit.rlim_cur = soft_limit(limit);
      setrlimit(RLIMIT_RTTIME, &limit);
    }
  }
  errno = before;
}

std::atomic<bool> limited = false;
rlim_t limit_before = RLIM_INFINITY;  // of what `limited` guards

/// Only the soft limit: the hard one would kill.
void set_limit() {
  struct sigaction had {};
  if (sigaction(SIGXCPU, nullptr, &had) != 0 || had.sa_handler == on_limit) return;
  struct sigaction action {};
  action.sa_handler = on_limit;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  rlimit limit{};
  if (sigaction(SIGXCPU, &action, nullptr) != 0 || getrlimit(RLIMIT_RTTIME, &limit) != 0) return;
  if (!limited.exchange(true)) limit_before = limit.rlim_cur;
  limit.rlim_cur = std::min(limit.rlim_cur, soft_limit(limit));
  setrlimit(RLIMIT_RTTIME, &limit);
}

}  // namespace

Tally tally(Rank rank) {
  const Counts& c = counts(rank);
  Tally t;
  t.threads = c.threads;
  t.refused = c.refused;
  t.error = c.error;
  t.fell_back = c.fell_back;
  t.stopped = c.stopped;
  t.ordinary = c.ordinary;
  return t;
}

Urgent::Urgent(Rank rank, Ordinary ordinary)
    : rank_(rank), ordinary_(ordinary), budget_({}, rank == Rank::helper ? &helpers() : nullptr) {
  errno = 0;
  const int nice = getpriority(PRIO_PROCESS, 0);
  nice_ = ordinary_.nice.value_or(errno == 0 ? nice : 0);
  set_limit();
  urgent_here = this;
  sigset_t limit;
  sigemptyset(&limit);
  sigaddset(&limit, SIGXCPU);
  pthread_sigmask(SIG_UNBLOCK, &limit, nullptr);
  // First as it will be whenever it is not urgent: that, too, may be refused, and is worth having by itself.
  if (ordinary_.nice || ordinary_.slice != 0) ordinary_error_ = become_ordinary();
  error_ = become_urgent();
  granted_ = error_ == 0;
  Counts& c = counts(rank_);
  (granted_ ? c.threads : c.refused)++;
  if (!granted_) c.error = error_;
  const Ns now = monotonic_now();
  looked_ = now;
  if (granted_) budget_.begin(now, cpu_of_this_thread());
}

Urgent::~Urgent() {
  if (granted_) become_ordinary();
  urgent_here = nullptr;
  if (granted_ && !budget_.urgent()) counts(rank_).ordinary += monotonic_now() - budget_.fell_at();
}

int Urgent::become_urgent() {
  SchedulingAttributes attributes;
  attributes.policy = SCHED_FIFO;
  attributes.priority = static_cast<std::uint32_t>(rank_);
  int error = schedule(attributes);
  if (error == EPERM && attributes.priority > 1) {  // RLIMIT_RTPRIO may allow the lowest alone
    attributes.priority = 1;
    error = schedule(attributes);
  }
  return error;
}

int Urgent::become_ordinary() {
  SchedulingAttributes attributes;
  attributes.nice = nice_;
  attributes.runtime = static_cast<std::uint64_t>(ordinary_.slice);
  const int error = schedule(attributes);
  if (error == 0) return 0;
  attributes.nice = std::max(nice_, 0);
  schedule(attributes);
  return error;
}

void Urgent::stop_now() {
  become_ordinary();
  stopped_ = true;
}

void Urgent::look(Ns now) {
  if (!granted_ || (now - looked_ < kLookEvery && !stopped_)) return;
  look(now, cpu_of_this_thread());
}

void Urgent::look(Ns now, Ns cpu) {
  if (!granted_) return;
  looked_ = now;
  Counts& c = counts(rank_);
  if (stopped_) {
    stopped_ = false;
    budget_.fall(now, cpu);
    c.stopped++;
    c.fell_back++;
    return;
  }
  const bool before = budget_.urgent();
  const Ns ordinary = budget_.ordinary();
  const bool after = budget_.look(now, cpu);
  if (before == after) return;
  if (after) {
    c.ordinary += budget_.ordinary() - ordinary;
    if (become_urgent() != 0) {  // taken from us meanwhile
      budget_.fall(now, cpu);
      return;
    }
    // The kernel counts towards its limit from the last sleep on, however often the class changed in between. A shorter
    // one would be over before it began.
    const timespec moment{0, 20 * kMicrosecond};
    nanosleep(&moment, nullptr);
  } else {
    c.fell_back++;
    become_ordinary();
  }
}

void restore_limit() {
  rlimit limit{};
  if (!limited || getrlimit(RLIMIT_RTTIME, &limit) != 0) return;
  limit.rlim_cur = limit_before;
  setrlimit(RLIMIT_RTTIME, &limit);
}

int try_it() {
  int error = 0;
  std::thread([&error] { error = Urgent(Rank::line).error(); }).join();
  return error;
}

}  // namespace faultline::realtime
