// What a failed request is called. A probe's errors are counted by name, so there are few names, and they say what a
// user of the service would notice; an errno that has no such name keeps its own, so that nothing is swallowed.
#pragma once

#include <string>

namespace faultline::probe {

/// For an error that the network or the peer gave: "refused", "reset", "unreachable", "timeout", else "errno ENAME".
std::string network_error(int error);

/// For an error of the call that sends: as network_error() where the network is to blame, else "send ENAME" (EPERM from
/// a firewall, EADDRNOTAVAIL when the local ports are used up, EMFILE, …).
std::string send_error(int error);

}  // namespace faultline::probe
