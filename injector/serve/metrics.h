// What a run has seen so far, for Prometheus. Requests are counted by their probes' threads without a lock, so that a
// scrape holds none of them up.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/base/units.h"
#include "injector/plan/plan.h"
#include "injector/probe/errors.h"
#include "injector/probe/probe.h"

namespace prometheus {
struct MetricFamily;
}

namespace faultline::serve {

class Metrics {
 public:
  /// `plain_errors`: of errors with a word of the service's choosing in them, that word is left out. The plan must
  /// outlive this.
  Metrics(const plan::Plan& plan, bool plain_errors);

  /// Thread-safe, and quick.
  void sample(const probe::Sample& sample);
  /// T0 (CLOCK_MONOTONIC). Thread-safe.
  void begin(Ns epoch) { epoch_ = epoch; }
  void healed() { healed_ = true; }

  /// Any thread.
  std::vector<prometheus::MetricFamily> families() const;
  /// The same in Prometheus's text format.
  std::string text() const;

 private:
  static constexpr std::array<double, 13> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                  0.25,  0.5,    1,     2.5,  5,     10};
  struct Error {
    std::string name;
    std::atomic<std::uint64_t> count = 0;
  };
  struct OfProbe {
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> answers{};  ///< by latency; the last is beyond all
    std::atomic<std::uint64_t> latency_ns = 0;
    std::array<Error, probe::ErrorNames::kMost + 1> errors;  ///< the first `known` have a name
    std::atomic<std::size_t> known = 0;
    Mutex naming;  ///< of one that gives another its name
  };
  std::atomic<std::uint64_t>& error(OfProbe& probe, const std::string& name) const;

  const plan::Plan& plan_;
  const bool plain_errors_;
  std::deque<OfProbe> probes_;
  std::atomic<Ns> epoch_ = 0;
  std::atomic<bool> healed_ = false;
};

/// An error without what a service said: "status 503" stays, "redis WRONGPASS" is "redis".
std::string plain_error(const std::string& error);

}  // namespace faultline::serve
