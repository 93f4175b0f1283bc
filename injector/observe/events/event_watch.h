// Watches for the plan's events, as an observer: in what services of the lab write, as it is read from them; in files
// of this machine, looked at every 20 ms by a thread of its own; in the values of probes' answers. What is seen goes
// into the journal and to the other observers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "injector/base/pattern.h"
#include "injector/base/thread_safety.h"
#include "injector/observe/events/file_follower.h"
#include "injector/observe/events/sightings.h"
#include "injector/observe/observer.h"
#include "injector/plan/plan.h"

namespace faultline::observe {

class EventWatch : public Observer {
 public:
  ~EventWatch() override;

  void prepare(const Scene& scene) override;
  void begin(Ns epoch) override;
  std::optional<Stop> tick(Ns now) override;
  void sample(const probe::Sample& sample) override;
  void hold(Ns instant) override;
  void go_on(Ns epoch) override;
  void end() override;
  void take_apart() noexcept override;

  static constexpr Ns kLook = 20 * kMillisecond;

 private:
  struct Watched {
    const plan::Event& event;
    std::optional<Pattern> pattern;  ///< of a line
    Sightings sightings;
    std::optional<std::size_t> probe = {};  ///< index in the plan: whose answers it is looked for in
    bool holds = false;                     ///< the last value was one
    std::uint64_t lines = 0, matched = 0;   ///< or values
    Ns noted = -kSecond;                    ///< since T0: when whoever watches the run was told
  };
  struct Followed {
    explicit Followed(const std::string& given) : path(given), follower(given) {}
    std::string path;
    FileFollower follower;
    std::vector<std::size_t> events;
  };

  /// It was seen at `t` (since T0): by this line, or in these words.
  void see(Watched& watched, Ns t, std::string_view line) FAULTLINE_REQUIRES(mutex_);
  void heard(std::size_t which, Ns when, std::string_view line) FAULTLINE_REQUIRES(mutex_);
  void heard_of(const std::string& host, Ns when, std::string_view line);
  /// Whether they were read to their ends.
  bool look_at_files();
  /// Since T0; a run in steps stands still meanwhile. Nothing before T0.
  std::optional<Ns> since_t0(Ns instant) const FAULTLINE_REQUIRES(mutex_);

  record::Journal* journal_ = nullptr;
  std::function<void(const record::events::Seen&)> seen_;
  lab::Lab* lab_ = nullptr;
  std::function<void(const std::string&)> note_;
  std::vector<bool> asked_;  ///< by probe: an event is looked for in its answers. Not changed once probes ask
  Mutex files_mutex_;        ///< taken before the other, which requests wait for
  Mutex mutex_;
  std::vector<Watched> watched_ FAULTLINE_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Followed>> files_ FAULTLINE_GUARDED_BY(files_mutex_);
  Ns epoch_ FAULTLINE_GUARDED_BY(mutex_) = 0;
  std::optional<Ns> held_ FAULTLINE_GUARDED_BY(mutex_);  // CLOCK_MONOTONIC
  std::jthread thread_;
};

}  // namespace faultline::observe
