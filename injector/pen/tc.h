// What rtnetlink says about a device's ingress and egress filters, and the few changes we make to them: a clsact qdisc,
// direct-action eBPF filters on it. Mechanism only; whose things may be touched is decided in clsact.h. Everything acts
// in the calling thread's network namespace. Lists of a device that is gone are empty.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "injector/pen/attach.h"

namespace faultline::pen::tc {

struct Filter {
  std::uint32_t chain = 0;
  std::uint32_t priority = 0;
  std::uint32_t handle = 0;    ///< 0: the entry stands for a priority, its filters are listed as well
  std::uint16_t protocol = 0;  ///< network order
  std::string kind;            ///< "bpf", "matchall", …
  std::string name;            ///< of kind bpf
  std::uint32_t program = 0;   ///< eBPF program id, of kind bpf
};

/// Every filter on one hook, all chains.
std::vector<Filter> list_filters(int ifindex, Hook hook);
/// True when a chain exists on the hook, be it empty: somebody means to use it.
bool has_chains(int ifindex, Hook hook);
/// Kind of the qdisc that holds ingress filters: "clsact", "ingress", or "" for none.
std::string ingress_qdisc(int ifindex);

/// False when the device has one already, or one of kind "ingress".
bool add_clsact(int ifindex, const std::string& device);
/// No error if it is gone.
void delete_clsact(int ifindex, const std::string& device);

/// A direct-action filter for all protocols, chain 0. False when `priority` has one of that handle already.
bool add_filter(int ifindex, const std::string& device, Hook hook, std::uint32_t priority, int program,
                const std::string& name, std::uint32_t handle = 1);
/// No error if it is gone.
void delete_filter(int ifindex, const std::string& device, Hook hook, const Filter& filter);

}  // namespace faultline::pen::tc
