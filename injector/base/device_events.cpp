#include "injector/base/device_events.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"

namespace faultline {
namespace {

constexpr int kBuffer = 256 << 10;  // of the socket: a namespace may be taken apart at once

void read_link(const nlmsghdr* message, DeviceEvents::News& news) {
  const auto& link = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  if (link.ifi_family != AF_UNSPEC) return;  // a bridge's view of its ports
  news.devices = true;
  if (message->nlmsg_type != RTM_DELLINK) {
    news.seen.push_back({link.ifi_index, traffic_of(message)});
    return;
  }
  std::erase_if(news.seen, [&](const auto& seen) { return seen.index == link.ifi_index; });
  DeviceEvents::Left left{link.ifi_index, false, link.ifi_index};
  left.carried = traffic_of(message);
  each_attribute(message, sizeof link, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_NEW_NETNSID) {
      left.moved = true;
      left.new_netns = static_cast<int>(mnl_attr_get_u32(attribute));
    }
    if (mnl_attr_get_type(attribute) == IFLA_NEW_IFINDEX)
      left.new_index = static_cast<int>(mnl_attr_get_u32(attribute));
  });
  news.left.push_back(left);
}

void read_address(const nlmsghdr* message, DeviceEvents::News& news) {
  news.devices = true;
  if (message->nlmsg_type != RTM_NEWADDR) return;
  const auto& header = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  news.addressed.push_back(static_cast<int>(header.ifa_index));
}

void read_filter(const nlmsghdr* message, DeviceEvents::News& news) {
  news.filters = true;
  if (message->nlmsg_type != RTM_NEWTFILTER) return;
  const auto& header = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
  DeviceEvents::Filter filter{header.tcm_ifindex, header.tcm_parent, 0, TC_H_MAJ(header.tcm_info) >> 16};
  each_attribute(message, sizeof header, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == TCA_CHAIN) filter.chain = mnl_attr_get_u32(attribute);
  });
  news.added.push_back(filter);
}

}  // namespace

DeviceEvents::DeviceEvents(const NetNs& ns) {
  Inside inside(ns);
  socket_ = Fd(static_cast<int>(check("listen to what happens to devices",
                                      socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE))));
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);  // the usual size will do, too
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_TC;
  check("listen to what happens to devices",
        bind(socket_.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups));
}

DeviceEvents::News DeviceEvents::read() {
  News news;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      news.devices = news.filters = true;
      continue;
    }
    if (got <= 0) return news;
    if (static_cast<std::size_t>(got) > buffer.size()) news.devices = news.filters = true;
    int left = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(got), buffer.size()));
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
          read_link(message, news);
          break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
          read_address(message, news);
          break;
        case RTM_NEWTFILTER:
        case RTM_DELTFILTER:
        case RTM_DELCHAIN:
        case RTM_NEWQDISC:
        case RTM_DELQDISC:
          read_filter(message, news);
          break;
        default:
          break;
      }
    }
  }
}

}  // namespace faultline
