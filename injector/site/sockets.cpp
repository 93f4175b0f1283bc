#include "injector/site/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <charconv>
#include <cstring>
#include <filesystem>

#include "injector/base/error.h"
#include "injector/base/netlink_request.h"

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kAllStates = ~0u;
/// Of UDP it is TCP_ESTABLISHED that a connected socket has.
constexpr std::uint32_t kConnected = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |
                                     1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING;

IpPrefix read_address(int family, const std::uint32_t* words) {
  IpPrefix prefix;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool mapped = family == AF_INET6 && std::memcmp(words, kMapped, sizeof kMapped) == 0;
  prefix.v6 = family == AF_INET6 && !mapped;
  if (prefix.v6)
    std::memcpy(prefix.bytes.data(), words, 16);
  else
    std::memcpy(prefix.bytes.data(), words + (mapped ? 3 : 0), 4);
  return prefix.alone();
}

Socket read_socket(const nlmsghdr* message, const char* protocol) {
  const auto& found = *static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
  Socket socket;
  socket.protocol = protocol;
  socket.local = read_address(found.idiag_family, found.id.idiag_src);
  socket.peer = read_address(found.idiag_family, found.id.idiag_dst);
  socket.local_port = ntohs(found.id.idiag_sport);
  socket.peer_port = ntohs(found.id.idiag_dport);
  socket.inode = found.idiag_inode;
  each_attribute(message, sizeof found, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID &&
        mnl_attr_get_payload_len(attribute) == sizeof socket.cgroup)
      std::memcpy(&socket.cgroup, mnl_attr_get_payload(attribute), sizeof socket.cgroup);
  });
  return socket;
}

void dump(int family, int protocol, std::uint32_t states, std::vector<Socket>& into) {
  const char* name = protocol == IPPROTO_TCP ? "tcp" : "udp";
  NetlinkRequest request(SOCK_DIAG_BY_FAMILY, 0, NETLINK_SOCK_DIAG);
  auto& what = request.header<inet_diag_req_v2>();
  what.sdiag_family = static_cast<__u8>(family);
  what.sdiag_protocol = static_cast<__u8>(protocol);
  what.idiag_states = states;
  try {
    netlink_dump(fmt::format("list {} sockets", name), request, [&](const nlmsghdr* message) {
      if (mnl_nlmsg_get_payload_len(message) >= sizeof(inet_diag_msg)) into.push_back(read_socket(message, name));
    });
  } catch (const std::system_error& e) {  // a kernel without sock_diag, or without the protocol's module for it
    if (e.code() != std::errc::no_such_file_or_directory && e.code() != std::errc::protocol_not_supported) throw;
  }
}

std::vector<Socket> list(std::uint32_t states) {
  std::vector<Socket> all;
  for (const int family : {AF_INET, AF_INET6})
    for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP}) dump(family, protocol, states, all);
  return all;
}

}  // namespace

std::string endpoint(const IpPrefix& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.v6 ? "[{}]:{}" : "{}:{}"), address.address_text(), port);
}

std::vector<Socket> list_sockets() { return list(kAllStates); }

std::vector<Socket> list_connections() {
  auto all = list(kConnected);
  std::erase_if(all, [](const Socket& socket) { return socket.peer_port == 0; });
  return all;
}

std::set<std::uint64_t> sockets_of(pid_t pid) {
  constexpr std::string_view kMark = "socket:[";
  std::set<std::uint64_t> inodes;
  std::error_code error;
  for (auto it = fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code gone;
    const std::string target = fs::read_symlink(it->path(), gone).string();
    std::uint64_t inode = 0;
    if (target.starts_with(kMark) &&
        std::from_chars(target.data() + kMark.size(), target.data() + target.size(), inode).ec == std::errc())
      inodes.insert(inode);
  }
  return inodes;
}

std::vector<std::string> foreign_sockets(const NetNs& ns, const CgroupTree& tree, const std::vector<Cgroup>& cgroups) {
  constexpr std::size_t kShown = 3;
  std::set<std::uint64_t> own, held;
  for (const auto& cgroup : cgroups) {
    for (const auto id : tree.ids(cgroup.path)) own.insert(id);
    for (const pid_t pid : tree.processes(cgroup.path)) held.merge(sockets_of(pid));
  }
  std::vector<std::string> foreign;
  const Inside inside(ns);
  for (const auto& socket : list_sockets())
    if (socket.cgroup != 0 && held.contains(socket.inode) && !own.contains(socket.cgroup) && foreign.size() < kShown)
      foreign.push_back(socket.protocol + " " + endpoint(socket.local, socket.local_port));
  return foreign;
}

}  // namespace faultline::site
