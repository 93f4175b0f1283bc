// Sockets as the kernel lists them (sock_diag, the way of `ss`), and whose they are. A socket keeps the cgroup in which
// it was made, not that of the process that uses it: one that systemd opened for a service (socket activation), or that
// a process brought along when it was moved to another group, cannot be told by the service's cgroup. Better to say so
// than to leave its traffic alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/base/rtnetlink.h"
#include "injector/site/cgroups.h"

namespace faultline::site {

struct Socket {
  std::string protocol;  ///< "tcp" | "udp"
  IpPrefix local, peer;  ///< IPv4 mapped into IPv6 is given as IPv4
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;  ///< 0: it listens, or takes from everyone
  std::uint64_t inode = 0;      ///< 0: of no process any more
  std::uint64_t cgroup = 0;     ///< its id; 0: not known
};

/// "10.0.0.1:80", "[fd00::1]:80".
std::string endpoint(const IpPrefix& address, std::uint16_t port);

/// The TCP and UDP sockets of the calling thread's namespace, and of these the connections that are not over. A
/// protocol that the kernel does not list has none.
std::vector<Socket> list_sockets();
std::vector<Socket> list_connections();

/// Inodes of the sockets that a process has open; none when it may not be looked into.
std::set<std::uint64_t> sockets_of(pid_t pid);

/// Sockets, in `ns`, of the processes in these cgroups that carry another cgroup; said in words, at most three.
std::vector<std::string> foreign_sockets(const NetNs& ns, const CgroupTree& tree, const std::vector<Cgroup>& cgroups);

}  // namespace faultline::site
