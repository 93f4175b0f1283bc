// Telemetry of targets: what becomes of their TCP connections, counted in the kernel for each 100 ms since T0, as an
// observer. A plan that does not ask for it loads nothing. It never makes a run fail: what cannot be counted is one
// warning.
//
// What uses its series while the run goes on (guards, the screen, metrics) gets them by Observer::counted().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faults/losses_abi.h"
#include "injector/observe/observer.h"
#include "injector/observe/telemetry/counter.h"
#include "injector/observe/telemetry/loss_watch.h"
#include "injector/observe/telemetry/places.h"

namespace faultline::observe {

class Telemetry : public Observer {
 public:
  Telemetry();
  ~Telemetry() override;

  void prepare(const Scene& scene) override;
  void attached(pen::Pen& pen) override;
  void begin(Ns epoch) override;
  std::optional<Stop> tick(Ns now) override;
  void hold(Ns instant) override;
  void go_on(Ns epoch) override;
  void healed() noexcept override;
  void end() override;
  void take_apart() noexcept override;

 private:
  void warn(const std::string& what);
  /// The same, and that hypotheses which need it are not to be judged.
  void lack(const std::string& what, record::events::Uncounted missing);
  Asked asked(const Scene& scene);
  NamedPeers peers(const Scene& scene);
  void follow_moved();
  /// Whether what faults dropped is remembered for long enough.
  void look_after_losses(Ns now);
  /// Then and there it is not known of all that is sent again whose loss it makes good. The first time is told.
  void lack_losses(record::events::Uncounted missing, const std::string& why);
  /// Does it; what goes wrong ends the telemetry, and nothing else.
  void attempt(const std::function<void()>& what) noexcept;
  void count();
  void write_next();
  void write_all();

  const plan::Plan* plan_ = nullptr;
  record::Journal* journal_ = nullptr;
  const RunClock* clock_ = nullptr;
  std::function<void(const std::string&)> note_;
  std::function<void(const record::events::Telemetry&)> counted_;
  std::function<void(Ns)> counted_until_;
  std::function<void(const record::events::Uncounted&)> uncounted_;
  std::unique_ptr<TelemetryPlaces> places_;
  std::unique_ptr<TelemetryCounter> counter_;  // null: nothing is counted, or no longer
  Ns epoch_ = 0;
  std::optional<Ns> held_;  // CLOCK_MONOTONIC
  std::uint64_t next_ = 0;  // bucket to be written
  std::uint64_t overwritten_ = 0;
  int loss_blocks_ = -1;  // the pen's; -1: no fault drops anything, or it is no longer asked
  LossWatch loss_watch_{FL_MAX_LOSS_BLOCKS};
  bool unsure_ = false;  // and said so
};

}  // namespace faultline::observe
