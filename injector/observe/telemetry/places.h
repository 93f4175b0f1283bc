// Where the sockets of the targets are whose connections are counted, while the run goes on: a unit is restarted, a
// container made again, with another cgroup or namespace. A thread of its own looks, since a container runtime may take
// its time to answer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/thread_safety.h"
#include "injector/observe/observer.h"
#include "injector/observe/telemetry/counter.h"
#include "injector/plan/plan.h"
#include "injector/site/whereabouts.h"

namespace faultline::observe {

class TelemetryPlaces {
 public:
  /// Looks for every target of `plan.telemetry` once. All must outlive this.
  TelemetryPlaces(const plan::Plan& plan, const site::Finder& finder, const lab::Lab* lab);

  std::set<Place> all() const;
  /// Why targets were not found at first, by their names.
  const std::map<std::string, std::string>& missing() const { return missing_; }

  /// From here on a thread looks for those that may come and go, every site::kLookEvery.
  void follow();
  /// A target whose sockets are elsewhere by now.
  struct Moved {
    std::string target;
    std::optional<Ns>
        since;  ///< CLOCK_MONOTONIC: when it was last seen where it had been; absent: it was not there yet
  };
  struct Changes {
    bool any = false;          ///< all() is another one
    std::vector<Moved> moved;  ///< of these more is to be counted; one that has left a place is counted as a whole
  };
  /// Those since the last call.
  Changes take_changes();

 private:
  struct Followed {
    std::uint32_t index;
    const plan::Target* target;
    std::set<Place> places = {};
    site::Whereabouts whereabouts = {};
    bool settled = false;  ///< whereabouts say whether anything has changed
    std::optional<Ns> last_seen = {};
    Ns last_sought = 0;
  };
  std::set<Place> find(Followed& followed) const;
  void look(Followed& followed);

  const plan::Plan& plan_;
  const site::Finder& finder_;
  const lab::Lab* lab_;
  std::map<std::string, std::string> missing_;
  mutable Mutex mutex_;
  std::vector<Followed> followed_;  // of the thread, once it is there
  std::map<std::uint32_t, std::set<Place>> places_ FAULTLINE_GUARDED_BY(mutex_);
  Changes changes_ FAULTLINE_GUARDED_BY(mutex_);
  std::condition_variable_any wake_;
  std::jthread thread_;  // the last: it uses all the others
};

/// Whether any of `now` was not among those before.
bool gains(const std::set<Place>& before, const std::set<Place>& now);

}  // namespace faultline::observe
