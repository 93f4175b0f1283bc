// A site is where faults bite: a network namespace, the L3 devices in it, and the rules that act there. Resolving turns
// a plan's targets into sites, on the machine as it is now; it looks, and changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/progress.h"
#include "injector/base/rtnetlink.h"
#include "injector/plan/plan.h"
#include "injector/site/find.h"

namespace faultline::site {

/// Which packets of its site a rule is about.
struct Match {
  bool egress = true, ingress = true;  ///< seen from the site
  bool loopback = true;                ///< also on lo
  bool any_peer = true;
  std::vector<IpPrefix> peers;  ///< when not any_peer
  std::vector<std::string>
      names;  ///< of hosts, whose addresses are among the peers: what else they turn out to have is added
  std::vector<IpPrefix>
      not_from;          ///< ingress from these is left out: they are sites of the same fault, whose egress acted
  std::string protocol;  ///< "tcp" | "udp" | "icmp" | ""
  std::vector<plan::PortRange> peer_ports, own_ports;  ///< empty: any
  int device = 0;                                      ///< index of the only one; 0: all of the site
  std::optional<std::vector<Cgroup>> cgroups = {};     ///< only sockets of these; absent: all traffic
  bool operator==(const Match&) const = default;
};

/// One fault at one site, for one kind of peer. Rules of a fault are consecutive: the player lets a packet meet a fault
/// once.
struct Rule {
  std::uint32_t fault = 0;  ///< index in the plan; the lab's standing conditions come after the plan's faults
  std::string link;         ///< names the site to the fault's compiler
  Match match;
  std::string target = {};             ///< of the plan, that it is on; empty for a standing condition
  std::vector<std::string> also = {};  ///< other targets that stand for the same
  /// The site's own addresses, where other targets of the fault act on what they send there.
  std::vector<IpPrefix> met_at_sender = {};
};

struct Site {
  std::string name;  ///< for people: "web1", "netns shop", "link metro in east"
  NetNs ns;
  std::vector<Device> devices;  ///< that hold an IP address; lo among them
  std::vector<Rule> rules;
  std::vector<std::uint16_t> exempt_ports = {};  ///< own TCP ports that no rule touches: the operator's way in
  bool every_device = true;                      ///< false: `devices` are some that the plan names
};

/// A name in a peer's address, and what it stood for at the start.
struct ResolvedName {
  std::string name, asked_from;
  std::vector<IpPrefix> addresses;
};

/// Where the lab's names are. The plan's own targets need none of it.
struct LabView {
  std::function<NetNs(const std::string& host)> host_ns;
  std::function<NetNs(const std::string& room)> room_ns;
  std::function<std::vector<std::string>(const std::string& room)> hosts_of;
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& link)> link_ends;  ///< room, device
  std::function<std::vector<IpPrefix>(const std::string& host)> addresses;
};

/// Finds every target of every fault, and the lab's standing conditions. Throws Failure(cannot_run) with everything
/// that was not found or cannot be a site, one a line. Names in peers' addresses are added to `names` if it is not
/// null.
std::vector<Site> resolve(const plan::Plan& plan, const LabView* lab, const Finder& finder = {},
                          std::vector<ResolvedName>* names = nullptr, const Progress& progress = unwatched);

/// Inode of the machine's initial network namespace: who takes all of it as a target cuts off whoever operates the
/// machine.
std::uint64_t initial_namespace();

/// Index, in the numbering of Rule::fault, of the standing condition of a lab link.
inline std::uint32_t standing_fault(const plan::Plan& plan, std::size_t link) {
  return static_cast<std::uint32_t>(plan.faults.size() + link);
}

}  // namespace faultline::site
