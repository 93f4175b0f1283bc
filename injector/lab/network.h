// The lab's network: the namespaces and devices that a topology asks for. The namespaces have no name; what is in them
// goes when the last descriptor and the last process are gone.
#pragma once

#include <vector>

#include "injector/base/netns.h"
#include "injector/base/progress.h"
#include "injector/lab/topology.h"

namespace faultline::lab {

struct Network {
  std::vector<NetNs> rooms, hosts;  ///< in the order of the topology
  bool v6 = true;                   ///< whether this kernel has IPv6
};

/// Throws Failure(cannot_run) when the kernel has no bridges or veth pairs.
Network build_network(const Topology& topology, const Progress& progress);

}  // namespace faultline::lab
