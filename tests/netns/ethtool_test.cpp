#include "injector/base/ethtool.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "injector/base/rtnetlink.h"
#include "tests/netns/ethtool_value.h"

namespace faultline {
namespace {

using test::ethtool_value_of;

/// Packets that a device of this namespace has received.
unsigned long received(const std::string& device) {
  std::ifstream file("/proc/thread-self/net/dev");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    unsigned long bytes = 0, packets = 0;
    if (words >> name >> bytes >> packets && name == device + ":") return packets;
  }
  ADD_FAILURE() << "no device " << device;
  return 0;
}

class Ethtool : public testing::Test {
 protected:
  Ethtool() {
    add_veth({"left", &home_, 1500, 1000, true}, {"right", &away_, 1500, 1000, true});
    {
      Inside inside(away_);
      set_up("right");
    }
    Inside inside(home_);
    set_up("left");
    add_address("left", *IpPrefix::parse("10.7.0.1/24"));
  }

  /// Sends one UDP datagram train of `count` wire packets as one GSO packet; returns how many packets arrived.
  unsigned long packets_of_a_train(int count) {
    Inside back(away_);
    const unsigned long before = received("right");
    {
      Inside inside(home_);
      Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      int segment = 1000;
      EXPECT_EQ(setsockopt(socket.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(9);
      EXPECT_EQ(inet_pton(AF_INET, "10.7.0.2", &to.sin_addr), 1);
      const std::string payload(static_cast<std::size_t>(segment * count), 'x');
      EXPECT_EQ(sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
                static_cast<ssize_t>(payload.size()));
    }
    return received("right") - before;
  }

  NetNs home_ = NetNs::create();
  NetNs away_ = NetNs::create();
};

TEST_F(Ethtool, WithoutOffloadsAVethSplits) {
  EXPECT_EQ(packets_of_a_train(12), 1u);
  {
    Inside inside(home_);
    EXPECT_EQ(ethtool_value_of("left", ETHTOOL_GTSO), 1u);
    set_offloads_off("left");
    EXPECT_EQ(ethtool_value_of("left", ETHTOOL_GTSO), 0u);
    EXPECT_EQ(ethtool_value_of("left", ETHTOOL_GGSO), 0u);
    EXPECT_EQ(ethtool_value_of("left", ETHTOOL_GSG), 1u);
    EXPECT_EQ(ethtool_value_of("left", ETHTOOL_GTXCSUM), 1u);
  }
  EXPECT_EQ(packets_of_a_train(12), 12u);
  Inside inside(home_);
  EXPECT_NO_THROW(set_offloads_off("left"));  // already off
}

TEST_F(Ethtool, ErrorsNameTheDevice) {
  for (const std::string name : {"right", "a-name-beyond-fifteen"}) {  // "right" is in the other namespace
    Inside inside(home_);
    try {
      set_offloads_off(name);
      ADD_FAILURE() << name;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), ENODEV);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace faultline
