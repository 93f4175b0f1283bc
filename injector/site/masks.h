// From the rules of a site to the tables its selector looks packets up in: rule masks by the peer's address (see peers.h),
// by port and by protocol. Cost per packet does not grow with the number of rules.
#pragma once

#include <vector>

#include "faults/abi.h"
#include "injector/site/peers.h"
#include "injector/site/site.h"

namespace faultline::site {

struct Masks {
  fl_masks any4{}, any6{};
  Peers peers4, peers6;
  std::uint64_t tcp = 0, udp = 0, icmp = 0, other = 0;
  std::uint64_t port_rules = 0, peer_port_rules = 0, own_port_rules = 0, loopback_rules = 0;
  std::vector<fl_ports> ports;  ///< 65,536 entries, or none when no rule names a port
};

Masks compile_masks(const std::vector<Rule>& rules);

}  // namespace faultline::site
