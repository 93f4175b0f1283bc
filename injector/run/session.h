// The course of one run and everything it holds, in two orders that stand here and nowhere else:
//
//   up    the nursery and the janitor; the journal, the display, Control; the lab, the sites and their locks; the
//         observers prepare; the pen; the observers are told of it; T0
//   down  the faults off; the observers end; the record; the observers are taken apart, in the opposite order; the pen;
//         the locks; the lab; the nursery and the janitor
//
// The constructor has the list of observers. What cannot be taken apart is written down, and the rest goes on.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "injector/base/descriptors.h"
#include "injector/observe/observers.h"
#include "injector/pen/janitor.h"
#include "injector/pen/pen.h"
#include "injector/run/compose.h"
#include "injector/run/control.h"
#include "injector/run/grounds.h"
#include "injector/run/guards.h"
#include "injector/run/pen_watch.h"
#include "injector/run/run.h"
#include "injector/run/site_locks.h"
#include "injector/run/stops.h"
#include "injector/run/telling.h"
#include "injector/screen/display.h"

namespace faultline::notify {
class Notifier;
}

namespace faultline::run {

class Session {
 public:
  /// `notifier`: null: nobody is told. It outlives the session.
  Session(const plan::Plan& plan, const RunOptions& options, const std::filesystem::path& folder,
          notify::Notifier* notifier);
  ~Session();

  /// Everything. What goes wrong is in the journal; nothing is thrown but a journal that cannot be written.
  void prepare_and_play();

 private:
  void prepare();
  void build_pen();
  void play();
  void end();
  void settle();
  void heal();
  void take_apart();
  observe::Scene scene();
  Handlers handlers();
  void guard_acted(const plan::Guard& guard, const record::GuardTrip& trip);

  SpareDescriptors spare_;  // the first: the lowest numbers. Raises the limit of all
  const plan::Plan& plan_;
  const RunOptions& options_;
  const std::filesystem::path& folder_;
  Stops stops_;
  observe::RunClock clock_;
  pen::Engine engine_;
  std::unique_ptr<nursery::Nursery> nursery_;
  std::unique_ptr<pen::Janitor> janitor_;
  std::unique_ptr<record::Journal> journal_;
  std::unique_ptr<screen::Display> display_;
  std::unique_ptr<Telling> telling_;
  std::unique_ptr<Grounds> grounds_;
  std::unique_ptr<SiteLocks> locks_;
  Composition composition_;
  std::unique_ptr<pen::Pen> pen_;
  observe::Observers observers_;  // threads of theirs use what is above
  Control* control_ = nullptr;    // these three are among them
  Guards* guards_ = nullptr;
  PenWatch* pen_watch_ = nullptr;
};

}  // namespace faultline::run
