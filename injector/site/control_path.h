// The way by which whoever operates this machine reaches it: the connections that the processes above us hold. A fault
// that cut an operator's SSH session would take away the hand on the switch. Found by walking the ancestors of this
// process to their sockets, since sudo strips SSH_CONNECTION.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "injector/site/site.h"

namespace faultline::site {

/// Local ports of the established TCP connections (not over loopback) that this process's ancestors hold, by the inode
/// of the network namespace that they are in. Process 1 is left out. Processes that cannot be looked at are left out,
/// without an error.
std::map<std::uint64_t, std::set<std::uint16_t>> control_path_ports();

/// Leaves the control path out of every site that it runs through. Returns a sentence about each, for the record.
std::vector<std::string> exempt_control_path(std::vector<Site>& sites);

}  // namespace faultline::site
