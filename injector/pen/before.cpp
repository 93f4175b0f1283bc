#include "injector/pen/before.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <exception>

#include "injector/base/netlink_request.h"
#include "injector/pen/chain.h"

namespace faultline::pen {
namespace {

constexpr std::uint32_t kEgress = 1;  // NF_NETDEV_EGRESS, of 5.16

struct NftChain {
  std::string table, name;
  std::uint32_t hook = 0;
  std::vector<std::string> devices;
};

NftChain read_chain(const nlmsghdr* message) {
  NftChain chain;
  each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case NFTA_CHAIN_TABLE:
        chain.table = mnl_attr_get_str(attribute);
        break;
      case NFTA_CHAIN_NAME:
        chain.name = mnl_attr_get_str(attribute);
        break;
      case NFTA_CHAIN_HOOK:
        each_nested(attribute, [&](const nlattr* part) {
          if (mnl_attr_get_type(part) == NFTA_HOOK_HOOKNUM) chain.hook = ntohl(mnl_attr_get_u32(part));
          if (mnl_attr_get_type(part) == NFTA_HOOK_DEV) chain.devices.emplace_back(mnl_attr_get_str(part));
          if (mnl_attr_get_type(part) == NFTA_HOOK_DEVS)
            each_nested(part, [&](const nlattr* device) { chain.devices.emplace_back(mnl_attr_get_str(device)); });
        });
        break;
      default:
        break;
    }
  });
  return chain;
}

std::vector<NftChain> egress_chains() {
  std::vector<NftChain> chains;
  NetlinkRequest request((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, 0, NETLINK_NETFILTER);
  auto& header = request.header<nfgenmsg>();
  header.nfgen_family = NFPROTO_NETDEV;
  header.version = NFNETLINK_V0;
  netlink_dump("list nftables' chains", request, [&](const nlmsghdr* message) {
    NftChain chain = read_chain(message);
    if (chain.hook == kEgress && !chain.devices.empty()) chains.push_back(std::move(chain));
  });
  return chains;
}

}  // namespace

std::vector<std::string> others_before_faults(const std::vector<Device>& devices) {
  std::vector<std::string> all;
  try {
    const auto traffic = list_traffic();
    for (const auto& device : devices)
      if (const auto at = traffic.find(device.index); at != traffic.end() && at->second.xdp != 0)
        all.push_back(fmt::format("XDP {} on {} sees what arrives before the faults do", program_name(at->second.xdp),
                                  device.name));
    for (const auto& chain : egress_chains())
      for (const auto& name : chain.devices)
        if (std::any_of(devices.begin(), devices.end(), [&](const Device& d) { return d.name == name; }))
          all.push_back(fmt::format("nftables' chain {} {} on {} sees what leaves before the faults do", chain.table,
                                    chain.name, name));
  } catch (const std::exception&) {  // no privilege, or a kernel without nftables
  }
  return all;
}

}  // namespace faultline::pen
