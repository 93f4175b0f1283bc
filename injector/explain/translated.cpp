#include "injector/explain/translated.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <set>
#include <utility>

#include "injector/base/netlink_request.h"

namespace faultline::explain {
namespace {

using Table = std::pair<std::uint8_t, std::string>;  // family and name

const char* family_name(std::uint8_t family) {
  return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

void dump_nftables(std::uint16_t what, const std::function<void(std::uint8_t family, const nlmsghdr*)>& visit) {
  NetlinkRequest request(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | what), 0, NETLINK_NETFILTER);
  auto& header = request.header<nfgenmsg>();
  header.nfgen_family = NFPROTO_UNSPEC;
  header.version = NFNETLINK_V0;
  netlink_dump("list nftables' rules", request, [&](const nlmsghdr* message) {
    const auto family = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message))->nfgen_family;
    if (family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET) visit(family, message);
  });
}

/// Whether an expression of a rule changes where a connection goes to.
bool changes_destination(const nlattr* expression) {
  std::string name, target;
  std::uint32_t kind = NFT_NAT_SNAT;
  each_nested(expression, [&](const nlattr* part) {
    if (mnl_attr_get_type(part) == NFTA_EXPR_NAME) name = mnl_attr_get_str(part);
    if (mnl_attr_get_type(part) != NFTA_EXPR_DATA) return;
    each_nested(part, [&](const nlattr* data) {
      if (name == "nat" && mnl_attr_get_type(data) == NFTA_NAT_TYPE) kind = ntohl(mnl_attr_get_u32(data));
      if (name == "target" && mnl_attr_get_type(data) == NFTA_TARGET_NAME) target = mnl_attr_get_str(data);
    });
  });
  return name == "redir" || (name == "nat" && kind == NFT_NAT_DNAT) || target == "DNAT" || target == "REDIRECT";
}

/// Tables with a rule that does.
std::set<Table> translating_tables() {
  std::set<Table> tables;
  dump_nftables(NFT_MSG_GETRULE, [&](std::uint8_t family, const nlmsghdr* message) {
    std::string table;
    bool translates = false;
    each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NFTA_RULE_TABLE) table = mnl_attr_get_str(attribute);
      if (mnl_attr_get_type(attribute) == NFTA_RULE_EXPRESSIONS)
        each_nested(attribute, [&](const nlattr* element) { translates |= changes_destination(element); });
    });
    if (translates) tables.insert({family, table});
  });
  return tables;
}

/// What such a table does it does to connections over lo where it has a chain that is asked about what this machine
/// sends.
std::vector<std::string> by_nftables() {
  std::vector<std::string> all;
  const auto tables = translating_tables();
  if (tables.empty()) return all;
  dump_nftables(NFT_MSG_GETCHAIN, [&](std::uint8_t family, const nlmsghdr* message) {
    std::string table, name, type;
    std::uint32_t hook = NF_INET_NUMHOOKS;
    each_attribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      switch (mnl_attr_get_type(attribute)) {
        case NFTA_CHAIN_TABLE:
          table = mnl_attr_get_str(attribute);
          break;
        case NFTA_CHAIN_NAME:
          name = mnl_attr_get_str(attribute);
          break;
        case NFTA_CHAIN_TYPE:
          type = mnl_attr_get_str(attribute);
          break;
        case NFTA_CHAIN_HOOK:
          each_nested(attribute, [&](const nlattr* part) {
            if (mnl_attr_get_type(part) == NFTA_HOOK_HOOKNUM) hook = ntohl(mnl_attr_get_u32(part));
          });
          break;
        default:
          break;
      }
    });
    if (type == "nat" && hook == NF_INET_LOCAL_OUT && tables.contains({family, table}))
      all.push_back(fmt::format("connections that nftables redirects (table {} {}, chain {}) are left out",
                                family_name(family), table, name));
  });
  return all;
}

/// The older iptables, whose rules cannot be listed by netlink.
std::vector<std::string> by_iptables() {
  std::vector<std::string> all;
  for (const auto& [file, program] : {std::pair{"ip_tables_names", "iptables"}, {"ip6_tables_names", "ip6tables"}}) {
    std::ifstream names(std::string("/proc/thread-self/net/") + file);
    for (std::string name; std::getline(names, name);)
      if (name == "nat")
        all.push_back(fmt::format("connections that {} redirects (its table nat is in use) are left out", program));
  }
  return all;
}

}  // namespace

std::vector<std::string> translated_on_lo() {
  std::vector<std::string> all = by_iptables();
  try {
    for (auto& one : by_nftables()) all.push_back(std::move(one));
  } catch (const std::exception&) {  // no privilege, or a kernel without nftables
  }
  return all;
}

}  // namespace faultline::explain
