// What a command of the machine answers: podman, crictl.
#pragma once

#include <string>
#include <vector>

namespace faultline {

/// Runs a command and returns what it wrote; its exit status in `status`, -1 when it could not be run, took longer than
/// 5 s or said too much.
std::string output_of(const std::vector<std::string>& argv, int& status);

}  // namespace faultline
