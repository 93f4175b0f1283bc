// Tunnels: their packets pass two devices of a namespace, the tunnel's own, and again, within the tunnel's outer
// packets, the device underneath. A packet meets a rule once, so a rule that names neither peer nor port nor device
// meets it inside, where its addresses and ports are those of the service, and leaves the outer packets of the site's
// own tunnels alone. They are told by their IP protocol, or by the tunnel's UDP port. What a process makes of a tun
// device (OpenVPN) cannot be told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::site {

/// What carries the tunnels that some devices are the ends of.
struct Tunnels {
  std::uint64_t protocols = 0;         ///< IP protocols, a bit each
  std::set<std::uint16_t> ports = {};  ///< of UDP; at most FL_MAX_TUNNEL_PORTS
  bool empty() const { return protocols == 0 && ports.empty(); }
  /// Whether all that carries the others carries these, too.
  bool include(const Tunnels& others) const {
    return (others.protocols & ~protocols) == 0 &&
           std::includes(ports.begin(), ports.end(), others.ports.begin(), others.ports.end());
  }
};

/// Of devices of the calling thread's namespace. Throws Failure(cannot_run) when there are too many.
Tunnels tunnels_of(const std::vector<Device>& devices);

}  // namespace faultline::site
