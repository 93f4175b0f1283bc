// The few rtnetlink requests Faultline makes, over libmnl: make a veth pair or a bridge, set a device up, give it
// addresses and routes, list what is there. Everything acts in the calling thread's network namespace (see Inside).
// Errors are std::system_error with the attempt and the device named.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/netns.h"

struct nlmsghdr;

namespace faultline {

/// An IP address with a prefix length, either family. Host order is never used: bytes are as on the wire.
struct IpPrefix {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  ///< the first 4 are used for IPv4
  int length = 0;                        ///< 0..32 or 0..128

  /// Parses "10.0.0.0/8", "10.0.0.1", "fd00::/8", "::1". Empty when it is none of these. Host bits are kept.
  static std::optional<IpPrefix> parse(const std::string& text);
  std::string text() const;          ///< "10.0.0.0/8"
  std::string address_text() const;  ///< "10.0.0.0"
  IpPrefix network() const;          ///< the same without host bits
  IpPrefix alone() const;            ///< the address by itself: of length 32 or 128
  bool covers(const IpPrefix& address) const;
  bool is_loopback() const;  ///< of an address: 127.0.0.0/8, ::1
  bool operator==(const IpPrefix&) const = default;
};

struct Device {
  int index = 0;
  std::string name;
  std::string kind;         ///< IFLA_INFO_KIND: "veth", "bridge", "vlan", …; empty for physical ones and lo
  unsigned flags = 0;       ///< IFF_*
  unsigned short type = 0;  ///< ARPHRD_*
  unsigned mtu = 0;
  int master = 0;  ///< ifindex of the bridge or bond it is a port of, else 0
  int link = 0;    ///< IFLA_LINK: the lower device (VLAN) or the peer (veth: index in *its* namespace), else 0
  std::uint16_t tunnel_port = 0;    ///< of UDP, that a vxlan or geneve device sends to
  bool external = false;            ///< a tunnel whose far end comes with each packet ("external", collect metadata)
  std::vector<IpPrefix> addresses;  ///< every address on it, link-local ones included
};

struct VethEnd {
  std::string name;
  const NetNs* ns = nullptr;  ///< null: the calling thread's
  unsigned mtu = 1500;
  unsigned txqueuelen = 1000;
  bool quiet = false;  ///< no IP address of its own: addr_gen_mode none, NOARP (set before it can be up); a link
                       ///< address that udev keeps
  unsigned group = 0;  ///< see delete_group()
};

/// Every device with its addresses, in no particular order.
std::vector<Device> list_devices();
/// What a device has carried so far, and the XDP program on it, which sees what arrives before all others do.
struct Traffic {
  std::string device;
  std::uint64_t received = 0, sent = 0;  ///< packets; one that is segmented later counts as one
  std::uint64_t received_bytes = 0, sent_bytes = 0;
  std::uint32_t xdp = 0;  ///< id of the program; 0: none
};
/// By the devices' indices.
std::map<int, Traffic> list_traffic();
/// The same of the one that a message of the kernel's (RTM_NEWLINK, RTM_DELLINK) is about.
Traffic traffic_of(const nlmsghdr* message);
/// Makes a pair, each end down and in its own namespace. When anything fails, nothing of it is left.
void add_veth(const VethEnd& a, const VethEnd& b);
void add_bridge(const std::string& name);
/// Makes `device` a port of the bridge or bond `master`.
void set_master(const std::string& device, const std::string& master);
void set_up(const std::string& device);
void set_alias(const std::string& device, const std::string& alias);
void set_txqueuelen(const std::string& device, unsigned packets);
void set_mtu(const std::string& device, unsigned mtu);
/// Keeps a device that is still down from ever sending on its own: no address of its own, no ARP, no IPv6 (the sysctl
/// disable_ipv6, which also spares it the multicast route and reports).
void set_quiet(const std::string& device);
/// Deletes a device *that the caller created*. No error if it is already gone.
void delete_device(int ifindex);
/// Deletes all devices of a group *that the caller created* in the calling thread's namespace, each with its peer, in
/// one go, which takes little longer than one alone. It is fine if there are none.
void delete_group(unsigned group);
void add_address(const std::string& device, const IpPrefix& address);  ///< IPv6 without duplicate address detection
/// Into the main table. Length 0 is the default route; host bits of `destination` are ignored; a gateway must be of the
/// same family.
void add_route(const IpPrefix& destination, const std::optional<IpPrefix>& gateway, const std::string& device);

/// Writes one sysctl of the calling thread's network namespace, e.g. ("net/ipv6/conf/flpen0/disable_ipv6", "1").
/// Needs no /proc mount of that namespace: the file's meaning follows the thread. Returns false if there is no such
/// key.
bool write_sysctl(const std::string& key, const std::string& value);

}  // namespace faultline
