// Measured values and their quantiles, by the rule of injector/base/quantile.h. The latencies of requests are more than
// a set of values: one that failed never came back, however quickly it failed, so it lies above every value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/plan/plan.h"

namespace faultline::record {

/// Values of nanoseconds, with how often each occurred (histograms give many at once).
class Distribution {
 public:
  void add(Ns value, std::uint64_t count = 1);
  std::uint64_t count() const { return count_; }
  /// 0 when there are no values; 1000 is the largest.
  Ns quantile(unsigned per_mille) const;
  Ns max() const { return quantile(1000); }
  /// The value with this rank, the smallest being 1; 0 when there is none.
  Ns at_rank(std::uint64_t rank) const;
  /// How many values lie above `limit`.
  std::uint64_t above(Ns limit) const;

 private:
  void sort() const;
  mutable std::vector<std::pair<Ns, std::uint64_t>> values_;
  mutable bool sorted_ = true;
  std::uint64_t count_ = 0;
};

/// The latencies of requests, of those that succeeded and of those that did not.
struct Latencies {
  Distribution ok;         ///< of those that succeeded
  Distribution failed;     ///< how long the others took to fail, as far as it is recorded
  std::uint64_t lost = 0;  ///< how many failed

  std::uint64_t count() const { return ok.count() + lost; }
  /// Of all requests, a failed one being infinitely slow. Nothing: so slow, "never", or there was no request.
  std::optional<Ns> quantile(unsigned per_mille) const;
  double failed_share() const;
};

/// The quantiles that are shown and may be asked for.
struct NamedQuantile {
  const char* name;
  unsigned per_mille;
};
inline constexpr NamedQuantile kQuantiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

/// "412 ms", "never".
std::string quantile_text(std::optional<Ns> value);
/// The same of a quantile of all requests, with the share that makes it so: "never (12.0% failed)".
std::string quantile_text(const Latencies& latencies, unsigned per_mille);
/// What a quantile was, by its name: "p99 412 ms", "p99 never (12.0% failed)", "ok.p99: no request succeeded".
std::string figure_text(const plan::Conditions::Key& key, const Latencies& latencies);

}  // namespace faultline::record
