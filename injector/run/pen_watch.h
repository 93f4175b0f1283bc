// Looks after the pen while the run plays, as an observer: whether the line still runs, whether our programs are
// attached and first, whether devices have appeared.
#pragma once

#include <vector>

#include "injector/observe/observer.h"
#include "injector/pen/pen.h"

namespace faultline::run {

class PenWatch : public observe::Observer {
 public:
  void prepare(const observe::Scene& scene) override;
  void attached(pen::Pen& pen) override { pen_ = &pen; }
  std::optional<observe::Stop> tick(Ns now) override;
  void take_apart() noexcept override { pen_ = nullptr; }

  /// When the programs are to be looked at next, whatever the turn, if that is before `instant` (CLOCK_MONOTONIC).
  Ns next_edge(Ns instant) const;
  /// When the faults are off, and our programs still there: what the devices carried until then. That is a little more
  /// than went by while the faults were in force.
  void look_for_the_last_time() { inspect(pen::Pen::Look::last); }
  /// Writes down in which stretches of time the line stood still.
  void tell_lapses();

 private:
  void inspect(pen::Pen::Look look);

  const plan::Plan* plan_ = nullptr;
  record::Journal* journal_ = nullptr;
  const observe::RunClock* clock_ = nullptr;
  std::function<void(record::Remark)> tell_;
  std::function<void(const std::string&)> note_;
  pen::Pen* pen_ = nullptr;  // null: the run has no site
  Ns next_look_ = 0, next_inspection_ = 0;
  std::vector<Ns> edges_;  // since T0, ascending
  std::size_t edge_ = 0;   // the next of them
};

}  // namespace faultline::run
