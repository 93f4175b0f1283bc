// The waits of a run in steps (`--step`): in front of each the run's clock stands still, the kernel's and everybody's,
// until somebody confirms it. T0 has then moved on by the wait: to the rest of the run, and to the kernel, it is as if
// it had not been.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "injector/observe/observers.h"
#include "injector/pen/pen.h"
#include "injector/run/control.h"
#include "injector/run/run.h"
#include "injector/run/steps.h"
#include "injector/run/stops.h"
#include "injector/screen/display.h"

namespace faultline::run {

class StepWait {
 public:
  /// All that stands still.
  struct Clocks {
    Stops& stops;
    observe::RunClock& clock;
    record::Journal& journal;
    screen::Display& display;
    Control& control;
    observe::Observers& observers;
    pen::Pen* pen;  ///< null: the run has no site
  };

  /// Without `options.steps` there is nothing to wait for.
  StepWait(const plan::Plan& plan, const RunOptions& options, const Clocks& clocks);

  /// When the clock stands still next, since T0; absent: never again.
  std::optional<Ns> hold_at() const;
  /// Tells all of them so. The kernel itself waits: a run that is late to look cannot miss it.
  void hold_next();
  /// Waits, once a step is reached, until it is confirmed, and calls `look_after` meanwhile. Returns why the run is to
  /// end instead.
  std::optional<Stop> confirm(const std::function<std::optional<Stop>()>& look_after);

 private:
  void ask(const std::string& question);
  void keep_still();

  const bool quiet_;
  const Clocks c_;
  std::optional<Steps> steps_;
};

}  // namespace faultline::run
