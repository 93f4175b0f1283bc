// The lab on paper: addresses, device names, routes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "injector/base/error.h"
#include "injector/lab/topology.h"

namespace faultline::lab {
namespace {

plan::Lab lab(std::vector<std::string> rooms, std::vector<std::pair<std::string, std::string>> links) {
  plan::Lab lab;
  lab.rooms = std::move(rooms);
  for (const auto& [a, b] : links) {
    plan::LabLink link;
    link.name = a + "-" + b;
    link.a = a;
    link.b = b;
    lab.links.push_back(link);
  }
  return lab;
}

void add_host(plan::Lab& lab, const std::string& name, const std::string& room) {
  plan::LabHost host;
  host.name = name;
  host.room = room;
  lab.hosts.push_back(host);
}

const RouteEntry* route_to(const RoomLayout& room, const std::string& subnet) {
  const RouteEntry* found = nullptr;
  for (const auto& route : room.routes)
    if (route.subnet.v4.text() == subnet) {
      EXPECT_EQ(found, nullptr) << "two routes to " << subnet;
      found = &route;
    }
  return found;
}

/// The rooms that a packet passes, following the routes only.
std::vector<std::size_t> path(const Topology& t, std::size_t from, std::size_t to) {
  std::vector<std::size_t> rooms = {from};
  const std::string subnet = "10.77." + std::to_string(to + 1) + ".0/24";
  while (rooms.back() != to && rooms.size() <= t.rooms.size()) {
    const RouteEntry* route = route_to(t.rooms[rooms.back()], subnet);
    if (route == nullptr) return {};
    for (const auto& link : t.links)
      if (link.a == rooms.back() && link.device_a == route->device) {
        EXPECT_EQ(route->gateway.v4, link.address_b.v4);
        EXPECT_EQ(route->gateway.v6, link.address_b.v6);
        rooms.push_back(link.b);
        break;
      } else if (link.b == rooms.back() && link.device_b == route->device) {
        EXPECT_EQ(route->gateway.v4, link.address_a.v4);
        rooms.push_back(link.a);
        break;
      }
  }
  return rooms;
}

TEST(LabTopology, AddressesFollowTheOrderOfThePlan) {
  plan::Lab plan = lab({"east", "west"}, {{"east", "west"}});
  add_host(plan, "edge", "east");
  add_host(plan, "db", "west");
  add_host(plan, "cache", "east");
  const Topology t = lay_out(plan);
  EXPECT_EQ(t.rooms[0].router.v4.text(), "10.77.1.1/24");
  EXPECT_EQ(t.rooms[1].router.v6.text(), "fd77:0:0:2::1/64");
  EXPECT_EQ(t.hosts[0].address.v4.text(), "10.77.1.10/24");
  EXPECT_EQ(t.hosts[1].address.v4.text(), "10.77.2.10/24");
  EXPECT_EQ(t.hosts[2].address.v4.text(), "10.77.1.11/24");
  EXPECT_EQ(t.hosts[2].address.v6.text(), "fd77:0:0:1::11/64");
  EXPECT_EQ(t.links[0].address_a.v4.text(), "10.78.1.1/30");
  EXPECT_EQ(t.links[0].address_b.v6.text(), "fd78:0:0:1::2/64");
  EXPECT_EQ(hosts_file(t, true),
            "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
            "10.77.1.10 edge\nfd77:0:0:1::10 edge\n10.77.2.10 db\nfd77:0:0:2::10 db\n10.77.1.11 cache\nfd77:0:0:1::11 "
            "cache\n");
  EXPECT_EQ(hosts_file(t, false), "127.0.0.1 localhost\n10.77.1.10 edge\n10.77.2.10 db\n10.77.1.11 cache\n");
}

TEST(LabTopology, AHostOfManyClientsHasAsManyAddresses) {
  plan::Lab plan = lab({"city"}, {});
  add_host(plan, "homes", "city");
  plan.hosts.back().clients = 3;
  add_host(plan, "next", "city");
  const Topology t = lay_out(plan);
  ASSERT_EQ(t.hosts[0].more.size(), 2u);
  EXPECT_EQ(t.hosts[0].address.v4.text(), "10.77.1.10/24");
  EXPECT_EQ(t.hosts[0].more[1].v4.text(), "10.77.1.12/24");
  EXPECT_EQ(t.hosts[0].more[1].v6.text(), "fd77:0:0:1::12/64");
  EXPECT_EQ(t.hosts[1].address.v4.text(), "10.77.1.13/24");
  EXPECT_TRUE(t.hosts[1].more.empty());
}

TEST(LabTopology, DeviceNamesFitAndAreUnique) {
  plan::Lab plan = lab({"a", "b"}, {{"a", "b"}});
  plan.links[0].name = "metro.fibre.north.one";
  add_host(plan, "metro-fibre-north-two", "a");
  add_host(plan, "br0", "a");
  add_host(plan, "metro-fibre-north-three", "a");
  const Topology t = lay_out(plan);
  EXPECT_EQ(t.links[0].device_a, "metro-fibre-nor");
  EXPECT_EQ(t.links[0].device_b, "metro-fibre-nor");
  EXPECT_EQ(t.hosts[0].port, "metro-fibre-n-2");
  EXPECT_EQ(t.hosts[1].port, "br0-2");
  EXPECT_EQ(t.hosts[2].port, "metro-fibre-n-3");
}

TEST(LabTopology, RoutesTakeTheFewestLinks) {
  // a - b - c - d, and a short cut a - d
  const Topology t = lay_out(lab({"a", "b", "c", "d"}, {{"a", "b"}, {"b", "c"}, {"c", "d"}, {"a", "d"}}));
  EXPECT_EQ(path(t, 0, 1), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(path(t, 0, 3), (std::vector<std::size_t>{0, 3}));
  EXPECT_EQ(path(t, 1, 3).size(), 3u);
  EXPECT_EQ(route_to(t.rooms[0], "10.78.3.0/30")->device, "a-d");  // c-d hangs nearer to d
  EXPECT_EQ(route_to(t.rooms[0], "10.78.1.0/30"), nullptr);        // it is on that link itself
}

TEST(LabTopology, PacketsGoAndComeBackTheSameWay) {
  // Many ways of equal length: a 3 x 3 grid with one doubled link.
  std::vector<std::string> rooms;
  std::vector<std::pair<std::string, std::string>> links;
  for (int i = 0; i < 9; ++i) rooms.push_back("r" + std::to_string(i));
  for (int i = 0; i < 9; ++i) {
    if (i % 3 < 2) links.push_back({rooms[i], rooms[i + 1]});
    if (i < 6) links.push_back({rooms[i + 3], rooms[i]});
  }
  links.push_back({"r0", "r1"});
  plan::Lab plan = lab(rooms, links);
  plan.links.back().name = "second";
  const Topology t = lay_out(plan);
  for (std::size_t from = 0; from < 9; ++from)
    for (std::size_t to = 0; to < 9; ++to) {
      const auto there = path(t, from, to);
      auto back = path(t, to, from);
      std::reverse(back.begin(), back.end());
      EXPECT_EQ(there, back);
      const std::size_t fewest = std::abs(int(from / 3) - int(to / 3)) + std::abs(int(from % 3) - int(to % 3));
      EXPECT_EQ(there.size(), fewest + 1);
    }
}

TEST(LabTopology, RoomsWithoutALinkHaveNoRoute) {
  const Topology t = lay_out(lab({"a", "b", "island"}, {{"a", "b"}}));
  EXPECT_EQ(t.rooms[0].routes.size(), 1u);
  EXPECT_TRUE(t.rooms[2].routes.empty());
}

TEST(LabTopology, RefusesWhatDoesNotFit) {
  plan::Lab many;
  for (int i = 0; i < 255; ++i) many.rooms.push_back("r" + std::to_string(i));
  EXPECT_THROW(lay_out(many), Failure);
  many.rooms.pop_back();
  EXPECT_EQ(lay_out(many).rooms.back().router.v4.text(), "10.77.254.1/24");

  plan::Lab full = lab({"a"}, {});
  for (int i = 0; i < 245; ++i) add_host(full, "h" + std::to_string(i), "a");
  EXPECT_EQ(lay_out(full).hosts.back().address.v4.text(), "10.77.1.254/24");
  add_host(full, "one-more", "a");
  EXPECT_THROW(lay_out(full), Failure);
  full.hosts.resize(244);
  full.hosts.back().clients = 2;
  EXPECT_EQ(lay_out(full).hosts.back().more.back().v4.text(), "10.77.1.254/24");
  full.hosts.front().clients = 2;
  EXPECT_THROW(lay_out(full), Failure);

  plan::Lab odd = lab({"a"}, {});
  add_host(odd, "../etc", "a");
  EXPECT_THROW(lay_out(odd), Failure);
  EXPECT_THROW(lay_out(lab({"a"}, {{"a", "a"}})), Failure);
  EXPECT_THROW(lay_out(lab({"a"}, {{"a", "nowhere"}})), Failure);
}

}  // namespace
}  // namespace faultline::lab
