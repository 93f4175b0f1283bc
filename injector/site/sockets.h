// Which cgroup the kernel holds a socket to belong to. A socket keeps the cgroup in which it was made, not that of the process
// that uses it: one that systemd opened for a service (socket activation), or that a process brought along when it was moved
// to another group, cannot be told by the service's cgroup. Better to say so than to leave its traffic alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "injector/base/netns.h"
#include "injector/site/cgroups.h"

namespace faultline::site {

struct Socket {
  std::string text;          ///< "tcp 0.0.0.0:80"
  std::uint64_t inode = 0;
  std::uint64_t cgroup = 0;  ///< its id
};

/// The TCP and UDP sockets of the calling thread's namespace. Empty where the kernel does not tell (no sock_diag).
std::vector<Socket> list_sockets();

/// Sockets, in `ns`, of the processes in these cgroups that carry another cgroup; said in words, at most three.
std::vector<std::string> foreign_sockets(const NetNs& ns, const CgroupTree& tree, const std::vector<Cgroup>& cgroups);

}  // namespace faultline::site
