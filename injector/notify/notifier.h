// Tells others of a run: a courier for each destination, fed with what the journal writes down and, after the run, with
// the verdict. It reads alone: nothing that a destination does or fails to do reaches the run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/thread_safety.h"
#include "injector/notify/courier.h"
#include "injector/notify/destinations.h"
#include "injector/observe/observer.h"
#include "injector/serve/metrics.h"

namespace faultline::notify {

class Notifier {
 public:
  /// For the verdict to be told in, after the run.
  static constexpr Ns kLastWords = 10 * kSecond;

  /// Starts nothing yet: the nursery is forked when there is but one thread. The plan outlives this.
  Notifier(const plan::Plan& plan, Destinations to);
  ~Notifier();

  /// The run begins, with this journal: listens to it. What cannot be delivered is said by `note`, which is
  /// thread-safe, until stop_listening().
  void listen(record::Journal& journal, std::function<void(const std::string&)> note);
  void stop_listening();
  void sample(const probe::Sample& sample);
  void counted(const record::events::Telemetry& span);
  void begin(Ns epoch);
  void healed();

  /// Tells the verdict and waits for the couriers, kLastWords at most. All that could not be delivered, for people.
  std::vector<std::string> finish(const report::Summary& summary) { return finish(read_verdict(summary, wall_now())); }
  /// The same of a run that has no verdict, since its record could not be written.
  std::vector<std::string> fail(const std::string& why);

 private:
  std::vector<std::string> finish(Happening last);
  void start();
  void tell(Happening what);
  void trouble(const std::string& text);

  const plan::Plan& plan_;
  const Destinations to_;
  std::unique_ptr<serve::Metrics> metrics_;  ///< null: nobody gets them
  record::Journal* journal_ = nullptr;
  Mutex mutex_;
  std::function<void(const std::string&)> note_ FAULTLINE_GUARDED_BY(mutex_);
  std::vector<std::string> troubles_ FAULTLINE_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Courier>> couriers_;  // the last: their threads use all of the others
};

/// Its place among a run's observers.
class Tap : public observe::Observer {
 public:
  /// Null: it does nothing.
  explicit Tap(Notifier* notifier) : notifier_(notifier) {}
  void prepare(const observe::Scene& scene) override;
  void begin(Ns epoch) override;
  void wait(Ns epoch) override { begin(epoch); }
  void go_on(Ns epoch) override { begin(epoch); }
  void sample(const probe::Sample& sample) override;
  void counted(const record::events::Telemetry& span) override;
  void healed() noexcept override;
  void take_apart() noexcept override;

 private:
  Notifier* const notifier_;
};

}  // namespace faultline::notify
