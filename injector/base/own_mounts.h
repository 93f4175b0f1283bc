// A view of the machine's files for one thread or one process and its children: a mount namespace of its own, and files
// of /etc that only it sees. Nothing of it is on disk, and it vanishes with the last who is in it.
#pragma once

#include <map>
#include <string>

namespace faultline {

/// Gives the calling thread a mount namespace. `propagation` is MS_PRIVATE or MS_SLAVE (what the machine unmounts later
/// must not be kept alive). Its root directory stays as it was, in a chroot too, where / need not be a mount point.
void take_own_mounts(unsigned long propagation);

/// The path at the end of all symbolic links, whether or not there is something.
std::string follow_links(const std::string& path);

/// Shows texts as files of /etc ("hosts" -> text), by files in `folder`, which has to be in memory and ours. A machine
/// that lacks one of them is shown a stand-in for the whole of /etc, with everything that is in its own. In
/// take_own_mounts() only.
void show_in_etc(const std::string& folder, const std::map<std::string, std::string>& files);

}  // namespace faultline
