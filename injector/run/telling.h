// What a run says while it prepares, plays and takes apart: to the journal, to whoever watches, and to those who ask
// Control. One place, so that the three agree and that what comes by the hundred is told now and then.
#pragma once

#include <string>
#include <vector>

#include "injector/observe/run_clock.h"
#include "injector/record/folding.h"
#include "injector/record/journal.h"
#include "injector/run/control.h"
#include "injector/run/stops.h"
#include "injector/screen/display.h"

namespace faultline::run {

/// For the run's thread, but for warn().
class Telling {
 public:
  Telling(Stops& stops, record::Journal& journal, screen::Display& display, Control& control)
      : stops_(stops), journal_(journal), display_(display), control_(control) {}

  /// A step of the preparation. Whoever asks us to end is heard here: throws Failure(aborted).
  void step(const std::string& what);
  /// One of many steps: heard as soon, told now and then.
  void advance(const std::string& what);
  /// One of many steps of taking apart, which nothing interrupts.
  void take_apart(const std::string& what, const observe::RunClock& clock);
  /// Of many steps none is told for so long.
  void wait_to_tell(Ns length);

  /// A warning: into the journal, and said. Any thread.
  void warn(const std::string& text);
  /// What comes again and again is summed up.
  void remark(record::Remark remark);
  /// Says what was held back long enough; all of it at the `end`.
  void tell_due(bool end = false);

  static constexpr Ns kEvery = kSecond / 2;

 private:
  Stops& stops_;
  record::Journal& journal_;
  screen::Display& display_;
  Control& control_;
  Ns next_told_ = 0;
  record::Folding remarks_;
};

}  // namespace faultline::run
