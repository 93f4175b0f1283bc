#include "injector/base/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "injector/base/rtnetlink.h"
#include "tests/netns/ethtool_value.h"

namespace faultline {
namespace {

/// virtio_net_hdr. (linux/virtio_net.h has a member named `class`, so C++ cannot include it.)
struct VnetHeader {
  std::uint8_t flags, gso_type;
  std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
static_assert(sizeof(VnetHeader) == 10);
constexpr std::uint8_t kNeedsCsum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM

bool has_device(const std::string& name) {
  const auto devices = list_devices();
  return std::any_of(devices.begin(), devices.end(), [&](const Device& device) { return device.name == name; });
}

using test::ethtool_value_of;

TEST(Tap, LivesInTheThreadsNamespaceAndDiesWithItsDescriptor) {
  const NetNs ns = NetNs::create();
  std::string first_name, second_name;
  Fd first, second;
  {
    Inside inside(ns);
    first = open_tap("line%d", &first_name);
    second = open_tap("line%d", &second_name);
  }
  EXPECT_EQ(first_name, "line0");
  EXPECT_EQ(second_name, "line1");
  EXPECT_FALSE(has_device("line0"));
  Inside inside(ns);
  EXPECT_TRUE(has_device("line0"));
  first.reset();
  EXPECT_FALSE(has_device("line0"));
  EXPECT_TRUE(has_device("line1"));
}

TEST(Tap, DescriptorSettings) {
  const NetNs ns = NetNs::create();
  Inside inside(ns);
  const Fd tap = open_tap("tap%d", nullptr);
  EXPECT_NE(fcntl(tap.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(tap.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(ethtool_value_of("tap0", ETHTOOL_GTSO), 1u);
  EXPECT_EQ(ethtool_value_of("tap0", ETHTOOL_GTXCSUM), 1u);
}

TEST(Tap, HandsOverAFrameBehindItsHeader) {
  const NetNs ns = NetNs::create();
  Inside inside(ns);
  const Fd tap = open_tap("tap%d", nullptr);
  set_quiet("tap0");
  add_address("tap0", *IpPrefix::parse("10.7.0.1/24"));
  set_up("tap0");

  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  ASSERT_EQ(inet_pton(AF_INET, "10.7.0.2", &to.sin_addr), 1);
  const std::string payload = "held for a while";
  ASSERT_EQ(sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(payload.size()));

  pollfd ready{tap.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, 5000), 1);
  char frame[2048];
  const ssize_t size = read(tap.get(), frame, sizeof frame);
  constexpr std::size_t kHeaders = sizeof(VnetHeader) + 14 + 20 + 8;
  ASSERT_EQ(size, static_cast<ssize_t>(kHeaders + payload.size()));
  EXPECT_EQ(std::memcmp(frame + kHeaders, payload.data(), payload.size()), 0);
  VnetHeader header;
  std::memcpy(&header, frame, sizeof header);
  EXPECT_EQ(header.flags, kNeedsCsum);
  EXPECT_EQ(header.csum_start, 14 + 20);
  // Nothing else: the device is quiet. And an empty TAP does not block.
  EXPECT_EQ(read(tap.get(), frame, sizeof frame), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(Tap, ErrorsNameTheDevice) {
  const NetNs ns = NetNs::create();
  Inside inside(ns);
  const Fd tap = open_tap("line", nullptr);
  for (const char* name : {"line", "a-name-beyond-fifteen", "with/slash"}) {
    try {
      open_tap(name, nullptr);
      ADD_FAILURE() << name;
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace faultline
