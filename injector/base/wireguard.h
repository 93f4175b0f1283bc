// The one thing Faultline asks about a WireGuard device, over generic netlink.
#pragma once

#include <cstdint>

namespace faultline {

/// The UDP port that a WireGuard device of the calling thread's namespace listens on; 0: it is down. Throws
/// std::system_error.
std::uint16_t wireguard_port(int ifindex);

}  // namespace faultline
