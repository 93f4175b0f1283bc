// From arming to the end of a run: the kernel plays the score, and this loop only looks, at what asks it to stop, at
// the line, and at what the observers have to say.
#pragma once

#include <optional>
#include <vector>

#include "injector/base/realtime.h"
#include "injector/observe/observers.h"
#include "injector/run/control.h"
#include "injector/run/guards.h"
#include "injector/run/pen_watch.h"
#include "injector/run/run.h"
#include "injector/run/step_wait.h"
#include "injector/run/stops.h"
#include "injector/run/telling.h"
#include "injector/screen/display.h"

namespace faultline::run {

/// What there is of a run by then. `pen` is null in one without a site.
struct Stage {
  const plan::Plan& plan;
  const RunOptions& options;
  Stops& stops;
  observe::RunClock& clock;
  record::Journal& journal;
  screen::Display& display;
  Telling& telling;
  Control& control;
  Guards& guards;
  PenWatch& pen_watch;
  observe::Observers& observers;
  pen::Pen* pen;
};

class Play {
 public:
  explicit Play(const Stage& stage);

  /// Sets T0 and plays. Returns when it is time to heal: at the plan's end, or with the reason to stop before it.
  /// `urgent` is this thread's, which is to heal, too.
  std::optional<Stop> play(realtime::Urgent& urgent);

 private:
  void begin();
  std::optional<Stop> watch(realtime::Urgent& urgent);
  std::optional<Stop> look_after();
  std::optional<Stop> look_at_line();
  void mark_phases(Ns now);
  void tell_refusal();

  const Stage stage_;
  StepWait steps_;
  std::vector<bool> begun_, ended_;  // by fault
  Ns next_told_ = 0;
};

}  // namespace faultline::run
