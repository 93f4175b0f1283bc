// A value that ethtool tells of a device, asked of the kernel.
#pragma once

#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "injector/base/fd.h"

namespace faultline::test {

/// `command` is one of ethtool's that takes nothing: ETHTOOL_GTSO.
inline std::uint32_t ethtool_value_of(const std::string& device, std::uint32_t command) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value value{};
  value.cmd = command;
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  EXPECT_EQ(ioctl(socket.get(), SIOCETHTOOL, &request), 0);
  return value.data;
}

}  // namespace faultline::test
