// An enclosure is what a lab host sees of the machine: the machine's own files, but with directories that services
// write to covered by empty ones in memory, its own /etc/hosts, /proc, hostname and IPC, around a network namespace. So
// two hosts can run the same service, neither touches the machine's own instance of it, and nothing is left on disk.
// It is held by descriptors in the nursery's init, so that commands can enter it at any time, and vanishes with them.
// Everything here runs in the nursery's init or its children.
#pragma once

#include <string>
#include <vector>

#include "injector/base/fd.h"

namespace faultline::nursery {

struct EnclosureSpec {
  std::string hostname;
  std::string hosts;              ///< the text of /etc/hosts
  std::vector<std::string> keep;  ///< directories that stay visible although a covered one holds them
};

struct Enclosure {
  Fd net, mount, uts, ipc, root;
};

/// Builds one around `net`. Throws std::runtime_error with what was attempted.
Enclosure build_enclosure(const EnclosureSpec& spec, Fd net);
/// Moves the calling process into it; its directory is then the enclosure's /tmp.
void enter_enclosure(const Enclosure& enclosure);
/// Kills every process in it, and does not return before they are gone from it.
void clear_enclosure(const Enclosure& enclosure);

}  // namespace faultline::nursery
