// The plan's guards during a run: every finished request passes through here on its probe's thread, so that a guard
// acts at the very request that makes its condition true, not at the next look of the run's loop.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/observe/observer.h"
#include "injector/plan/plan.h"
#include "injector/probe/probe.h"
#include "injector/record/guard_window.h"

namespace faultline::run {

class Guards : public observe::Observer {
 public:
  using Acted = std::function<void(const plan::Guard&, const record::GuardTrip&)>;

  /// `acted` is called on the thread that saw what made it act, once a guard at most. The plan must outlive this.
  Guards(const plan::Plan& plan, Acted acted);
  void sample(const probe::Sample& sample) override;
  void counted(const record::events::Telemetry& counted) override;
  void counted_until(Ns until) override;
  void uncounted(const record::events::Uncounted& missing) override;
  void seen(const record::events::Seen& seen) override;
  /// What each guard looks at comes to now, for whoever watches: by the guards' order in the plan.
  std::vector<std::string> standings();
  /// From here on none acts: the faults are off. When it returns, `acted` is not being called.
  void close();
  void healed() noexcept override { close(); }

 private:
  struct Armed {
    const plan::Guard* guard;
    std::optional<std::size_t> probe;  ///< index in the plan; none: it watches connections or an event
    record::GuardWindow window;
    bool acted = false;
  };
  void act(Armed& armed, const std::optional<record::GuardTrip>& trip) FAULTLINE_REQUIRES(mutex_);

  const Acted acted_;
  Mutex mutex_;
  std::vector<Armed> guards_ FAULTLINE_GUARDED_BY(mutex_);
  bool closed_ FAULTLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace faultline::run
