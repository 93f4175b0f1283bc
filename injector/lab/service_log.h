// The log of a lab service: one file in the run folder that its stdout and stderr go to, and the end of which goes into
// the message when the service fails.
#pragma once

#include <string>

#include "injector/base/fd.h"

namespace faultline::lab {

/// Makes the file anew, and its folder if need be.
Fd open_log(const std::string& path);
/// Its last 15 lines, each behind "    | ", without control characters. "(empty)" when there is nothing.
std::string log_tail(const std::string& path);
/// "exit status 1" or "killed by signal 9 (Killed)".
std::string describe_status(int status);

}  // namespace faultline::lab
