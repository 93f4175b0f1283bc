#include "injector/lab/network.h"

#include "injector/base/error.h"

namespace faultline::lab {
namespace {

const DualAddress kEverywhere{*IpPrefix::parse("0.0.0.0/0"), *IpPrefix::parse("::/0")};

void add_addresses(const std::string& device, const DualAddress& address, bool v6) {
  add_address(device, address.v4);
  if (v6) add_address(device, address.v6);
}

void add_routes(const DualAddress& subnet, const DualAddress& gateway, const std::string& device, bool v6) {
  add_route(subnet.v4, gateway.v4.alone(), device);
  if (v6) add_route(subnet.v6, gateway.v6.alone(), device);
}

/// A namespace with its loopback up and settings that do not depend on the machine's: IPv4 ones are inherited from it.
NetNs make_namespace(bool router, bool& v6) {
  NetNs ns = NetNs::create();
  const Inside inside(ns);
  const std::string forward = router ? "1" : "0";
  write_sysctl("net/ipv4/ip_forward", forward);  // first: it resets other settings
  for (const std::string scope : {"all", "default"}) {
    const std::string v4_conf = "net/ipv4/conf/" + scope + "/", v6_conf = "net/ipv6/conf/" + scope + "/";
    write_sysctl(v4_conf + "rp_filter", "0");
    write_sysctl(v4_conf + "accept_redirects", "0");
    write_sysctl(v4_conf + "send_redirects", "0");
    v6 = write_sysctl(v6_conf + "disable_ipv6", "0") && v6;
    write_sysctl(v6_conf + "forwarding", forward);
    write_sysctl(v6_conf + "accept_ra", "0");
    write_sysctl(v6_conf + "accept_dad", "0");
    write_sysctl(v6_conf + "dad_transmits", "0");
  }
  set_up("lo");
  return ns;
}

/// Says which kernel feature is missing when a device of this kind cannot be made.
template <class Make>
void make_device(const std::string& kind, const std::string& option, const Make& make) {
  try {
    make();
  } catch (const std::system_error& e) {
    if (e.code().value() != EOPNOTSUPP) throw;
    throw Failure(Exit::cannot_run, "a lab needs " + kind + " devices, which this kernel does not have (" + option +
                                        ", module \"" + kind + "\"): " + e.what());
  }
}

void build_room(const RoomLayout& room, bool v6) {
  make_device("bridge", "CONFIG_BRIDGE", [] { add_bridge("br0"); });
  set_up("br0");
  add_addresses("br0", room.router, v6);
}

void join_host(const HostLayout& host, const RoomLayout& room, const NetNs& room_ns, const NetNs& host_ns, bool v6) {
  {
    const Inside inside(room_ns);
    make_device("veth", "CONFIG_VETH", [&] {
      VethEnd near, far;
      near.name = host.port;
      far.name = "eth0";
      far.ns = &host_ns;
      add_veth(near, far);
    });
    set_master(host.port, "br0");
    set_up(host.port);
  }
  const Inside inside(host_ns);
  set_up("eth0");
  add_addresses("eth0", host.address, v6);
  for (const auto& address : host.more) add_addresses("eth0", address, v6);
  add_routes(kEverywhere, room.router, "eth0", v6);
}

void join_rooms(const LinkLayout& link, const NetNs& a, const NetNs& b, bool v6) {
  {
    const Inside inside(a);
    VethEnd near, far;
    near.name = link.device_a;
    far.name = link.device_b;
    far.ns = &b;
    make_device("veth", "CONFIG_VETH", [&] { add_veth(near, far); });
    set_up(link.device_a);
    add_addresses(link.device_a, link.address_a, v6);
  }
  const Inside inside(b);
  set_up(link.device_b);
  add_addresses(link.device_b, link.address_b, v6);
}

}  // namespace

Network build_network(const Topology& topology, const Progress& progress) {
  Network network;
  for (const auto& room : topology.rooms) {
    progress("building the network of room " + room.name);
    network.rooms.push_back(make_namespace(true, network.v6));
    const Inside inside(network.rooms.back());
    build_room(room, network.v6);
  }
  for (const auto& host : topology.hosts) {
    progress("building the network of lab host " + host.name);
    network.hosts.push_back(make_namespace(false, network.v6));
    join_host(host, topology.rooms[host.room], network.rooms[host.room], network.hosts.back(), network.v6);
  }
  for (const auto& link : topology.links) {
    progress("building a link of the lab");
    join_rooms(link, network.rooms[link.a], network.rooms[link.b], network.v6);
  }
  for (std::size_t r = 0; r < topology.rooms.size(); ++r) {
    const Inside inside(network.rooms[r]);
    for (const auto& route : topology.rooms[r].routes)
      add_routes(route.subnet, route.gateway, route.device, network.v6);
  }
  return network;
}

}  // namespace faultline::lab
