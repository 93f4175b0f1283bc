#include "injector/site/sockets.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "injector/base/error.h"

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

int read_attribute(const nlattr* attribute, void* data) {
  auto& cgroup = *static_cast<std::uint64_t*>(data);
  if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID && mnl_attr_get_payload_len(attribute) == sizeof cgroup)
    std::memcpy(&cgroup, mnl_attr_get_payload(attribute), sizeof cgroup);
  return MNL_CB_OK;
}

IpPrefix address_from(int family, const std::uint32_t* words) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool mapped = family == AF_INET6 && std::memcmp(words, kMapped, sizeof kMapped) == 0;
  IpPrefix prefix;
  prefix.v6 = family == AF_INET6 && !mapped;
  prefix.length = prefix.v6 ? 128 : 32;
  std::memcpy(prefix.bytes.data(), words + (mapped ? 3 : 0), prefix.v6 ? 16 : 4);
  return prefix;
}

struct Dump {
  const char* protocol;
  std::vector<Socket>& into;
};

int read_socket(const nlmsghdr* header, void* data) {
  const auto* message = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
  const auto& dump = *static_cast<const Dump*>(data);
  Socket socket;
  socket.protocol = dump.protocol;
  socket.local = address_from(message->idiag_family, message->id.idiag_src);
  socket.peer = address_from(message->idiag_family, message->id.idiag_dst);
  socket.local_port = ntohs(message->id.idiag_sport);
  socket.peer_port = ntohs(message->id.idiag_dport);
  socket.inode = message->idiag_inode;
  mnl_attr_parse(header, sizeof *message, read_attribute, &socket.cgroup);
  dump.into.push_back(std::move(socket));
  return MNL_CB_OK;
}

void list(std::uint8_t family, std::uint8_t protocol, Dump dump) {
  const std::string attempt = fmt::format("list {} sockets", dump.protocol);
  const std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)> netlink(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC), mnl_socket_close);
  if (!netlink) return;
  check(attempt, mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID));
  std::vector<char> buffer(65536);
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* request = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
  request->sdiag_family = family;
  request->sdiag_protocol = protocol;
  request->idiag_states = ~(1u << TCP_TIME_WAIT);
  check(attempt, mnl_socket_sendto(netlink.get(), header, header->nlmsg_len));
  for (;;) {
    const auto n = static_cast<std::size_t>(check(attempt, mnl_socket_recvfrom(netlink.get(), buffer.data(), buffer.size())));
    const int more = mnl_cb_run(buffer.data(), n, 0, mnl_socket_get_portid(netlink.get()), read_socket, &dump);
    if (more < 0 && errno == ENOENT) return;  // a kernel without this protocol's diag module
    if (check(attempt, more) == MNL_CB_STOP) return;
  }
}

}  // namespace

std::string endpoint(const IpPrefix& address, std::uint16_t port) {
  return address.v6 ? fmt::format("[{}]:{}", address.address_text(), port) : fmt::format("{}:{}", address.address_text(), port);
}

std::vector<Socket> list_sockets() {
  std::vector<Socket> all;
  for (const std::uint8_t family : {AF_INET, AF_INET6}) {
    list(family, IPPROTO_TCP, {"tcp", all});
    list(family, IPPROTO_UDP, {"udp", all});
  }
  return all;
}

std::set<std::uint64_t> sockets_of(pid_t pid) {
  std::set<std::uint64_t> inodes;
  std::error_code error;
  for (auto it = fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error); !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code other;
    const std::string target = fs::read_symlink(it->path(), other).string();
    if (target.starts_with("socket:[")) inodes.insert(std::strtoull(target.c_str() + 8, nullptr, 10));
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
