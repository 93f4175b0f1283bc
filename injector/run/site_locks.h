// The locks on the network namespaces of a run's sites (lock.h), which Control answers at. Sites may share a namespace,
// and move to another: a lock is given back with the last site that was there.
#pragma once

#include <cstdint>
#include <vector>

#include "injector/base/progress.h"
#include "injector/run/control.h"
#include "injector/site/site.h"

namespace faultline::run {

/// For one thread: the run's, and once there is a follower, the follower's.
class SiteLocks {
 public:
  explicit SiteLocks(Control& control) : control_(control) {}

  /// Throws Failure(cannot_run) for a namespace that another run holds.
  void lock(const std::vector<site::Site>& sites, const Progress& progress);
  /// A site is in the namespace `ns` by now, whose lock is `lock`.
  void move(std::size_t site, const std::string& name, std::uint64_t ns, Fd lock);

 private:
  Control& control_;
  std::vector<std::uint64_t> spaces_;  // by site: an inode
};

}  // namespace faultline::run
