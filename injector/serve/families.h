// Families of metrics as prometheus-cpp has them, filled by hand.
#pragma once

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "injector/base/units.h"
#include "injector/base/visible_text.h"

namespace faultline::serve {

inline prometheus::MetricFamily family(const char* name, const char* help, prometheus::MetricType type) {
  return {name, help, type, {}};
}

inline prometheus::ClientMetric& add(prometheus::MetricFamily& to,
                                     std::vector<prometheus::ClientMetric::Label> labels) {
  prometheus::ClientMetric& metric = to.metric.emplace_back();
  for (auto& label : labels) label.value = visible(label.value);  // Prometheus takes UTF-8 alone
  metric.label = std::move(labels);
  return metric;
}

/// Upper bounds of times, in seconds; there is one bucket more, for what is beyond all.
inline constexpr std::array<double, 13> kTimeBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                    0.25,  0.5,    1,     2.5,  5,     10};
using TimeBuckets = std::array<std::uint64_t, kTimeBounds.size() + 1>;

inline std::size_t time_bucket(Ns time) {
  const double seconds = static_cast<double>(time) / kSecond;
  return static_cast<std::size_t>(std::lower_bound(kTimeBounds.begin(), kTimeBounds.end(), seconds) -
                                  kTimeBounds.begin());
}

inline void fill(prometheus::ClientMetric& metric, const TimeBuckets& buckets, double sum_in_seconds) {
  auto& histogram = metric.histogram;
  for (std::size_t b = 0; b < buckets.size(); b++) {
    histogram.sample_count += buckets[b];
    histogram.bucket.push_back(
        {histogram.sample_count, b < kTimeBounds.size() ? kTimeBounds[b] : std::numeric_limits<double>::infinity()});
  }
  histogram.sample_sum = sum_in_seconds;
}

}  // namespace faultline::serve
