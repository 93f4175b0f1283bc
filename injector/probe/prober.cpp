#include <sched.h>
#include <sys/prctl.h>

#include <atomic>
#include <future>
#include <map>
#include <optional>
#include <thread>

#include "injector/base/descriptors.h"
#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "injector/base/thread_safety.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"
#include "injector/probe/probe.h"
#include "injector/probe/schedule.h"

namespace faultline::probe {
namespace {

// A thread that comes late sends what is overdue in bursts of this size, and looks after the answers in between.
constexpr int kBurst = 32;
// A request of a load that is later than this is not sent. The time is worth more to those that can still be in time:
// sending all of them late would end in no answer counting at all.
constexpr Ns kMostLate = 100 * kMillisecond;

}  // namespace

struct Prober::Impl {
  Impl(const Probe& p, std::size_t i, From f, nursery::Nursery* n, Sink s)
      : probe(p), index(i), from(std::move(f)), nursery(n), sink(std::move(s)) {}

  struct Flight {
    Ns from;  ///< what its latency and its timeout count from: when it was sent; of a load, when it was due
    Ns late;
    std::optional<double> value = {};
  };

  // ---- the probe's thread ----

  void thread_main(std::promise<void> prepared) {
    std::unique_ptr<Asker> asker;
    try {
      check("set the timer slack", prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL));
      check("name a thread", prctl(PR_SET_NAME, "probe", 0UL, 0UL, 0UL));
      // The thread never comes back, so it needs no Inside.
      if (from.net) check("enter the probe's network namespace", setns(from.net->fd(), CLONE_NEWNET));
      asker = probe.kind->make({probe, from, nursery, loop,
                                Verdict([this](std::uint64_t n, Ns at, std::string error, Verdict::HeardPtr said) {
                                  land(n, at, std::move(error), std::move(said));
                                }),
                                [this](std::uint64_t n, double value) { note_value(n, value); }});
      from.net = nullptr;  // from here on it may be gone
      prepared.set_value();
    } catch (...) {
      prepared.set_exception(std::current_exception());
      return;
    }
    try {
      realtime::Urgent urgent(realtime::Rank::helper);  // by now: what it takes to prepare is in no hurry
      fly(*asker, urgent);
      asker.reset();
    } catch (const std::exception& e) {
      fail(e.what());
    } catch (...) {
      fail("an exception of an unknown kind");
    }
  }

  void fail(const std::string& what) {
    const MutexLock lock(mutex);
    if (failure.empty()) failure = "probe \"" + probe.name + "\": " + what;
  }

  void fly(Asker& asker, realtime::Urgent& urgent) {
    while (!started && !stopping()) {
      loop.collect(kNever);
      loop.dispatch();
    }
    if (!started) return;
    for (;;) {
      const Ns finish = finish_at;
      const std::uint64_t count = (finish == kNever ? schedule : schedule.until(finish - moved)).count();
      if (aborted || (next >= count && flights.empty())) return;
      Ns wake = asker.wake_at();
      if (next < count && instant(next) < held_from) wake = std::min(wake, instant(next));
      if (!flights.empty()) wake = std::min(wake, flights.begin()->second.from + probe.timeout);
      loop.collect(wake);
      if (aborted) return;
      urgent.look();
      // What is due goes first, so that working on answers never makes it late. Expiry is last: an answer that arrived
      // in time counts, even if we are late to read it.
      launch(asker, count);
      loop.dispatch();
      if (asker.wake_at() <= monotonic_now()) asker.wake();
      expire(asker);
    }
  }

  void launch(Asker& asker, std::uint64_t count) {
    for (int i = 0; i < kBurst && next < count; ++i) {
      const Ns now = monotonic_now();
      const Ns late = now - instant(next);
      if (late < 0 || instant(next) >= held_from) return;
      const std::uint64_t n = next++;
      const Ns from = probe.is_load() ? now - late : now;
      flights.emplace(n, Flight{from, late, {}});
      if (flights.size() > (probe.is_load() ? kMostInFlightOfLoad : kMostInFlight)) {
        land(n, now, "overload");
      } else if (probe.is_load() && late > std::min(probe.timeout, kMostLate)) {
        land(n, now, "unsent");
      } else {
        asker.ask(n, from + probe.timeout);
      }
    }
  }

  void note_value(std::uint64_t n, double value) {
    if (const auto it = flights.find(n); it != flights.end()) it->second.value = value;
  }

  void land(std::uint64_t n, Ns at, std::string error, Verdict::HeardPtr said = {}) {
    const auto it = flights.find(n);
    if (it == flights.end()) return;
    const auto [from, late, value] = it->second;
    flights.erase(it);
    const Ns latency = std::max<Ns>(at - from, 0);
    if (error.empty() && latency > probe.timeout) error = "timeout";
    Sample sample;
    sample.probe = index;
    sample.due = schedule.due(n);
    sample.late = late;
    sample.latency = latency;
    sample.ok = error.empty();
    sample.from_due = probe.is_load();
    if (sample.ok) {
      sample.value = value;
    } else {
      sample.error = error_names.named(error);
      sample.said = std::move(said);
    }
    sink(std::move(sample));
  }

  void expire(Asker& asker) {
    while (!flights.empty()) {
      const auto [n, flight] = *flights.begin();
      const Ns now = monotonic_now();
      if (now - flight.from < probe.timeout) return;
      auto said = asker.heard(n);
      asker.forget(n);
      land(n, now, "timeout", std::move(said));
    }
  }

  ErrorNames error_names;  // of the probe's thread

  Ns instant(std::uint64_t n) const { return schedule.instant(n) + moved; }
  bool stopping() const { return aborted || finish_at != kNever; }

  // ---- the caller's threads ----

  void end() {
    loop.ring();
    const MutexLock lock(joining);
    if (thread.joinable()) thread.join();
  }

  const Probe probe;
  const std::size_t index;
  From from;
  nursery::Nursery* const nursery;
  const Sink sink;
  EventLoop loop;
  Schedule schedule;                        // written before `started`
  std::map<std::uint64_t, Flight> flights;  // in the order of their deadlines
  std::uint64_t next = 0;                   // the request that is due next
  std::atomic<bool> started = false, aborted = false;
  std::atomic<Ns> finish_at = kNever;
  std::atomic<Ns> held_from = kNever, moved = 0;
  mutable Mutex mutex;
  std::string failure FAULTLINE_GUARDED_BY(mutex);
  Mutex joining;
  std::thread thread FAULTLINE_GUARDED_BY(joining);
};

Prober::Prober(const Probe& probe, std::size_t index, From from, nursery::Nursery* nursery, Sink sink)
    : impl_(std::make_unique<Impl>(probe, index, std::move(from), nursery, std::move(sink))) {
  raise_descriptor_limit();
  std::promise<void> promise;
  auto prepared = promise.get_future();
  impl_->thread = std::thread(&Impl::thread_main, impl_.get(), std::move(promise));
  try {
    prepared.get();
  } catch (...) {
    impl_->thread.join();
    throw;
  }
}

Prober::~Prober() { abort(); }

void Prober::start(Ns epoch, Ns duration) {
  const Probe& probe = impl_->probe;
  impl_->schedule = {epoch, probe.every, probe.end(duration), probe.start,
                     probe.is_load() ? std::make_shared<const Pace>(probe.rate) : nullptr};
  impl_->started = true;
  impl_->loop.ring();
}

void Prober::hold(Ns instant) {
  impl_->held_from = instant;
  impl_->loop.ring();
}

void Prober::go_on(Ns epoch) {
  impl_->moved = epoch - impl_->schedule.epoch;  // first: what was held is due later, and then held no more
  impl_->held_from = kNever;
  impl_->loop.ring();
}

void Prober::finish() {
  Ns expected = kNever;
  impl_->finish_at.compare_exchange_strong(expected, monotonic_now());
  impl_->held_from = kNever;  // or it would wait for what is held
  impl_->end();
}

void Prober::abort() {
  impl_->aborted = true;
  impl_->end();
}

std::string Prober::failure() const {
  const MutexLock lock(impl_->mutex);
  return impl_->failure;
}

}  // namespace faultline::probe
