// What a person sees while a run is under way: on a terminal, a timeline with the fault under way, each probe's
// success and latency, and what becomes of connections that are counted, redrawn in place; otherwise plain lines, one
// for each thing that happens, fit for a CI log.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "injector/plan/plan.h"
#include "injector/probe/probe.h"

namespace faultline::record::events {
struct Telemetry;
}

namespace faultline::screen {

class Display {
 public:
  /// `fd` is where to draw (stderr); a terminal is drawn on, anything else gets plain lines. `quiet`: nothing at all.
  Display(const plan::Plan& plan, int fd, bool quiet);
  ~Display();  ///< leaves the terminal as it was found

  /// Preparation: "lab: web1 is ready (0.3 s)". On a terminal each step takes the place of the one before.
  void step(const std::string& what);
  void begin(Ns epoch);      ///< T0
  void set_epoch(Ns epoch);  ///< T0 has moved on
  void stop_clock();         ///< the run has been stopped: what is planned for later does not come
  void typed_line();         ///< somebody pressed Enter in the terminal: the cursor is a row further down
  void sample(const probe::Sample& sample);  ///< thread-safe
  /// What became of a target's connections in 100 ms.
  void counted(const record::events::Telemetry& span);
  /// `standings` tells what each guard of the plan looks at comes to, by their order; empty where that is nothing yet.
  /// It is asked only where that is shown.
  void set_guards(const std::function<std::vector<std::string>()>& standings);
  void note(const std::string& what);  ///< something that happened; thread-safe, shown at the next tick or step
  void tick();  ///< called about every 100 ms by the run's loop: redraws, prints phases and notes
  void end();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::screen
