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

/// A machine is busy where a thread waits for a CPU for so much of the time. Of a lab with a thousand threads it was 2
/// to 5 % with a share of two CPUs of its own, and 19 to 49 % where it shared them with builds (decision 60).
inline constexpr double kBusy = 0.1;

/// Who waited for a CPU: what a run has started, or Faultline, where it has started nothing.
struct Waiting {
  bool programs = true;
  Ns looked = 0;     ///< for how long in all
  Ns busy = 0;       ///< of that, in which some thread waited kBusy of the time or more
  double worst = 0;  ///< the share of the time that one thread waited, at the worst

  /// It was busy for so long that it may be what broke something: a quarter of the time.
  bool matters() const { return busy >= kSecond / 2 && 4 * busy >= looked; }
  /// "in 12 s of 40 s a program of this run waited for a CPU a tenth of the time or more, 49 % at the worst".
  std::string text() const;
};

/// The share of the time that the one of `waits` waited that waited longest.
double share_waited(const CpuWaits& waits, Ns length);

/// In [from, to), by the seconds of which some is in it. Nothing where it was not recorded.
std::optional<Waiting> waiting_in(const Recording& recording, Ns from, Ns to);

/// What people are warned of where a hypothesis broke that should have held, and this machine was busy for a quarter of
/// that time or more; nothing otherwise.
std::optional<std::string> busy_warning(const Recording& recording, const std::vector<Judgement>& judgements);

}  // namespace faultline::record
