#include "injector/lab/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <optional>
#include <set>

#include "injector/base/error.h"

namespace faultline::lab {
namespace {

constexpr std::size_t kMost = 254;       // rooms, links: an octet of the address
constexpr std::size_t kFirstHost = 10;   // hosts are .10 to .254
constexpr std::size_t kDeviceName = 15;  // IFNAMSIZ - 1

[[noreturn]] void invalid(const std::string& message) { throw Failure(Exit::invalid, message); }

DualAddress address(unsigned block, std::size_t subnet, std::size_t host, int v4_length) {
  return {*IpPrefix::parse(fmt::format("10.{}.{}.{}/{}", block, subnet, host, v4_length)),
          *IpPrefix::parse(host == 0 ? fmt::format("fd{}:0:0:{}::/64", block, subnet)
                                     : fmt::format("fd{}:0:0:{}::{}/64", block, subnet, host))};
}

DualAddress in_room(std::size_t room, std::size_t host) { return address(77, room + 1, host, 24); }
DualAddress on_link(std::size_t link, std::size_t end) { return address(78, link + 1, end, 30); }

void check_name(const std::string& kind, const std::string& name) {
  constexpr const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (name.empty() || name.size() > 63 || name.find_first_not_of(allowed) != std::string::npos || name[0] == '.' ||
      name[0] == '-')
    invalid(fmt::format(
        "lab {} \"{}\": a name has at most 63 letters, digits, '-', '_' and '.', and begins with none of '-', '.'",
        kind, name));
}

/// A device name near `wanted` that is not yet in use in the room.
std::string device_name(std::set<std::string>& taken, std::string wanted) {
  std::replace(wanted.begin(), wanted.end(), '.', '-');  // sysctl(8) takes a dot for a slash
  std::string name = wanted.substr(0, kDeviceName);
  for (int i = 2; !taken.insert(name).second; ++i) {
    const std::string suffix = "-" + std::to_string(i);
    name = wanted.substr(0, kDeviceName - suffix.size()) + suffix;
  }
  return name;
}

/// The cost of a way: links used, then which ones. No two sets of links are equal, so there is one best way between two
/// rooms, whoever looks for it and from whichever end.
struct Way {
  std::size_t length = 0;
  std::bitset<kMost> links;

  bool shorter_than(const Way& other) const {
    if (length != other.length) return length < other.length;
    const auto difference = links ^ other.links;
    for (std::size_t l = 0; l < kMost; ++l)
      if (difference[l]) return other.links[l];  // the one that does not need the first link they differ in
    return false;
  }
};

struct FirstHop {
  std::optional<Way> way;
  std::size_t link = 0;  ///< the first link of it
};

/// The best ways to room `to`, from every room.
std::vector<FirstHop> ways_to(std::size_t to, const Topology& topology) {
  std::vector<FirstHop> hops(topology.rooms.size());
  hops[to].way = Way{};
  for (bool better = true; better;) {
    better = false;
    for (std::size_t l = 0; l < topology.links.size(); ++l)
      for (const auto& [from, via] :
           {std::pair(topology.links[l].a, topology.links[l].b), std::pair(topology.links[l].b, topology.links[l].a)}) {
        if (!hops[via].way || hops[via].way->links[l]) continue;
        Way way = *hops[via].way;
        ++way.length;
        way.links.set(l);
        if (hops[from].way && !way.shorter_than(*hops[from].way)) continue;
        hops[from] = {way, l};
        better = true;
      }
  }
  return hops;
}

void add_routes(Topology& topology) {
  const auto add = [&](std::size_t room, const FirstHop& hop, const DualAddress& subnet) {
    const LinkLayout& link = topology.links[hop.link];
    const bool at_a = link.a == room;
    topology.rooms[room].routes.push_back(
        {subnet, at_a ? link.address_b : link.address_a, at_a ? link.device_a : link.device_b});
  };
  std::vector<std::vector<FirstHop>> ways;
  for (std::size_t to = 0; to < topology.rooms.size(); ++to) {
    ways.push_back(ways_to(to, topology));
    for (std::size_t from = 0; from < topology.rooms.size(); ++from)
      if (from != to && ways[to][from].way) add(from, ways[to][from], in_room(to, 0));
  }
  // The links' own subnets too: routers answer (time exceeded, fragmentation needed) from addresses on them.
  for (std::size_t l = 0; l < topology.links.size(); ++l) {
    const LinkLayout& link = topology.links[l];
    for (std::size_t from = 0; from < topology.rooms.size(); ++from) {
      if (from == link.a || from == link.b || !ways[link.a][from].way) continue;
      const FirstHop &to_a = ways[link.a][from], &to_b = ways[link.b][from];
      add(from, to_b.way->shorter_than(*to_a.way) ? to_b : to_a, on_link(l, 0));
    }
  }
}

}  // namespace

Topology lay_out(const plan::Lab& lab) {
  Topology topology;
  if (lab.rooms.size() > kMost) invalid("a lab has at most 254 rooms");
  if (lab.links.size() > kMost) invalid("a lab has at most 254 links");
  std::vector<std::set<std::string>> taken;  // device names in each room
  for (const auto& room : lab.rooms) {
    check_name("room", room);
    topology.rooms.push_back({room, in_room(topology.rooms.size(), 1), {}});
    taken.push_back({"lo", "br0", "all", "default"});
  }
  const auto room_index = [&](const std::string& name, const std::string& whose) {
    const auto found = std::find(lab.rooms.begin(), lab.rooms.end(), name);
    if (found == lab.rooms.end()) invalid(fmt::format("{}: there is no room \"{}\"", whose, name));
    return static_cast<std::size_t>(found - lab.rooms.begin());
  };
  for (const auto& link : lab.links) {
    check_name("link", link.name);
    const std::size_t l = topology.links.size();
    const std::string whose = "lab link \"" + link.name + "\"";
    const std::size_t a = room_index(link.a, whose), b = room_index(link.b, whose);
    if (a == b) invalid(whose + ": a link joins two different rooms");
    topology.links.push_back({link.name, a, b, device_name(taken[a], link.name), device_name(taken[b], link.name),
                              on_link(l, 1), on_link(l, 2)});
  }
  std::vector<std::size_t> count(lab.rooms.size());
  for (const auto& host : lab.hosts) {
    check_name("host", host.name);
    const std::size_t room = room_index(host.room, "lab host \"" + host.name + "\"");
    const std::size_t number = kFirstHost + count[room];
    count[room] += host.clients;
    if (kFirstHost + count[room] > kMost + 1) invalid("lab room \"" + host.room + "\" has more than 245 hosts");
    topology.hosts.push_back({host.name, room, device_name(taken[room], host.name), in_room(room, number), {}});
    for (std::size_t client = 1; client < host.clients; ++client)
      topology.hosts.back().more.push_back(in_room(room, number + client));
  }
  add_routes(topology);
  return topology;
}

std::string hosts_file(const Topology& topology, bool v6) {
  std::string text = "127.0.0.1 localhost\n";
  if (v6) text += "::1 localhost ip6-localhost ip6-loopback\n";
  for (const auto& host : topology.hosts) {
    text += host.address.v4.address_text() + " " + host.name + "\n";
    if (v6) text += host.address.v6.address_text() + " " + host.name + "\n";
  }
  return text;
}

}  // namespace faultline::lab
