// A visit to a lab host from another terminal (`faultline lab exec`): the run hands out an entrance, descriptors of the
// host's namespaces, and the visitor's own process enters them with its terminal. The visitor is then a process of the
// nursery's PID namespace: it ends with the lab, however the lab ends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "injector/nursery/enclosure.h"

namespace faultline::nursery {

struct Entrance {
  Enclosure enclosure;
  Fd pids;                                         ///< the PID namespace
  std::map<std::string, std::string> environment;  ///< added to ours
};

/// Runs a command in there, with our descriptors 0 to 2 and our terminal, and waits for its end. Returns its exit
/// status, 128 + n when signal n ended it. The terminal's Ctrl-C is the command's alone meanwhile. Throws
/// Failure(cannot_run) when it cannot enter (privilege, the lab is gone) or cannot execute the command. For programs
/// with one thread.
int visit(Entrance entrance, const std::vector<std::string>& argv);

}  // namespace faultline::nursery
