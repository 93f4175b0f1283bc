// Root of the machine, or root of a user namespace only (unshare -r, a rootless container): the latter has all
// capabilities, and none of them counts where eBPF programs are loaded and other namespaces are entered. It looks like
// root in every way but this one, and would fail somewhere in the middle with an errno that tells nothing.
#pragma once

#include <cstdint>

namespace faultline {

/// Whether we are in a user namespace that is not the machine's first. False when /proc does not tell.
bool in_user_namespace();

/// Our capabilities, a bit each (linux/capability.h). 0 when /proc does not tell.
std::uint64_t effective_capabilities();

/// Root of the machine.
bool is_root();

/// One sentence for people: that this is a user namespace's root, and what to do.
inline constexpr const char* kUserNamespaceRoot =
    "this is root of a user namespace only (unshare -r, a rootless container), and eBPF programs and other namespaces "
    "need root of the machine: use sudo outside of it";

}  // namespace faultline
