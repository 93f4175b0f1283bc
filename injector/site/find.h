// Where a target is on this machine now: in which network namespace, at which device of it, in which cgroups. Each way
// to name a target ends in these three, which are all that a packet can be told by.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/netns.h"
#include "injector/base/thread_safety.h"
#include "injector/plan/plan.h"
#include "injector/site/cgroups.h"
#include "injector/site/containers.h"
#include "injector/site/processes.h"

namespace faultline::site {

/// One place that a target stands for.
struct Spot {
  std::string label;  ///< names it to people and to the fault's compiler: "netns shop", "unit payment.service"
  std::string place;  ///< the same for its namespace: "netns shop", "here"
  NetNs ns;
  std::string device = {};                          ///< only this one; empty: all
  std::optional<std::vector<Cgroup>> cgroups = {};  ///< only the sockets of these; absent: all traffic
  std::string path = {};                            ///< where `ns` was opened; empty: it is the caller's, or the lab's
  std::string etc = {};                             ///< a folder with resolver files of its own; empty: the caller's
};

/// What names a target of the machine to people and to a fault's compiler, whatever it stands for now: the same before
/// a run, when nobody has looked, and in it.
std::string label_of(const plan::Target& target);

/// The same of one end of a lab's link.
std::string label_of_link(const std::string& link, const std::string& room);

/// The same of all places of any target, as far as the plan alone tells them: a room is its hosts, a link its ends.
std::vector<std::string> labels_of(const plan::Plan& plan, const plan::Target& target);
/// The same of all that a fault is on.
std::vector<std::string> links_of(const plan::Plan& plan, const plan::Fault& fault);

/// The target is not there now; it may come.
class NotThere : public Failure {
 public:
  explicit NotThere(const std::string& message) : Failure(Exit::cannot_run, message) {}
};

/// Thread-safe.
class Finder {
 public:
  Finder() = default;  ///< of this machine
  Finder(CgroupTree tree, ProcessTable processes, ContainerRuntimes runtimes);

  /// The places of a target that is found on the machine (not in the lab). Throws NotThere, or Failure(cannot_run) for
  /// one that is there and cannot be told from others.
  std::vector<Spot> find(const plan::Target& target) const;

  /// Whether the group that was found is the one that is there now, and somebody in it.
  bool still_there(const Cgroup& cgroup) const {
    return tree().find(cgroup.path) == cgroup && tree().is_populated(cgroup.path);
  }
  const ProcessTable& processes() const { return processes_; }

 private:
  const CgroupTree& tree() const;
  std::vector<Spot> by_cgroups(const std::string& label, const std::vector<std::string>& paths) const;
  std::vector<Spot> by_processes(const std::string& label, const std::vector<Process>& chosen) const;
  Spot around(const std::string& label, pid_t pid) const;
  std::vector<Spot> whole_or_sockets(const std::string& label, const Process& process, const std::string& group) const;
  std::vector<Spot> container(const std::string& label, const std::string& name) const;
  std::vector<Spot> pod(const std::string& label, const std::string& name) const;
  std::string unit_path(const std::string& name) const;
  std::vector<Process> called(const std::string& pattern) const;

  mutable Mutex mutex_;                                                  // several threads look for targets
  mutable std::optional<CgroupTree> tree_ FAULTLINE_GUARDED_BY(mutex_);  // at the first need; from then on for good
  ProcessTable processes_;
  ContainerRuntimes runtimes_;
};

}  // namespace faultline::site
