// From the rules of a site to the tables its selector looks packets up in: rule masks by the peer's address (see
// peers.h), by port, by protocol, by device and by cgroup. Cost per packet does not grow with the number of rules.
#pragma once

#include <map>
#include <vector>

#include "faults/abi.h"
#include "injector/site/peers.h"
#include "injector/site/site.h"

namespace faultline::site {

struct Masks {
  fl_masks any4{}, any6{};
  Peers peers4, peers6;
  std::uint64_t tcp = 0, udp = 0, icmp = 0, other = 0;
  std::uint64_t port_rules = 0, peer_port_rules = 0, own_port_rules = 0, loopback_rules = 0;
  std::uint64_t cgroup_rules = 0, device_rules = 0, learned_rules = 0;
  std::uint64_t inside_rules = 0;                  ///< see tunnels.h: those that name neither peer nor port nor device
  std::vector<fl_ports> ports;                     ///< 65,536 entries, or none when no rule names a port
  std::map<std::uint32_t, std::uint64_t> devices;  ///< rules by the index of the one device that they are about
};

/// The bit of each rule (see faults/banks.h); empty: each has its own, in their order.
using Bits = std::vector<std::uint8_t>;

Masks compile_masks(const std::vector<Rule>& rules, const Bits& bits = {});

/// Rules by cgroup. Apart from the rest, because it changes when a target is replaced during the run.
struct CgroupMasks {
  std::map<std::uint64_t, std::uint64_t> rules;  ///< by the cgroup's id
  std::uint64_t levels = 0;                      ///< of the hierarchy at which they are, a bit each
};

/// An address as the selector looks it up among those that were learned.
fl_address learned_key(const IpPrefix& address);
/// The rules about `name` for packets to and from an address that it turned out to have; none where that was known
/// already.
fl_masks learn(const std::vector<Rule>& rules, const std::string& name, const IpPrefix& address, const Bits& bits = {});

/// The levels of the hierarchy at which a cgroup may be, a bit each. Throws Failure(cannot_run) for one that is too
/// deep.
std::uint64_t levels_of(const Cgroup& cgroup);

/// Throws Failure(cannot_run) when there are more, or deeper ones, than a selector takes.
CgroupMasks compile_cgroups(const std::vector<Rule>& rules, const Bits& bits = {});

}  // namespace faultline::site
