// What carries a site's tunnels, told from its devices. (WireGuard's port is asked of the kernel: vm/stacks.)
#include "injector/site/tunnels.h"

#include <gtest/gtest.h>

#include "faults/abi.h"
#include "injector/base/error.h"

namespace faultline::site {
namespace {

Device of_kind(const std::string& kind, std::uint16_t port = 0) {
  Device device;
  device.kind = kind;
  device.tunnel_port = port;
  return device;
}

TEST(Tunnels, AreToldByProtocolOrPort) {
  EXPECT_TRUE(tunnels_of({of_kind(""), of_kind("veth"), of_kind("tun"), of_kind("vlan")}).empty());
  const auto all = tunnels_of({of_kind("sit"), of_kind("gretap"), of_kind("xfrm"), of_kind("vxlan", 4789),
                               of_kind("geneve", 6081), of_kind("vxlan", 4789)});
  EXPECT_EQ(all.protocols, 1ull << 4 | 1ull << 41 | 1ull << 47 | 1ull << 50 | 1ull << 51);
  EXPECT_EQ(all.ports, (std::set<std::uint16_t>{4789, 6081}));
  EXPECT_FALSE(all.empty());
}

TEST(Tunnels, OfMoreThanASiteTakesTheCountIsSaid) {
  std::vector<Device> devices;
  for (std::uint16_t port = 0; port <= FL_MAX_TUNNEL_PORTS; port++) devices.push_back(of_kind("vxlan", 5000 + port));
  try {
    tunnels_of(devices);
    FAIL() << "refused";
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("9 UDP ports; one site takes 8"), std::string::npos) << failure.what();
  }
}

}  // namespace
}  // namespace faultline::site
