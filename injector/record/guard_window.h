// A guard's arithmetic. The window slides over the requests of one probe by the instants at which their outcome became
// known (due + late + latency), and the condition is looked at each time one does: so a guard acts at an instant that
// the journal's samples alone determine, whenever the run's loop got to see them. decisions/0012-guards.md says why so.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "injector/plan/plan.h"
#include "injector/probe/probe.h"

namespace faultline::record {

/// What a guard saw when its condition came true. Latencies are of the requests that succeeded; 0 when none did.
struct GuardTrip {
  Ns when = 0;  ///< since T0
  std::uint64_t sent = 0, ok = 0;
  Ns p50 = 0, p90 = 0, p99 = 0, max = 0;
  double success() const { return sent == 0 ? 0 : static_cast<double>(ok) / static_cast<double>(sent); }
};

/// "success 3.2% (4 of 125), p99 2.10 s": what was seen of the quantities that the guard asks for.
std::string observed_text(const plan::Guard& guard, const GuardTrip& trip);

class GuardWindow {
 public:
  /// Requests count that are due in [start, end). The window must lie after `start` as a whole before the guard acts.
  GuardWindow(const plan::Guard& guard, Ns start, Ns end);

  /// A request of the guard's probe. Tells whether the condition is true of the window that ends with it. Latency
  /// bounds of a window without any success: nothing was that quick, so `>` and `>=` hold, `<` and `<=` do not.
  std::optional<GuardTrip> add(const probe::Sample& sample);

 private:
  struct Known {
    Ns at;
    Ns latency;
    bool ok;
  };
  /// How many latencies in the window lie beyond a bound: what decides it, kept up as requests come and go.
  struct Quantile {
    plan::Bound bound;
    unsigned per_mille;
    std::uint64_t beyond = 0;
    bool is_beyond(Ns latency) const;
    bool holds(std::uint64_t ok) const;
  };
  void count(const Known& known, int sign);
  GuardTrip figures(Ns now) const;

  std::optional<plan::Bound> success_;
  std::vector<Quantile> quantiles_;
  Ns start_, end_, window_;
  std::deque<Known> known_;  ///< in order of `at`
  std::uint64_t sent_ = 0, ok_ = 0;
};

}  // namespace faultline::record
