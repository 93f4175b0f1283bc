// Names of hosts in a peer's address, asked as the target itself would ask: from its network namespace, with its own
// /etc/hosts and /etc/resolv.conf.
#pragma once

#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/progress.h"
#include "injector/base/rtnetlink.h"

namespace faultline::site {

/// All addresses of `name`, of both families. `etc` is a folder with files of the target's own; empty: this machine's.
/// Throws Failure(cannot_run) when there is none, with the resolver's reason.
/// Resolvers are patient: `progress` is called meanwhile.
std::vector<IpPrefix> look_up(const std::string& name, const NetNs& ns, const std::string& etc,
                              const Progress& progress = unwatched);

}  // namespace faultline::site
