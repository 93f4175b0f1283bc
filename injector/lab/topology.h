// The lab on paper: every name, address and route of it, worked out from the plan before anything exists. The same plan
// always gives the same addresses. Digits are the same in both families: 10.77.3.12 is also fd77:0:0:3::12.
#pragma once

#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"
#include "injector/plan/plan.h"

namespace faultline::lab {

/// One address in both families.
struct DualAddress {
  IpPrefix v4, v6;  ///< with the prefix length of the subnet it is in
};

struct RouteEntry {
  DualAddress subnet;   ///< where to
  DualAddress gateway;  ///< the other end of the link that leads there
  std::string device;   ///< this end of it
};

struct RoomLayout {
  std::string name;
  DualAddress router;              ///< on br0
  std::vector<RouteEntry> routes;  ///< to every other subnet that can be reached
};

struct HostLayout {
  std::string name;
  std::size_t room;               ///< index into rooms
  std::string port;               ///< the room's end of its veth pair, a port of br0
  DualAddress address;            ///< on eth0
  std::vector<DualAddress> more;  ///< the other addresses of a host that stands for many clients
};

struct LinkLayout {
  std::string name;
  std::size_t a, b;  ///< rooms
  std::string device_a, device_b;
  DualAddress address_a, address_b;
};

struct Topology {
  std::vector<RoomLayout> rooms;
  std::vector<HostLayout> hosts;
  std::vector<LinkLayout> links;
};

/// Routes take the fewest links; between equals, packets go and come back the same way. Throws Failure(invalid) for
/// what does not fit: 254 rooms, 254 links, 245 hosts in a room; names that could not be a hostname.
Topology lay_out(const plan::Lab& lab);

/// The text of every host's /etc/hosts.
std::string hosts_file(const Topology& topology, bool v6);

}  // namespace faultline::lab
