// The seam between a run and what watches it. An observer is called at the turns of a run, and has no say in it but to
// end it: probes, guards, the follower of targets, the watch for names and Control are observers. Session keeps the
// list of them, in the order in which they come up; they are taken apart in the opposite one.
// docs/adding-an-observer.md walks through a new one.
//
// All calls come on the run's thread, unless something else is said. Each does nothing unless an observer overrides it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/progress.h"
#include "injector/base/units.h"
#include "injector/observe/run_clock.h"
#include "injector/observe/stop.h"
#include "injector/record/folding.h"

namespace faultline {
namespace record::events {
struct Seen;
struct Telemetry;
struct Uncounted;
}  // namespace record::events
namespace plan {
struct Plan;
}
namespace site {
class Finder;
struct LabView;
struct Site;
}  // namespace site
namespace lab {
class Lab;
}
namespace nursery {
class Nursery;
}
namespace pen {
class Pen;
}
namespace probe {
struct Sample;
}
}  // namespace faultline

namespace faultline::observe {

/// What a run has by the time that observers prepare. All of it but the sites is there until take_apart() has returned.
struct Scene {
  const plan::Plan& plan;
  record::Journal& journal;  ///< thread-safe
  const RunClock& clock;     ///< for the run's thread
  const site::Finder& finder;
  const std::vector<site::Site>& sites;  ///< until prepare() returns: the pen takes them
  lab::Lab* lab = nullptr;               ///< null: the plan has none
  const site::LabView* view = nullptr;   ///< its names and addresses; null likewise
  nursery::Nursery* nursery = nullptr;   ///< null: the plan needs none
  /// Of many steps: throws when somebody asks the run to end. For prepare().
  Progress progress;
  /// To whoever watches; what comes again and again is summed up. For the run's thread.
  std::function<void(record::Remark)> tell;
  /// The same at once and each. Thread-safe.
  std::function<void(const std::string&)> note;
  /// A request that has finished, for the journal, the screen and the observers. Thread-safe.
  std::function<void(const probe::Sample&)> sample;
  /// What was counted of a target's connections, for the journal and the observers; up to when all has been told; and
  /// what of it is missing. For the run's thread.
  std::function<void(const record::events::Telemetry&)> counted;
  std::function<void(Ns)> counted_until;
  std::function<void(const record::events::Uncounted&)> uncounted;
  /// An event of the plan was seen, for the journal and the observers. Thread-safe.
  std::function<void(const record::events::Seen&)> seen;
};

class Observer {
 public:
  Observer() = default;
  virtual ~Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // ---- up, in the order of the list ----

  /// The targets are found and locked, and nothing is attached. What may fail or take long belongs here: an exception
  /// ends the run before it has touched a packet.
  virtual void prepare(const Scene&) {}
  /// The pen is attached to every device, and inert. Left out in a run that has no site.
  virtual void attached(pen::Pen&) {}
  /// T0 is `epoch` (CLOCK_MONOTONIC): 50 ms ahead, or at `--at`. The kernel knows it already.
  virtual void begin(Ns /*epoch*/) {}

  // ---- from then on ----

  /// About every 100 ms, also while a run in steps waits. Returns why the run is to end now, if it is. Quick: a signal
  /// waits for it.
  virtual std::optional<Stop> tick(Ns /*now*/) { return {}; }
  /// A request has finished. On its probe's thread, several at a time: thread-safe and quick.
  virtual void sample(const probe::Sample&) {}
  /// What became of a target's connections in a span of time that ended a moment ago. In order of time.
  virtual void counted(const record::events::Telemetry&) {}
  /// All spans that end by `until` (since T0) have been told, of every target: in those that were not, nothing
  /// happened.
  virtual void counted_until(Ns /*until*/) {}
  /// Some of what became of connections is not counted. Also while others prepare.
  virtual void uncounted(const record::events::Uncounted&) {}
  /// An event of the plan was seen. On whatever thread saw it: thread-safe and quick.
  virtual void seen(const record::events::Seen&) {}
  /// A run in steps stands still at `instant` (CLOCK_MONOTONIC). What is due then or later waits for go_on().
  virtual void hold(Ns /*instant*/) {}
  /// It stands still, and T0 moves with the clock: it is `epoch` by now. Again and again.
  virtual void wait(Ns /*epoch*/) {}
  /// It goes on, with this T0.
  virtual void go_on(Ns /*epoch*/) {}

  // ---- down, in the opposite order ----

  /// Every fault is off. Also when preparation failed, and perhaps twice. The first that a failure calls: nothing that
  /// could itself fail or wait.
  virtual void healed() noexcept {}
  /// Waits for what is still due, if anything is: nothing becomes due any more. Left out in a run that failed.
  virtual void end() {}
  /// end() is not to wait, or no longer. Any thread, and perhaps while end() is under way.
  virtual void abort() {}
  /// What made it end before its time, by a fault of ours; asked after end(). The run has failed then.
  virtual std::string failure() const { return {}; }
  /// Ends its threads and gives back what it has of the scene and the pen, whatever came before: after this call both
  /// are taken apart.
  virtual void take_apart() noexcept {}
};

}  // namespace faultline::observe
