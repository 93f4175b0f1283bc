// How busy this machine was, as an observer: how long Faultline's threads and the programs that it has started waited
// for a CPU, about once a second, and the kernel's pressure stall information (Documentation/accounting/psi.rst).
// Whoever reads that a hypothesis broke wants to know whether the machine broke it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/observe/observer.h"
#include "injector/record/contention_fields.h"

namespace faultline::observe {

/// "some avg10=0.00 … total=123": the µs since the start, as ns. Nothing: not such a text.
std::optional<Ns> stalled(const std::string& pressure);

class Contention : public Observer {
 public:
  ~Contention() override { take_apart(); }
  void prepare(const Scene& scene) override;
  void begin(Ns epoch) override;
  std::optional<Stop> tick(Ns now) override;
  void end() override;
  void take_apart() noexcept override;

 private:
  void watch(const std::stop_token& stop) FAULTLINE_EXCLUDES(mutex_);
  void keep(const record::events::Contention& one) FAULTLINE_EXCLUDES(mutex_);
  void tell() FAULTLINE_EXCLUDES(mutex_);

  record::Journal* journal_ = nullptr;
  const RunClock* clock_ = nullptr;
  Mutex mutex_;
  // Read and not told yet; `from` and `length` are of CLOCK_MONOTONIC.
  std::vector<record::events::Contention> read_ FAULTLINE_GUARDED_BY(mutex_);
  std::mutex resting_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // a reading takes some µs for each thread of the lab's: milliseconds, where there are many
};

}  // namespace faultline::observe
