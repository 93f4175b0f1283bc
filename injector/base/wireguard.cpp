#include "injector/base/wireguard.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"

namespace faultline {
namespace {

/// Generic netlink gives each family its message type when its module is loaded.
std::uint16_t family_number(const std::string& name) {
  NetlinkRequest families(GENL_ID_CTRL, 0, NETLINK_GENERIC);
  families.header<genlmsghdr>().cmd = CTRL_CMD_GETFAMILY;
  std::uint16_t found = 0;
  netlink_dump("list generic netlink families", families, [&](const nlmsghdr* message) {
    std::uint16_t number = 0;
    bool named = false;
    each_attribute(message, GENL_HDRLEN, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID) number = mnl_attr_get_u16(attribute);
      if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_NAME) named = name == mnl_attr_get_str(attribute);
    });
    if (named) found = number;
  });
  if (found == 0) check_neg("find the kernel's interface to " + name, -ENOENT);
  return found;
}

}  // namespace

std::uint16_t wireguard_port(int ifindex) {
  NetlinkRequest device(family_number(WG_GENL_NAME), 0, NETLINK_GENERIC);
  auto& header = device.header<genlmsghdr>();
  header.cmd = WG_CMD_GET_DEVICE;
  header.version = WG_GENL_VERSION;
  device.put_u32(WGDEVICE_A_IFINDEX, static_cast<std::uint32_t>(ifindex));
  std::uint16_t port = 0;
  netlink_dump("ask WireGuard for its port", device, [&](const nlmsghdr* message) {
    each_attribute(message, GENL_HDRLEN, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == WGDEVICE_A_LISTEN_PORT) port = mnl_attr_get_u16(attribute);
    });
  });
  return port;
}

}  // namespace faultline
