// The lab: the test bed that a plan carries with it. A room is a network namespace with a bridge (its switch) and a
// router address; a host is a network namespace with one device, eth0, on its room's bridge; a link is a veth pair
// between two rooms' namespaces, routed. All are anonymous and vanish with us. Addresses are given in the order of the
// plan, both families: room r (1..) is 10.77.r.0/24 and fd77:0:0:r::/64, its router .1 / ::1, its hosts .10, .11, … /
// ::10, ::11, …; link l is 10.78.l.0/30 and fd78:0:0:l::/64. Each host's /etc/hosts names every host of the lab.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "injector/lab/nursery.h"
#include "injector/plan/plan.h"

namespace faultline::lab {

struct LinkEnd {
  std::string room;    ///< the room whose namespace holds this end
  std::string device;  ///< its name there
};

/// What happened to a lab service, for the journal and the screen.
using Listener = std::function<void(const std::string& host, const std::string& event, const std::string& detail)>;

class Lab {
 public:
  /// Builds the network. Throws with everything undone.
  Lab(const plan::Lab& lab, Nursery& nursery, const std::string& plan_dir, const std::string& log_dir, double scale);
  ~Lab();

  /// Starts the hosts' commands in order and waits until each is ready. A service that never is: Failure(cannot_run) with
  /// the tail of its log (log_dir/HOST.log), how long it was given and what was asked of it.
  void start(const Listener& listener);
  /// Reports services that ended since the last call (once each). Cheap: called every 100 ms.
  void poll(const Listener& listener);
  /// Ends the services (SIGTERM, then SIGKILL after 2 s). Never throws; what failed is returned.
  std::vector<std::string> stop();

  const NetNs& host_ns(const std::string& host) const;
  const NetNs& room_ns(const std::string& room) const;
  std::vector<std::string> hosts_of(const std::string& room) const;
  std::vector<LinkEnd> link_ends(const std::string& link) const;
  std::vector<IpPrefix> addresses(const std::string& host) const;     ///< as /32 and /128
  std::map<std::string, std::string> names() const;                   ///< host name -> IPv4 address, for probes

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::lab
