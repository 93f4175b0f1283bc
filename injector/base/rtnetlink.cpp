#include "injector/base/rtnetlink.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"

namespace faultline {
namespace {

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;  // never take over what another made

int index_of(const std::string& attempt, const std::string& device) {
  const unsigned index = if_nametoindex(device.c_str());
  if (index == 0) throw std::system_error(errno, std::generic_category(), attempt);
  return static_cast<int>(index);
}

/// Changes one device: `fill` sets flags in the header and appends attributes.
void change(const std::string& attempt, const std::string& device,
            const std::function<void(NetlinkRequest&, ifinfomsg&)>& fill) {
  NetlinkRequest request(RTM_NEWLINK, 0);
  auto& link = request.header<ifinfomsg>();
  link.ifi_index = index_of(attempt, device);
  fill(request, link);
  netlink_ack(attempt, request);
}

void put_address(NetlinkRequest& request, std::uint16_t type, const IpPrefix& address) {
  request.put(type, address.bytes.data(), address.v6 ? 16 : 4);
}

/// A link-layer address that is nobody's: locally administered, unicast.
std::array<std::uint8_t, 6> any_link_address() {
  std::array<std::uint8_t, 6> address{};
  check("draw a link-layer address", getrandom(address.data(), address.size(), 0));
  address[0] = static_cast<std::uint8_t>((address[0] & 0xfc) | 0x02);
  return address;
}

void put_veth_end(NetlinkRequest& request, ifinfomsg& link, const VethEnd& end) {
  if (end.quiet) {
    link.ifi_flags = IFF_NOARP;
    link.ifi_change = IFF_NOARP;
    // One that the kernel draws is replaced by systemd-udevd (MACAddressPolicy=persistent); one that was given stays.
    const auto address = any_link_address();
    request.put(IFLA_ADDRESS, address.data(), address.size());
  }
  request.put_string(IFLA_IFNAME, end.name);
  request.put_u32(IFLA_MTU, end.mtu);
  request.put_u32(IFLA_TXQLEN, end.txqueuelen);
  if (end.group != 0) request.put_u32(IFLA_GROUP, end.group);
}

void quiet_end(const VethEnd& end) {
  if (!end.quiet) return;
  if (end.ns != nullptr) {
    Inside inside(*end.ns);
    set_quiet(end.name);
  } else {
    set_quiet(end.name);
  }
}

}  // namespace

void add_veth(const VethEnd& a, const VethEnd& b) {
  const std::string attempt = "add veth pair " + a.name + " and " + b.name;
  const NetNs own = NetNs::current();
  // The request is made from a's namespace: before 6.15 the kernel looks for a device of that name in the requester's.
  // The peer's namespace is always named: what it would be otherwise has changed between kernels.
  const NetNs& home = a.ns != nullptr ? *a.ns : own;
  const NetNs& away = b.ns != nullptr ? *b.ns : own;
  Inside inside(home);

  NetlinkRequest request(RTM_NEWLINK, kCreate);
  put_veth_end(request, request.header<ifinfomsg>(), a);
  request.nest(IFLA_LINKINFO, [&] {
    request.put_string(IFLA_INFO_KIND, "veth");
    request.nest(IFLA_INFO_DATA, [&] {
      request.nest(VETH_INFO_PEER, [&] {
        put_veth_end(request, request.header<ifinfomsg>(), b);
        request.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(away.fd()));
      });
    });
  });
  netlink_ack(attempt, request);

  // The kernel reads IFLA_AF_SPEC only for a device that exists, so quietness takes a second request. Nothing is lost:
  // both ends are still down.
  const int index = index_of(attempt, a.name);
  try {
    quiet_end({a.name, &home, a.mtu, a.txqueuelen, a.quiet});
    quiet_end({b.name, &away, b.mtu, b.txqueuelen, b.quiet});
  } catch (...) {
    try {
      delete_device(index);
    } catch (...) {  // the first failure is the one to tell
    }
    throw;
  }
}

void add_bridge(const std::string& name) {
  NetlinkRequest request(RTM_NEWLINK, kCreate);
  request.header<ifinfomsg>();
  request.put_string(IFLA_IFNAME, name);
  request.nest(IFLA_LINKINFO, [&] { request.put_string(IFLA_INFO_KIND, "bridge"); });
  netlink_ack("add bridge " + name, request);
}

void set_master(const std::string& device, const std::string& master) {
  const std::string attempt = "make " + device + " a port of " + master;
  const auto master_index = static_cast<std::uint32_t>(index_of(attempt, master));
  change(attempt, device, [&](NetlinkRequest& request, ifinfomsg&) { request.put_u32(IFLA_MASTER, master_index); });
}

void set_up(const std::string& device) {
  change("set " + device + " up", device, [](NetlinkRequest&, ifinfomsg& link) {
    link.ifi_flags = IFF_UP;
    link.ifi_change = IFF_UP;
  });
}

void set_alias(const std::string& device, const std::string& alias) {
  change("set the alias of " + device, device, [&](NetlinkRequest& request, ifinfomsg&) {
    request.put(IFLA_IFALIAS, alias.data(), alias.size());  // the kernel adds the NUL
  });
}

void set_txqueuelen(const std::string& device, unsigned packets) {
  change("set txqueuelen of " + device + " to " + std::to_string(packets), device,
         [&](NetlinkRequest& request, ifinfomsg&) { request.put_u32(IFLA_TXQLEN, packets); });
}

void set_mtu(const std::string& device, unsigned mtu) {
  change("set MTU of " + device + " to " + std::to_string(mtu), device,
         [&](NetlinkRequest& request, ifinfomsg&) { request.put_u32(IFLA_MTU, mtu); });
}

void set_quiet(const std::string& device) {
  const std::string attempt = "make " + device + " quiet";
  change(attempt, device, [](NetlinkRequest&, ifinfomsg& link) {
    link.ifi_flags = IFF_NOARP;
    link.ifi_change = IFF_NOARP;
  });
  try {
    change(attempt, device, [](NetlinkRequest& request, ifinfomsg&) {
      request.nest(IFLA_AF_SPEC, [&] {
        request.nest(AF_INET6, [&] { request.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
      });
    });
  } catch (const std::system_error& error) {
    // A kernel booted without IPv6, or a device too small for it, cannot make an address anyway.
    if (error.code().value() != EAFNOSUPPORT) throw;
  }
  // Without an address it would still announce its multicast groups and get a multicast route.
  write_sysctl("net/ipv6/conf/" + device + "/disable_ipv6", "1");
}

void delete_device(int ifindex) {
  NetlinkRequest request(RTM_DELLINK, 0);
  request.header<ifinfomsg>().ifi_index = ifindex;
  try {
    netlink_ack("delete network device " + std::to_string(ifindex), request);
  } catch (const std::system_error& error) {
    if (error.code().value() != ENODEV) throw;
  }
}

void delete_group(unsigned group) {
  NetlinkRequest request(RTM_DELLINK, 0);
  request.header<ifinfomsg>();
  request.put_u32(IFLA_GROUP, group);
  try {
    netlink_ack("delete network devices of group " + std::to_string(group), request);
  } catch (const std::system_error& error) {
    if (error.code().value() != ENODEV) throw;
  }
}

void add_address(const std::string& device, const IpPrefix& address) {
  const std::string attempt = "add address " + address.text() + " to " + device;
  NetlinkRequest request(RTM_NEWADDR, kCreate);
  auto& header = request.header<ifaddrmsg>();
  header.ifa_family = address.v6 ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_flags = address.v6 ? IFA_F_NODAD : 0;
  header.ifa_index = static_cast<std::uint32_t>(index_of(attempt, device));
  put_address(request, IFA_LOCAL, address);
  put_address(request, IFA_ADDRESS, address);
  netlink_ack(attempt, request);
}

void add_route(const IpPrefix& destination, const std::optional<IpPrefix>& gateway, const std::string& device) {
  const std::string via = gateway ? " via " + gateway->address_text() : "";
  const std::string attempt = "add route to " + destination.text() + via + " on " + device;
  if (gateway && gateway->v6 != destination.v6) check_neg(attempt + " (address families differ)", -EINVAL);
  NetlinkRequest request(RTM_NEWROUTE, kCreate);
  auto& header = request.header<rtmsg>();
  header.rtm_family = destination.v6 ? AF_INET6 : AF_INET;
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.length);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  // The kernel refuses a destination with host bits.
  if (destination.length > 0) put_address(request, RTA_DST, destination.network());
  if (gateway) put_address(request, RTA_GATEWAY, *gateway);
  request.put_u32(RTA_OIF, static_cast<std::uint32_t>(index_of(attempt, device)));
  netlink_ack(attempt, request);
}

bool write_sysctl(const std::string& key, const std::string& value) {
  const std::string attempt = "write " + value + " to sysctl " + key;
  Fd file(::open(("/proc/sys/" + key).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return false;
  check(attempt, file.get());
  check(attempt, ::write(file.get(), value.data(), value.size()));
  return true;
}

}  // namespace faultline
