// The sockets of a network namespace and the processes that hold them, as the kernel lists them (sock_diag, the way of
// `ss -tunp`). It exists for one question: whom would a fault hit if it began now?
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "injector/base/rtnetlink.h"

namespace faultline::explain {

struct Socket {
  std::string protocol;          ///< "tcp" | "udp"
  IpPrefix local, peer;          ///< IPv4 mapped into IPv6 is given as IPv4
  std::uint16_t local_port = 0, peer_port = 0;
  std::uint64_t inode = 0;       ///< 0: of no process any more
};

/// Sockets of the calling thread's namespace that have a peer: connections of TCP that are not over, connected ones of UDP.
std::vector<Socket> connected_sockets();

struct Process {
  pid_t pid = 0;
  std::string name;
};

/// The processes that hold sockets, by the sockets' inodes. Those that this process may not look into are left out.
std::map<std::uint64_t, Process> socket_owners();

}  // namespace faultline::explain
