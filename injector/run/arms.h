// Arms of a plan, played one after another, each as a run of its own: another process with its own nursery, lease and
// record, so that nothing of one arm is left when the next begins.
#pragma once

#include <string>
#include <vector>

#include "injector/base/error.h"

namespace faultline::run {

/// What an arm's process did.
struct PlayedArm {
  Exit exit = Exit::failed;
  bool stopped = false;  ///< by a signal to us: the arms behind it are not to be played
};

/// Plays one: `words` are the command line behind the program's name, which is ours. Its standard output is dropped, as
/// its verdict is in its folder. SIGINT, SIGTERM and SIGHUP are passed on to it; it is told to stop (SIGTERM) if we
/// die.
PlayedArm play_arm(const std::vector<std::string>& words);

}  // namespace faultline::run
