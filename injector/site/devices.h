// Which devices of a namespace a site consists of: a packet meets a rule once, at the device that holds its IP address,
// so bridge ports, bond slaves and the lower devices of VLANs that have no address of their own are left out.
#pragma once

#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::site {

/// Whether packets meet faults at this device: it is up, and holds an address of its own.
bool is_l3(const Device& device);

/// Whether a packet on it begins with the IP header: tun, WireGuard, IP tunnels, PPP.
bool is_bare(const Device& device);

/// Throws Failure(cannot_run) for a device whose packets the pen cannot carry or cannot give back: a link header that
/// is not Ethernet's, a tunnel without a fixed far end.
void refuse_unknown_link(const Device& device);

/// Why a device that holds an address is not among those where faults act; "": it is.
std::string why_left_out(const Device& device);

/// The devices of the calling thread's namespace that are up and hold an address; without those that are left out;
/// only `only` if it is not empty.
/// Throws Failure(cannot_run) for one that cannot be faulted (see above; `only` down or without an address), saying
/// which and why.
std::vector<Device> l3_devices(const std::string& only = {});

enum class LinkLocal { left_out, included };

/// All addresses of the calling thread's namespace except loopback ones, as /32 and /128.
std::vector<IpPrefix> own_addresses(LinkLocal link_local = LinkLocal::left_out);

}  // namespace faultline::site
