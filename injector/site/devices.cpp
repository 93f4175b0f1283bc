#include "injector/site/devices.h"

#include <fmt/format.h>
#include <net/if.h>

#include <linux/if_arp.h>  // behind net/if.h, which it then leaves alone

#include <algorithm>

#include "injector/base/error.h"

namespace faultline::site {
namespace {

bool is_link_local(const IpPrefix& a) {
  return a.v6 ? a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80 : a.bytes[0] == 169 && a.bytes[1] == 254;
}

/// A port of a bridge or bond, which the kernel may have given a link-local address before it became one: what passes
/// it belongs to the device above. A device with other addresses keeps them for itself, as those of a VRF do.
bool is_port(const Device& device) {
  return device.master != 0 && std::all_of(device.addresses.begin(), device.addresses.end(),
                                           [](const IpPrefix& a) { return a.v6 && is_link_local(a); });
}

/// One that the plan names must be able to have faults.
void refuse_unfit(const Device& device, const std::vector<Device>& all) {
  if (is_l3(device)) return;
  if (!(device.flags & IFF_UP))
    throw Failure(Exit::cannot_run, fmt::format("device {} is down: ip link set {} up", device.name, device.name));
  const auto master = std::find_if(all.begin(), all.end(), [&](const Device& d) { return d.index == device.master; });
  throw Failure(
      Exit::cannot_run,
      fmt::format("device {} has no IP address of its own{}; a packet meets a fault at the device that has the address",
                  device.name,
                  device.master != 0 && master != all.end()
                      ? fmt::format(", it is a port of {}: name that", master->name)
                      : ""));
}

/// IP tunnels whose far end may be left open.
bool is_ip_tunnel(const Device& device) {
  switch (device.type) {
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return true;
    default:
      return false;
  }
}

}  // namespace

// The kernel's own list (dev_is_mac_header_xmit() in include/linux/if_arp.h): by it bpf_redirect() decides whether to
// take the Ethernet header off.
bool is_bare(const Device& device) {
  return is_ip_tunnel(device) || device.type == ARPHRD_NONE || device.type == ARPHRD_RAWIP || device.type == ARPHRD_PPP;
}

void refuse_unknown_link(const Device& device) {
  if (device.type != ARPHRD_ETHER && device.type != ARPHRD_LOOPBACK && !is_bare(device))
    throw Failure(Exit::cannot_run, fmt::format("device {} has a link header of its own kind (link type {}); faults "
                                                "act on Ethernet devices, on lo, and on devices "
                                                "without any link header (tun, WireGuard, IP tunnels, PPP). Name "
                                                "another device, or a peer that is reached over one",
                                                device.name, device.type));
  // Where each packet goes to is then in its route, which does not survive the pen; and of GRE the outer header is in
  // sight.
  if (is_ip_tunnel(device) && !(device.flags & IFF_POINTOPOINT))
    throw Failure(Exit::cannot_run, fmt::format("device {} is a tunnel without a far end of its own (`remote`): where "
                                                "a packet goes to is in its route, which a "
                                                "delayed packet does not keep. Put the fault on the device underneath, "
                                                "or name a peer that is reached over another device",
                                                device.name));
}

std::string why_left_out(const Device& device) {
  if (!device.external) return {};
  return "it is a tunnel whose far end comes with each packet (external), which a packet that is held does not keep; "
         "faults act on its outer packets, at the devices underneath";
}

bool is_l3(const Device& device) {
  return (device.flags & IFF_UP) != 0 && !device.addresses.empty() && !is_port(device);
}

std::vector<Device> l3_devices(const std::string& only) {
  std::vector<Device> found;
  auto all = list_devices();
  for (auto& device : all) {
    if (!only.empty() && device.name != only) continue;
    if (!only.empty()) refuse_unfit(device, all);
    if (!is_l3(device)) continue;
    if (const auto why = why_left_out(device); !why.empty()) {
      if (!only.empty()) throw Failure(Exit::cannot_run, fmt::format("device {} cannot have faults: {}", only, why));
      continue;
    }
    refuse_unknown_link(device);
    found.push_back(device);
  }
  return found;
}

std::vector<IpPrefix> own_addresses(LinkLocal link_local) {
  std::vector<IpPrefix> all;
  for (const auto& device : list_devices()) {
    for (const auto& address : device.addresses) {
      if (address.is_loopback()) continue;
      if (link_local == LinkLocal::left_out && is_link_local(address)) continue;
      all.push_back(address.alone());
    }
  }
  return all;
}

}  // namespace faultline::site
