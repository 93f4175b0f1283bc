#include "injector/explain/sockets.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "injector/base/error.h"

namespace faultline::explain {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t kTcpAlive = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 |
                                    1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING;

IpPrefix address(int family, const std::uint32_t* words) {
  IpPrefix prefix;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool mapped = family == AF_INET6 && std::memcmp(words, kMapped, sizeof kMapped) == 0;
  prefix.v6 = family == AF_INET6 && !mapped;
  if (prefix.v6) std::memcpy(prefix.bytes.data(), words, 16);
  else std::memcpy(prefix.bytes.data(), words + (mapped ? 3 : 0), 4);
  prefix.length = prefix.v6 ? 128 : 32;
  return prefix;
}

void add(std::vector<Socket>& all, const nlmsghdr* message, const char* protocol) {
  const auto* found = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
  if (found->id.idiag_dport == 0) return;  // listens, or takes from everyone
  Socket socket;
  socket.protocol = protocol;
  socket.local = address(found->idiag_family, found->id.idiag_src);
  socket.peer = address(found->idiag_family, found->id.idiag_dst);
  socket.local_port = ntohs(found->id.idiag_sport);
  socket.peer_port = ntohs(found->id.idiag_dport);
  socket.inode = found->idiag_inode;
  all.push_back(std::move(socket));
}

void dump(std::vector<Socket>& all, int family, int protocol, const char* name) {
  struct Close {
    void operator()(mnl_socket* s) const { mnl_socket_close(s); }
  };
  const std::string attempt = std::string("list ") + name + " sockets";
  std::unique_ptr<mnl_socket, Close> diag(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
  if (!diag) throw std::system_error(errno, std::generic_category(), attempt);
  check(attempt, mnl_socket_bind(diag.get(), 0, MNL_SOCKET_AUTOPID));
  alignas(nlmsghdr) char request[256];
  nlmsghdr* message = mnl_nlmsg_put_header(request);
  message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = 1;
  auto* what = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(message, sizeof(inet_diag_req_v2)));
  what->sdiag_family = static_cast<__u8>(family);
  what->sdiag_protocol = static_cast<__u8>(protocol);
  what->idiag_states = protocol == IPPROTO_TCP ? kTcpAlive : 1 << TCP_ESTABLISHED;
  check(attempt, mnl_socket_sendto(diag.get(), message, message->nlmsg_len));
  std::vector<std::uint32_t> buffer(65536 / 4);
  for (;;) {
    int left = static_cast<int>(check(attempt, mnl_socket_recvfrom(diag.get(), buffer.data(), buffer.size() * 4)));
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
      if (answer->nlmsg_type == NLMSG_DONE) return;
      if (answer->nlmsg_type == NLMSG_ERROR) {  // a kernel without this protocol's diag module: nothing to list
        const int error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
        if (error == -ENOENT || error == 0) return;
        check_neg(attempt, error);
      }
      if (mnl_nlmsg_get_payload_len(answer) >= sizeof(inet_diag_msg)) add(all, answer, name);
    }
  }
}

}  // namespace

std::vector<Socket> connected_sockets() {
  std::vector<Socket> all;
  for (const int family : {AF_INET, AF_INET6}) {
    dump(all, family, IPPROTO_TCP, "tcp");
    dump(all, family, IPPROTO_UDP, "udp");
  }
  return all;
}

std::map<std::uint64_t, Process> socket_owners() {
  std::map<std::uint64_t, Process> owners;
  std::error_code ignored;
  for (fs::directory_iterator it("/proc", ignored), end; it != end; it.increment(ignored)) {
    const std::string digits = it->path().filename();
    pid_t pid = 0;
    if (const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
        error != std::errc() || stop != digits.data() + digits.size())
      continue;
    std::string name;
    std::ifstream comm(it->path() / "comm");
    std::getline(comm, name);
    for (fs::directory_iterator fd(it->path() / "fd", ignored), last; fd != last; fd.increment(ignored)) {
      std::error_code gone;
      const std::string to = fs::read_symlink(fd->path(), gone).string();
      if (gone || !to.starts_with("socket:[")) continue;
      std::uint64_t inode = 0;
      std::from_chars(to.data() + 8, to.data() + to.size(), inode);
      owners.emplace(inode, Process{pid, name});  // the first: of a listener's forked workers, the parent
    }
  }
  return owners;
}

}  // namespace faultline::explain
