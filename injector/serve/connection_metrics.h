// What was counted of targets' connections so far, for Prometheus.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/plan/plan.h"
#include "injector/record/schema.h"
#include "injector/serve/families.h"

namespace faultline::serve {

class ConnectionMetrics {
 public:
  /// Of the targets whose connections the plan counts: each has its figures from the beginning.
  explicit ConnectionMetrics(const plan::Plan& plan);

  /// A span of time. Thread-safe.
  void add(const record::events::Telemetry& span);
  /// Appends their families; nothing where nothing is counted. Any thread.
  void append_to(std::vector<prometheus::MetricFamily>& families) const;

 private:
  struct Times {
    TimeBuckets buckets{};
    double sum = 0;  ///< seconds
    void add(const record::Histogram& times);
  };
  struct OfTarget {
    record::ConnectionCounts counts;
    Times rtt, turns;
  };
  mutable Mutex mutex_;
  std::map<std::string, OfTarget> targets_ FAULTLINE_GUARDED_BY(mutex_);
  const bool turns_;
};

}  // namespace faultline::serve
