// Who is on a device's hook, and in which order: the chain of TCX programs as the kernel shows it. Everything acts in
// the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "injector/pen/attach.h"

namespace faultline::pen {

/// BPF_TCX_INGRESS or BPF_TCX_EGRESS: include/uapi/linux/bpf.h of 6.6; libbpf 1.1 does not name them.
constexpr std::uint32_t tcx_type(Hook hook) { return hook == Hook::ingress ? 46 : 47; }

struct Chain {
  struct Entry {
    std::uint32_t program = 0, link = 0;  ///< ids; link 0: attached without one
    bool operator==(const Entry&) const = default;
  };
  std::uint64_t revision = 0;  ///< counts the changes
  std::vector<Entry> entries;  ///< in the order in which they run
};

/// Nothing: there is no such device here. A kernel without TCX has empty chains.
std::optional<Chain> tcx_chain(int ifindex, Hook hook);
/// Its revision alone: to see whether anything has changed takes no more.
std::optional<std::uint64_t> tcx_revision(int ifindex, Hook hook);

/// How many changes at least lie between two states of a chain, by what they show.
std::uint64_t changes_between(const Chain& before, const Chain& after);

/// "program in_front (id 17)".
std::string program_name(std::uint32_t id);

}  // namespace faultline::pen
