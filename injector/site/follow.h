// A target that is replaced while the run goes on: a unit restarted, a container made again. Its new cgroup is told to the
// selectors; where it comes with a new network namespace, and where it does not come back, that is said. A thread of its own looks,
// since a container runtime may take its time to answer, and the run's loop must not wait for it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/clock.h"
#include "injector/site/site.h"

namespace faultline::site {

struct News {
  std::string target;  ///< of the plan
  std::string what;    ///< "gone", "replaced", "lost": there, but its traffic is not faulted any more
  std::string text;    ///< for people
  bool aborts = false; ///< the plan says so
};

class Follower {
 public:
  /// Called, in the follower's thread, when a site's rules by cgroup have changed.
  using Apply = std::function<void(std::size_t site, const std::vector<Rule>& rules)>;

  /// Follows the targets that `sites` have rules of. `plan` and `finder` must live longer.
  Follower(const plan::Plan& plan, const Finder& finder, const std::vector<Site>& sites, Apply apply);
  ~Follower();

  /// From here on a thread looks every kLookEvery.
  void start();
  /// Looks once, in the calling thread.
  void look();
  /// What there is to tell since the last call.
  std::vector<News> take_news();

  static constexpr Ns kLookEvery = 200 * kMillisecond;
  static constexpr Ns kSeekEvery = 700 * kMillisecond;  ///< all processes, or a container that is gone: that takes a while
  static constexpr Ns kGoneAfter = kSecond;             ///< until then it may be on its way back

 private:
  struct Followed {
    const plan::Target* target;
    std::vector<Cgroup> cgroups;
    std::vector<std::pair<std::string, std::uint64_t>> namespaces;  ///< by which path, and which it was
    bool there = true;
    Ns last_seen = 0;
    Ns last_sought = 0;
  };
  struct Home {
    std::uint64_t ns;
    std::vector<Rule> rules;  ///< as far as cgroups go
  };

  void look_at(Followed& followed);
  bool is_unchanged(const Followed& followed) const;
  bool is_costly_to_seek(const Followed& followed) const;
  void take_over(Followed& followed, const std::vector<Spot>& spots);
  void tell(const Followed& followed, const std::string& what, const std::string& text);

  const Finder& finder_;
  Apply apply_;
  std::vector<Followed> all_;
  std::vector<Home> homes_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<News> news_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace faultline::site
