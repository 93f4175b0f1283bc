// A target that is replaced while the run goes on: a unit restarted, a container made again. Its new cgroup is told to
// the selectors; where it comes back in a new network namespace, its site moves there. Where it does not come back,
// that is said. A thread of its own looks, since a container runtime may take its time to answer, and the run's loop
// must not wait for it.
#pragma once

#include <condition_variable>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/thread_safety.h"
#include "injector/site/site.h"
#include "injector/site/whereabouts.h"

namespace faultline::site {

struct News {
  std::string target;   ///< of the plan
  std::string what;     ///< "gone", "replaced", "lost": there, but its traffic is not faulted any more
  std::string text;     ///< for people
  bool aborts = false;  ///< the plan says so
  std::optional<std::pair<Ns, Ns>> gap =
      {};  ///< of "replaced": from when to when, at most, its traffic was not faulted
};

class Follower {
 public:
  /// What is done about it. Called in the follower's thread.
  struct Effects {
    /// A site's rules are about other cgroups from now on.
    std::function<void(std::size_t site, const std::vector<Rule>& rules)> set_cgroups;
    /// A site is in another network namespace from now on. Throws when it cannot be, and is left where it was.
    std::function<void(std::size_t site, Site place)> move;
  };

  /// Follows the targets that `sites` have rules of. `plan` and `finder` must live longer.
  Follower(const plan::Plan& plan, const Finder& finder, const std::vector<Site>& sites, Effects effects);
  ~Follower();

  /// From here on a thread looks every kLookEvery.
  void start();
  /// Looks once, in the calling thread.
  void look();
  /// What there is to tell since the last call.
  std::vector<News> take_news();

  static constexpr Ns kTryEvery = 2 * kSecond;  ///< again what could not be done
  static constexpr Ns kGoneAfter = kSecond;     ///< until then it may be on its way back

 private:
  struct Followed {
    const plan::Target* target;
    Whereabouts whereabouts = {};
    bool there = true;
    Ns last_seen = 0;
    Ns last_sought = 0;
    Ns not_before = 0;  ///< sought again
  };
  struct Home {
    std::string name;
    std::uint64_t ns;
    std::vector<Device> devices;
    bool every_device;
    std::vector<Rule> rules;
  };

  void look_at(Followed& followed);
  Ns take_over(Followed& followed, const std::vector<Spot>& spots);
  bool is_at_home(const Followed& followed, const std::vector<Spot>& spots) const;
  bool is_placed(const Followed& followed, const Spot& spot);
  std::size_t home_to_move(const Followed& followed, const std::vector<Spot>& spots, const Spot& to) const;
  void move(std::size_t index, const Followed& followed, const Spot& to);
  void tell(const Followed& followed, const std::string& what, const std::string& text,
            std::optional<std::pair<Ns, Ns>> gap = {});

  const Finder& finder_;
  Effects effects_;
  std::vector<Followed> all_;
  std::vector<Home> homes_;
  Mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<News> news_ FAULTLINE_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace faultline::site
