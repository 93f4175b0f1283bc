// The veth pairs that the pen is made of.
#pragma once

#include <string>

namespace faultline::pen {

inline constexpr unsigned kVethMtu = 65535;  // lo's frames are 65,536 + 14 bytes; a veth forwards MTU + 18

/// Of the far ends: their namespace holds nothing else of this group, see delete_group().
inline constexpr unsigned kFarGroup = 1;

/// Of a device in the calling thread's network namespace. Throws when there is none.
int index_of(const std::string& device);
/// Keeps packets of one flow in order on their way over `device`. Returns what the user should know where that cannot
/// be.
std::string keep_order(const std::string& device);

}  // namespace faultline::pen
