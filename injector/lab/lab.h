// The lab: the test bed that a plan carries with it. A room is a network namespace with a bridge (its switch) and a
// router address; a host is a network namespace with one device, eth0, on its room's bridge; a link is a veth pair
// between two rooms' namespaces, routed. All are anonymous and vanish with us. Addresses are given in the order of the
// plan, both families: room r (1..) is 10.77.r.0/24 and fd77:0:0:r::/64, its router .1 / ::1, its hosts .10, .11, … /
// ::10, ::11, …; link l is 10.78.l.0/30 and fd78:0:0:l::/64 (see topology.h). Each host's /etc/hosts names every host
// of the lab. A link's standing delay is not applied here: it is a rule like any other.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/progress.h"
#include "injector/base/rtnetlink.h"
#include "injector/lab/service_log.h"
#include "injector/nursery/nursery.h"
#include "injector/plan/plan.h"

namespace faultline::lab {

struct LinkEnd {
  std::string room;    ///< the room whose namespace holds this end
  std::string device;  ///< its name there
};

/// What happened to a lab service, for the journal and the screen: "started" (detail: its command), "ready" ("after
/// 120 ms"), "ended" ("exit status 1"). Called on the thread that called start() or poll().
using Listener = std::function<void(const std::string& host, const std::string& event, const std::string& detail)>;

/// For one thread, cancel() apart. Each host's enclosure in the nursery has the host's name.
class Lab {
 public:
  /// Builds the network. Throws with everything undone: Failure(cannot_run) when the kernel lacks a part. `plan_dir`,
  /// `log_dir` and the programs that come with Faultline stay visible in every host. `nursery` must outlive the lab;
  /// the plan need not.
  Lab(const plan::Lab& lab, nursery::Nursery& nursery, const std::string& plan_dir, const std::string& log_dir,
      double scale, const Progress& progress = unwatched);
  ~Lab();

  /// Starts the hosts' commands, each as soon as the hosts in its `after` are ready, and waits until all are. A service
  /// that never is, or ends before: Failure(cannot_run) with the tail of its log (log_dir/HOST.log), how long it was
  /// given and what was asked of it. What was started by then runs until stop().
  void start(const Listener& listener);
  /// Makes start() end with Failure(aborted) within some 100 ms (a check under way may take longer), now or when it is
  /// called. The only member for other threads; a signal handler may call it too.
  void cancel() noexcept;
  /// Reports services that ended since the last call (once each). Cheap: called every 100 ms.
  void poll(const Listener& listener);
  /// Calls `heard` with each line that a service writes from now on (service_log.h). Thread-safe; empty: not any more.
  void listen(ServiceLogs::Heard heard);
  /// What services have written by now was heard, and is in their logs. Thread-safe.
  void catch_up();
  /// Ends the services (SIGTERM, then SIGKILL after 2 s), and whatever else runs in the hosts. The network stays. Never
  /// throws; what failed is returned.
  std::vector<std::string> stop();

  /// A way into a host for a process of another terminal, with the environment that the host's command has. Thread-safe
  /// until stop(). Throws Failure(cannot_run) for a name that the lab does not have.
  nursery::Entrance entrance(const std::string& host) const;

  const NetNs& host_ns(const std::string& host) const;  ///< std::out_of_range for a name the plan does not have,
  const NetNs& room_ns(const std::string& room) const;  ///< here and below
  std::vector<std::string> hosts_of(const std::string& room) const;
  std::vector<LinkEnd> link_ends(const std::string& link) const;
  /// Of each of its clients, as /32 and, where there is IPv6, /128.
  std::vector<IpPrefix> addresses(const std::string& host) const;
  std::map<std::string, std::string> names() const;  ///< host name -> IPv4 address, for probes

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::lab
