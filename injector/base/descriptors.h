// The limit of open descriptors. The usual soft limit of 1024 is for programs that use select(); we do not, and a run
// over many namespaces holds some descriptors for each. What we start gets the limit that we were given.
#pragma once

#include <cstdint>

namespace faultline {

/// Raises the soft limit to the hard one, for this process and those it forks. What it was is remembered.
void raise_descriptor_limit();
/// In a child, before it becomes another program: as it was when we were started.
void restore_descriptor_limit() noexcept;
/// How many more descriptors this process may open by now.
std::uint64_t descriptors_left();

}  // namespace faultline
