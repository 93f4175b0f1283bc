// What a run has seen so far, for Prometheus. Answers are counted by their probes' threads without a lock, so that a
// scrape holds none of them up; errors, whose names are not known before, under one that is held for as long as it
// takes to count or to copy a few names.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/base/units.h"
#include "injector/plan/plan.h"
#include "injector/probe/probe.h"
#include "injector/serve/connection_metrics.h"
#include "injector/serve/plain_errors.h"

namespace faultline::serve {

class Metrics {
 public:
  /// `plain_errors`: of errors with a word of the service's choosing in them that the plan does not have, that word is
  /// left out. The plan must outlive this.
  Metrics(const plan::Plan& plan, bool plain_errors);

  /// Thread-safe, and quick. There are as few errors as the prober tells apart (probe::ErrorNames).
  void sample(const probe::Sample& sample);
  /// What was counted of a target's connections. Thread-safe.
  void counted(const record::events::Telemetry& span) { connections_.add(span); }
  /// T0 (CLOCK_MONOTONIC). Thread-safe.
  void begin(Ns epoch) { epoch_ = epoch; }
  void healed() { healed_ = true; }

  /// Any thread.
  std::vector<prometheus::MetricFamily> families() const;
  /// The same in Prometheus's text format.
  std::string text() const;

 private:
  struct OfProbe {
    std::array<std::atomic<std::uint64_t>, std::tuple_size_v<TimeBuckets>> answers{};  ///< by latency
    std::atomic<std::uint64_t> latency_ns = 0;
    mutable Mutex mutex;
    std::map<std::string, std::uint64_t> failed FAULTLINE_GUARDED_BY(mutex);  ///< by the error's name

    std::map<std::string, std::uint64_t> failed_so_far() const FAULTLINE_EXCLUDES(mutex);
  };

  const plan::Plan& plan_;
  const bool plain_errors_;
  PlainErrors plain_;
  std::deque<OfProbe> probes_;
  ConnectionMetrics connections_;
  std::atomic<Ns> epoch_ = 0;
  std::atomic<bool> healed_ = false;
};

}  // namespace faultline::serve
