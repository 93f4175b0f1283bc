// Requests of a fast probe, gathered: one histogram per probe and 100 ms of due time instead of a line per request. A
// cell is cut at the edges of the phases, so that a request never counts in a phase in which it was not due. Batches of
// one cell add up: a request that finishes after its cell went out simply makes another batch of that cell.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/probe/probe.h"
#include "injector/record/schema.h"

namespace faultline::record {

/// `value` with its leading bits kept and the middle of what is cut: with 7 at most 0.8 % off, and exact below 128.
Ns rounded(Ns value, int bits = 7);

struct SampleBatch {
  Ns from = 0, to = 0;  ///< since T0; to excluded
  Ns opened = 0;        ///< CLOCK_MONOTONIC of the first request in it
  Ns latency_max = 0;
  std::map<Ns, std::uint64_t> latency;                         ///< of the requests that succeeded, rounded
  std::map<Ns, std::uint64_t> late;                            ///< of all, rounded to 6 %
  std::map<std::string, std::uint64_t> failed;                 ///< by error
  std::map<std::string, std::map<Ns, std::uint64_t>> failing;  ///< how long they took to fail, rounded; by error

  void add(const probe::Sample& sample);
  /// A histogram of more values than these is rounded further. 40 minutes of them stay below 110 MB.
  static constexpr std::size_t kMostValues = 160;

  /// As the journal has it. The largest latency is exact.
  events::Samples event(const std::string& probe_name) const;
};

class SampleBatches {
 public:
  static constexpr Ns kCell = 100 * kMillisecond;

  void configure(std::vector<Ns> edges, std::vector<std::string> fast_probes);
  bool takes(const std::string& probe_name) const { return fast_.contains(probe_name); }
  void add(const std::string& probe_name, const probe::Sample& sample, Ns now);
  /// Removes and returns the batches opened before `opened_before`, in order of probe and time.
  std::vector<std::pair<std::string, SampleBatch>> take(Ns opened_before);
  bool empty() const { return open_.empty(); }

 private:
  std::vector<Ns> edges_;
  std::set<std::string> fast_;
  std::map<std::pair<std::string, Ns>, SampleBatch> open_;
};

}  // namespace faultline::record
