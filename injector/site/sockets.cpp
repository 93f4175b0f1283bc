#include "injector/site/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>
#include <set>

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

int read_attribute(const nlattr* attribute, void* data) {
  auto& cgroup = *static_cast<std::uint64_t*>(data);
  if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID && mnl_attr_get_payload_len(attribute) == sizeof cgroup)
    std::memcpy(&cgroup, mnl_attr_get_payload(attribute), sizeof cgroup);
  return MNL_CB_OK;
}

int read_socket(const nlmsghdr* header, void* data) {
  const auto* message = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
  Socket socket;
  char address[INET6_ADDRSTRLEN] = "";
  inet_ntop(message->idiag_family, message->id.idiag_src, address, sizeof address);
  const unsigned port = ntohs(message->id.idiag_sport);
  socket.text = message->idiag_family == AF_INET6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
  socket.inode = message->idiag_inode;
  mnl_attr_parse(header, sizeof *message, read_attribute, &socket.cgroup);
  if (socket.cgroup != 0 && socket.inode != 0) static_cast<std::vector<Socket>*>(data)->push_back(std::move(socket));
  return MNL_CB_OK;
}

void dump(std::uint8_t family, std::uint8_t protocol, std::vector<Socket>& into) {
  const std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)> netlink(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC), mnl_socket_close);
  if (!netlink || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0) return;
  std::vector<char> buffer(static_cast<std::size_t>(MNL_SOCKET_BUFFER_SIZE));
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* request = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
  request->sdiag_family = family;
  request->sdiag_protocol = protocol;
  request->idiag_states = ~0u;
  if (mnl_socket_sendto(netlink.get(), header, header->nlmsg_len) < 0) return;
  const std::size_t first = into.size();
  for (;;) {
    const ssize_t n = mnl_socket_recvfrom(netlink.get(), buffer.data(), buffer.size());
    if (n <= 0 || mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), 0, mnl_socket_get_portid(netlink.get()), read_socket, &into) <= MNL_CB_STOP) break;
  }
  for (std::size_t i = first; i < into.size(); i++) into[i].text = (protocol == IPPROTO_TCP ? "tcp " : "udp ") + into[i].text;
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

}  // namespace

std::vector<Socket> list_sockets() {
  std::vector<Socket> all;
  for (const std::uint8_t family : {AF_INET, AF_INET6})
    for (const std::uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) dump(family, protocol, all);
  return all;
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
  for (auto& socket : list_sockets())
    if (held.contains(socket.inode) && !own.contains(socket.cgroup) && foreign.size() < kShown) foreign.push_back(std::move(socket.text));
  return foreign;
}

}  // namespace faultline::site
