#include "injector/observe/contention/contention.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "injector/base/clock.h"
#include "injector/base/file_text.h"
#include "injector/base/realtime.h"
#include "injector/observe/contention/cpu_waits.h"
#include "injector/record/events.h"

namespace faultline::observe {
namespace {

constexpr Ns kEvery = kSecond;
constexpr Ns kShareOfACpu = 100;  // reading takes one part in so many of the time, at most

struct Pressure {
  std::optional<Ns> cpu, io, memory;

  static Pressure read() {
    const auto of = [](const char* what) { return stalled(file_text(std::string("/proc/pressure/") + what)); };
    return {of("cpu"), of("io"), of("memory")};
  }
};

/// A wait is told when it is over: what of it cannot have been in `now` was in the span before.
void carry_back(record::CpuWaits& before, Ns length_before, record::CpuWaits& now, Ns length) {
  const Ns excess = now.longest - length;
  if (excess <= 0) return;
  now.longest = length;
  before.longest = std::min(length_before, before.longest + excess);
}

std::optional<Ns> sum(const std::optional<Ns>& a, const std::optional<Ns>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

/// What came after `one`, made a part of it.
void join(record::events::Contention& one, const record::events::Contention& rest) {
  one.length += rest.length;
  one.own.add(rest.own);
  one.programs.add(rest.programs);
  one.cpu = sum(one.cpu, rest.cpu);
  one.io = sum(one.io, rest.io);
  one.memory = sum(one.memory, rest.memory);
}

std::optional<Ns> between(const std::optional<Ns>& before, const std::optional<Ns>& now) {
  return before && now ? std::optional(*now - *before) : std::nullopt;
}

}  // namespace

std::optional<Ns> stalled(const std::string& pressure) {
  const std::string head = pressure.substr(0, pressure.find('\n'));
  const auto total = head.find(" total=");
  Ns microseconds = 0;
  if (head.rfind("some ", 0) != 0 || total == std::string::npos ||
      !(std::istringstream(head.substr(total + 7)) >> microseconds))
    return {};
  return microseconds * kMicrosecond;
}

void Contention::prepare(const Scene& scene) {
  journal_ = &scene.journal;
  clock_ = &scene.clock;
}

void Contention::begin(Ns) {
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void Contention::watch(const std::stop_token& stop) {
  prctl(PR_SET_NAME, "contention", 0UL, 0UL, 0UL);
  Ns from = monotonic_now();
  CpuWaitsReader waits(getpid());
  Pressure pressure = Pressure::read();
  std::optional<record::events::Contention> last;
  // What a reading takes of a CPU: how long it takes grows with what it measures.
  for (Ns took = realtime::cpu_of_this_thread(), before = took; !stop.stop_requested();) {
    {
      std::unique_lock lock(resting_);
      wake_.wait_for(lock, stop, std::chrono::nanoseconds(std::max(kEvery, took * kShareOfACpu)), [] { return false; });
    }
    const Ns now = monotonic_now();  // once more at the end, for the rest
    record::events::Contention one;
    one.from = from;
    one.length = now - from;
    const auto since = waits.read();
    one.own = since.root;
    one.programs = since.descendants;
    const Pressure later = Pressure::read();
    one.cpu = between(pressure.cpu, later.cpu);
    one.io = between(pressure.io, later.io);
    one.memory = between(pressure.memory, later.memory);
    const Ns cpu = realtime::cpu_of_this_thread();
    took = cpu - before;
    before = cpu;
    from = now;
    pressure = later;
    if (last) {
      carry_back(last->own, last->length, one.own, one.length);
      carry_back(last->programs, last->length, one.programs, one.length);
    }
    // The rest at the end may be so short that any wait is a large share of it.
    if (last && one.length < kEvery / 2) {
      join(*last, one);
      continue;
    }
    if (last) keep(*last);
    last = one;
  }
  if (last) keep(*last);
}

void Contention::keep(const record::events::Contention& one) {
  const MutexLock lock(mutex_);
  read_.push_back(one);
}

/// To the run's clock a wait in front of a step has not been.
void Contention::tell() {
  std::vector<record::events::Contention> read;
  {
    const MutexLock lock(mutex_);
    read.swap(read_);
  }
  for (auto& one : read) {
    const Ns from = std::max<Ns>(clock_->since_t0(one.from), 0), until = clock_->since_t0(one.from + one.length);
    if (until <= from) continue;
    one.from = from;
    one.length = until - from;
    record::events::contention(*journal_, one);
  }
}

std::optional<Stop> Contention::tick(Ns) {
  tell();
  return {};
}

void Contention::end() {
  take_apart();
  tell();
}

void Contention::take_apart() noexcept {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace faultline::observe
