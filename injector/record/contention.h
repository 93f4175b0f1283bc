// Whether this machine was too busy for what a run says of the programs that it started.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "injector/base/units.h"
#include "injector/record/contention_fields.h"

namespace faultline::record {

struct Recording;
struct Judgement;

/// A thread that waits so long for a CPU each time, on average, makes a service slow: a request of a few hops takes as
/// many times that. On a machine with time to spare it is some 20 to 50 µs; beside three busy processes a CPU, 1 ms.
inline constexpr Ns kBusy = 2 * kMillisecond;

/// Of whom a busy machine is told.
struct Waiting {
  const char* who;  ///< "programs of this run", or "Faultline", where it has started none
  CpuWaits waits;

  bool busy() const { return waits.mean() >= kBusy; }
  /// "programs of this run waited 7.2 ms for a CPU each time they wanted one".
  std::string text() const;
};

/// In [from, to), or the seconds that are partly in it. Nothing where nobody wanted a CPU, or it was not recorded.
std::optional<Waiting> waiting_in(const Recording& recording, Ns from, Ns to);

/// What people are warned of where hypotheses broke while this machine was busy; nothing otherwise.
std::optional<std::string> busy_warning(const Recording& recording, const std::vector<Judgement>& judgements);

}  // namespace faultline::record
