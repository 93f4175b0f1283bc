#include "injector/site/control_path.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "faults/abi.h"
#include "injector/site/sockets.h"

namespace faultline::site {
namespace {

constexpr const char* kEstablished = "01";  // TCP_ESTABLISHED, as /proc/net/tcp writes it

pid_t parent_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("PPid:")) return static_cast<pid_t>(std::stol(line.substr(5)));
  return 0;
}

bool is_loopback(const std::string& address) {
  // IPv4 in host order of a little-endian machine, IPv6 as four such words; ::ffff:127.0.0.1 among them.
  if (address.size() == 8) return address.ends_with("7F");
  return address == "00000000000000000000000001000000" ||
         (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"));
}

/// Of the connections in one table of /proc/PID/net, the local ports of those whose socket is among `inodes`.
void add_ports(const std::string& table, const std::set<std::uint64_t>& inodes, std::set<std::uint16_t>& ports) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the head
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout;
    std::uint64_t inode = 0;
    if (!(words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode))
      continue;
    const auto colon = local.find(':');
    if (state != kEstablished || colon == std::string::npos || !inodes.contains(inode) ||
        is_loopback(local.substr(0, colon)))
      continue;
    ports.insert(static_cast<std::uint16_t>(std::stoul(local.substr(colon + 1), nullptr, 16)));
  }
}

}  // namespace

std::map<std::uint64_t, std::set<std::uint16_t>> control_path_ports() {
  std::map<std::uint64_t, std::set<std::uint16_t>> found;
  for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
    const auto ns = NetNs::inode_of(fmt::format("/proc/{}/ns/net", pid));
    if (ns == 0) continue;
    const auto inodes = sockets_of(pid);
    if (inodes.empty()) continue;
    for (const char* table : {"tcp", "tcp6"}) add_ports(fmt::format("/proc/{}/net/{}", pid, table), inodes, found[ns]);
  }
  std::erase_if(found, [](const auto& entry) { return entry.second.empty(); });
  return found;
}

std::vector<std::string> exempt_control_path(std::vector<Site>& sites) {
  std::vector<std::string> said;
  const auto found = control_path_ports();
  for (Site& site : sites) {
    const auto ports = found.find(site.ns.inode());
    if (ports == found.end()) continue;
    site.exempt_ports.assign(ports->second.begin(), ports->second.end());
    if (site.exempt_ports.size() > FL_MAX_EXEMPT_PORTS) site.exempt_ports.resize(FL_MAX_EXEMPT_PORTS);
    said.push_back(fmt::format("{}: TCP port {} is left out of every fault: this session came by it", site.name,
                               fmt::join(site.exempt_ports, ", ")));
  }
  return said;
}

}  // namespace faultline::site
