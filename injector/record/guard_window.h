// A guard's arithmetic. The window slides over the requests of one probe by the instants at which their outcome became
// known (due + late + latency), and the condition is looked at each time one does: so a guard acts at an instant that
// the journal's samples alone determine, whenever the run's loop got to see them. decisions/0012-guards.md says why so.
// One about an event slides over its sightings, and has no beginning unless it is given one.
// One about connections slides over the spans of 100 ms in which they are counted, and over those in which nothing was.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/probe/probe.h"
#include "injector/record/tally.h"
#include "injector/record/values.h"

namespace faultline::record {

namespace events {
struct Seen;
struct Telemetry;
struct Uncounted;
}  // namespace events

/// What a guard saw when its condition came true. The quantiles are of all requests, absent where they are "never".
struct GuardTrip {
  Ns when = 0;                     ///< since T0
  std::uint64_t sent = 0, ok = 0;  ///< of a guard about connections: attempts to open one
  std::optional<Ns> p50 = {}, p90 = {}, p99 = {}, max = {};
  std::string observed = {};  ///< "success 3.2% (4 of 125), p99 2.10 s": of the quantities that the guard asks for

  struct Figure {
    const char* name;
    std::optional<Ns> GuardTrip::*value;
  };
  static const std::array<Figure, 4> kFigures;
};

class GuardWindow {
 public:
  /// Requests count that are due in [start, end). The window must lie after `start` as a whole before the guard acts.
  GuardWindow(const plan::Guard& guard, Ns start, Ns end);

  /// A request of the guard's probe. Tells whether the condition is true of the window that ends with it. A failed
  /// request is infinitely slow; a bound on those that succeeded, or failed, is never true where none did.
  std::optional<GuardTrip> add(const probe::Sample& sample);
  /// A span of the guard's target; later than those before it.
  std::optional<GuardTrip> add(const events::Telemetry& counted);
  /// All spans that end by `until` have been told: what is not among them did not happen. The condition may be true of
  /// a window in which nothing did, but not before anything was seen of its target at all.
  std::optional<GuardTrip> counted_until(Ns until);
  /// Of the guard's target: not all of it was counted. What is too little in a window that this is in does not make
  /// the condition true; what is too much is so with what is missing, too.
  void add(const events::Uncounted& missing);
  /// A sighting of the guard's event. Values of answers come as their requests end, not always in order.
  std::optional<GuardTrip> add(const events::Seen& seen);
  /// How near it is: what the condition looks at comes to, in the window that ends with the last request or span.
  /// Empty: there was none.
  std::string standing() const;

 private:
  struct Known {
    Ns at;
    Ns latency;
    bool ok;
    std::string error;  ///< kept where the guard asks for errors
    std::optional<double> value = {};
    Tally::Request request() const { return {ok, latency, error}; }
  };
  struct Span {
    Ns at;  ///< its end
    ConnectionSpan counted;
  };
  /// Whether what is missing may be what makes the condition true.
  bool is_incomplete(Ns now) const;
  std::optional<GuardTrip> look_at_connections(Ns now);
  GuardTrip figures(Ns now) const;
  GuardTrip figures_of_connections(Ns now) const;

  struct Sighting {
    Ns at;
    std::uint64_t count;
  };

  plan::Guard guard_;
  Tally tally_;
  ValueTally values_;
  Ns start_, end_, window_;
  std::deque<Known> known_;                   ///< in order of `at`
  std::deque<Span> spans_;                    ///< the same
  std::deque<Sighting> sightings_;            ///< the same
  std::uint64_t sighted_ = 0;                 ///< the sum of these
  bool seen_ = false;                         ///< anything of the target's connections, whenever
  plan::Conditions too_little_;               ///< of the guard: what more of it would make untrue
  std::vector<std::pair<Ns, Ns>> uncounted_;  ///< when some of that was missing
};

}  // namespace faultline::record
