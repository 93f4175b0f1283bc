// Network namespaces that can be found on this machine: the kernel has no list of them, only what holds one open shows.
#pragma once

#include <functional>
#include <optional>

#include "injector/base/netns.h"

namespace faultline {

/// Shows `visit` each namespace once, until it returns false: those of processes, those mounted somewhere (`ip netns`),
/// those that a process has a descriptor of. Those that may not be looked at are left out.
void each_netns(const std::function<bool(const NetNs&)>& visit);

/// The one that `from` knows by this number, as the kernel says where a device went to; absent: it is not found.
std::optional<NetNs> netns_of_number(const NetNs& from, int number);

}  // namespace faultline
