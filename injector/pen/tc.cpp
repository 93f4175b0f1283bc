#include "injector/pen/tc.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <functional>
#include <initializer_list>
#include <system_error>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"

namespace faultline::pen::tc {
namespace {

constexpr int kDumpAttempts = 10;

std::uint32_t parent_of(Hook hook) {
  return TC_H_MAKE(TC_H_CLSACT, hook == Hook::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

const char* name_of(Hook hook) { return hook == Hook::ingress ? "ingress" : "egress"; }

tcmsg& put_device(NetlinkRequest& request, int ifindex, std::uint32_t parent) {
  tcmsg& header = request.header<tcmsg>();
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = ifindex;
  header.tcm_parent = parent;
  return header;
}

/// Runs a dump until it was not disturbed by changes. `restart` forgets what earlier attempts saw.
void dump(const std::string& attempt, std::uint16_t type, int ifindex, std::uint32_t parent,
          const std::function<void()>& restart, const std::function<void(const nlmsghdr*, const tcmsg&)>& visit) {
  for (int i = 0; i < kDumpAttempts; i++) {
    restart();
    NetlinkRequest request(type, 0);
    put_device(request, ifindex, parent);
    const bool whole = netlink_dump(attempt, request, [&](const nlmsghdr* message) {
      const auto& header = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
      if (header.tcm_ifindex == ifindex) visit(message, header);
    });
    if (whole) return;
  }
  check_neg(attempt + " (it keeps changing)", -EBUSY);
}

/// Runs a change; false when it failed for one of the reasons in `expected`.
bool change(const std::string& attempt, NetlinkRequest& request, std::initializer_list<int> expected) {
  try {
    netlink_ack(attempt, request);
    return true;
  } catch (const std::system_error& error) {
    for (const int code : expected) {
      if (error.code().value() == code) return false;
    }
    throw;
  }
}

}  // namespace

std::vector<Filter> list_filters(int ifindex, Hook hook) {
  std::vector<Filter> filters;
  const std::string attempt =
      std::string("list the ") + name_of(hook) + " filters of device " + std::to_string(ifindex);
  dump(
      attempt, RTM_GETTFILTER, ifindex, parent_of(hook), [&] { filters.clear(); },
      [&](const nlmsghdr* message, const tcmsg& header) {
        Filter filter;
        filter.priority = TC_H_MAJ(header.tcm_info) >> 16;
        filter.protocol = static_cast<std::uint16_t>(TC_H_MIN(header.tcm_info));
        filter.handle = header.tcm_handle;
        each_attribute(message, sizeof header, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == TCA_KIND) filter.kind = mnl_attr_get_str(attribute);
          if (mnl_attr_get_type(attribute) == TCA_CHAIN) filter.chain = mnl_attr_get_u32(attribute);
          if (mnl_attr_get_type(attribute) != TCA_OPTIONS || filter.kind != "bpf") return;
          each_nested(attribute, [&](const nlattr* option) {
            if (mnl_attr_get_type(option) == TCA_BPF_NAME) filter.name = mnl_attr_get_str(option);
            if (mnl_attr_get_type(option) == TCA_BPF_ID) filter.program = mnl_attr_get_u32(option);
          });
        });
        filters.push_back(std::move(filter));
      });
  return filters;
}

bool has_chains(int ifindex, Hook hook) {
  bool any = false;
  dump(
      "list the filter chains of device " + std::to_string(ifindex), RTM_GETCHAIN, ifindex, parent_of(hook),
      [&] { any = false; }, [&](const nlmsghdr*, const tcmsg&) { any = true; });
  return any;
}

std::string ingress_qdisc(int ifindex) {
  std::string kind;
  dump(
      "list the qdiscs of device " + std::to_string(ifindex), RTM_GETQDISC, ifindex, 0, [&] { kind.clear(); },
      [&](const nlmsghdr* message, const tcmsg& header) {
        if (header.tcm_parent != TC_H_INGRESS) return;
        each_attribute(message, sizeof header, [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == TCA_KIND) kind = mnl_attr_get_str(attribute);
        });
      });
  return kind;
}

bool add_clsact(int ifindex, const std::string& device) {
  NetlinkRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
  put_device(request, ifindex, TC_H_CLSACT).tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  request.put_string(TCA_KIND, "clsact");
  return change("add a clsact qdisc to " + device, request, {EEXIST});
}

void delete_clsact(int ifindex, const std::string& device) {
  NetlinkRequest request(RTM_DELQDISC, 0);
  put_device(request, ifindex, TC_H_CLSACT).tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  change("remove our clsact qdisc from " + device, request, {ENODEV, ENOENT, EINVAL});
}

bool add_filter(int ifindex, const std::string& device, Hook hook, std::uint32_t priority, int program,
                const std::string& name, std::uint32_t handle) {
  NetlinkRequest request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
  tcmsg& header = put_device(request, ifindex, parent_of(hook));
  header.tcm_handle = handle;
  header.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
  request.put_string(TCA_KIND, "bpf");
  request.nest(TCA_OPTIONS, [&] {
    request.put_u32(TCA_BPF_FD, static_cast<std::uint32_t>(program));
    request.put_string(TCA_BPF_NAME, name);
    request.put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  });
  return change(std::string("attach a filter to ") + name_of(hook) + " of " + device, request, {EEXIST});
}

void delete_filter(int ifindex, const std::string& device, Hook hook, const Filter& filter) {
  NetlinkRequest request(RTM_DELTFILTER, 0);
  tcmsg& header = put_device(request, ifindex, parent_of(hook));
  header.tcm_handle = filter.handle;
  header.tcm_info = TC_H_MAKE(filter.priority << 16, filter.protocol);
  request.put_string(TCA_KIND, filter.kind);
  request.put_u32(TCA_CHAIN, filter.chain);
  // EINVAL: the qdisc itself is gone.
  change(std::string("remove our filter from ") + name_of(hook) + " of " + device, request, {ENODEV, ENOENT, EINVAL});
}

}  // namespace faultline::pen::tc
