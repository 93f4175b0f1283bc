#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"
#include "injector/base/rtnetlink.h"

namespace faultline {
namespace {

/// Says of a tunnel of this kind that its far end comes with each packet; -1: there is no such thing.
int metadata_attribute(const std::string& kind) {
  // IFLA_GRE_, IFLA_IPTUN_ and IFLA_XFRM_COLLECT_METADATA: the kernel's header does not go with <net/if.h>.
  constexpr int of_gre = 18, of_ip = 19, of_xfrm = 3;
  if (kind == "vxlan") return IFLA_VXLAN_COLLECT_METADATA;
  if (kind == "geneve") return IFLA_GENEVE_COLLECT_METADATA;
  if (kind == "xfrm") return of_xfrm;
  if (kind == "ipip" || kind == "sit" || kind == "ip6tnl") return of_ip;
  for (const char* gre : {"gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan"})
    if (kind == gre) return of_gre;
  return -1;
}

void read_kind(const nlattr* link_info, Device& device) {
  const nlattr* data = nullptr;
  each_nested(link_info, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) device.kind = mnl_attr_get_str(attribute);
    if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA) data = attribute;
  });
  device.external = device.kind == "bareudp";
  if (data == nullptr) return;
  const int metadata = metadata_attribute(device.kind);
  const int port = device.kind == "vxlan" ? IFLA_VXLAN_PORT : device.kind == "geneve" ? IFLA_GENEVE_PORT : -1;
  each_nested(data, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == metadata)
      device.external |= mnl_attr_get_payload_len(attribute) == 0 || mnl_attr_get_u8(attribute) != 0;
    if (mnl_attr_get_type(attribute) == port) device.tunnel_port = ntohs(mnl_attr_get_u16(attribute));
  });
}

Device read_link(const nlmsghdr* message) {
  const auto* link = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Device device;
  device.index = link->ifi_index;
  device.flags = link->ifi_flags;
  device.type = link->ifi_type;
  each_attribute(message, sizeof *link, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        device.name = mnl_attr_get_str(attribute);
        break;
      case IFLA_MTU:
        device.mtu = mnl_attr_get_u32(attribute);
        break;
      case IFLA_MASTER:
        device.master = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_LINK:
        device.link = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_LINKINFO:
        read_kind(attribute, device);
        break;
      default:
        break;
    }
  });
  return device;
}

void read_address(const nlmsghdr* message, std::vector<Device>& devices) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) return;
  IpPrefix prefix;
  prefix.v6 = header->ifa_family == AF_INET6;
  prefix.length = header->ifa_prefixlen;
  // On a point-to-point device IFA_ADDRESS is the other side's and IFA_LOCAL ours; elsewhere IPv6 has no IFA_LOCAL.
  const nlattr* own = nullptr;
  each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
    const int type = mnl_attr_get_type(attribute);
    if (type == IFA_LOCAL || (type == IFA_ADDRESS && own == nullptr)) own = attribute;
  });
  const std::size_t size = prefix.v6 ? 16 : 4;
  if (own == nullptr || mnl_attr_get_payload_len(own) != size) return;
  std::memcpy(prefix.bytes.data(), mnl_attr_get_payload(own), size);
  const auto device = std::find_if(devices.begin(), devices.end(), [&](const Device& candidate) {
    return candidate.index == static_cast<int>(header->ifa_index);
  });
  if (device != devices.end()) device->addresses.push_back(prefix);
}

/// Both dumps, or nothing when the kernel says that something changed within one of them.
std::optional<std::vector<Device>> try_list_devices() {
  std::vector<Device> devices;
  NetlinkRequest links(RTM_GETLINK, 0);
  links.header<ifinfomsg>().ifi_family = AF_UNSPEC;
  links.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (!netlink_dump("list network devices", links,
                    [&](const nlmsghdr* message) { devices.push_back(read_link(message)); }))
    return std::nullopt;
  NetlinkRequest addresses(RTM_GETADDR, 0);
  addresses.header<ifaddrmsg>().ifa_family = AF_UNSPEC;
  if (!netlink_dump("list network addresses", addresses,
                    [&](const nlmsghdr* message) { read_address(message, devices); }))
    return std::nullopt;
  return devices;
}

}  // namespace

std::vector<Device> list_devices() {
  constexpr int kAttempts = 20;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (auto devices = try_list_devices()) return std::move(*devices);
  }
  throw std::system_error(EAGAIN, std::generic_category(), "list network devices (they keep changing)");
}

Traffic traffic_of(const nlmsghdr* message) {
  Traffic traffic;
  each_attribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
    const int type = mnl_attr_get_type(attribute);
    if (type == IFLA_IFNAME) traffic.device = mnl_attr_get_str(attribute);
    if (type == IFLA_STATS64) {
      rtnl_link_stats64 stats{};
      std::memcpy(&stats, mnl_attr_get_payload(attribute),
                  std::min<std::size_t>(sizeof stats, mnl_attr_get_payload_len(attribute)));
      traffic.received = stats.rx_packets;
      traffic.sent = stats.tx_packets;
      traffic.received_bytes = stats.rx_bytes;
      traffic.sent_bytes = stats.tx_bytes;
    }
    if (type == IFLA_XDP)
      each_nested(attribute, [&](const nlattr* part) {
        switch (mnl_attr_get_type(part)) {
          case IFLA_XDP_PROG_ID:
          case IFLA_XDP_DRV_PROG_ID:
          case IFLA_XDP_SKB_PROG_ID:
          case IFLA_XDP_HW_PROG_ID:
            traffic.xdp = mnl_attr_get_u32(part);
            break;
          default:
            break;
        }
      });
  });
  return traffic;
}

std::map<int, Traffic> list_traffic() {
  std::map<int, Traffic> all;
  NetlinkRequest request(RTM_GETLINK, 0);
  request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
  // Gaps, should something change meanwhile, are filled the next time.
  netlink_dump("read the devices' counters", request, [&](const nlmsghdr* message) {
    const auto* link = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    all[link->ifi_index] = traffic_of(message);
  });
  return all;
}

}  // namespace faultline
