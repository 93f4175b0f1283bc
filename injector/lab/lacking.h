// What a plan's lab and its exec probes need of a machine, and whether it is there: programs, the interpreters of
// scripts, users, files beside the plan. Asked before anybody waits for a lab that cannot be brought up (`faultline
// check --here`).
#pragma once

#include <string>
#include <vector>

#include "injector/plan/plan.h"

namespace faultline::lab {

struct Lack {
  plan::SourcePlace at;  ///< of the host or the probe
  std::string message;   ///< who needs what
  std::string help;      ///< what to do; may be empty
};

/// In the order of the plan. What lies in a folder that a lab host has to itself (/run, /tmp) is not asked for: only
/// the attempt can tell.
std::vector<Lack> lacking(const plan::Plan& plan);

/// Whether a program is installed: in PATH, in an sbin folder, or where Debian keeps PostgreSQL's servers.
bool is_installed(const std::string& program);

}  // namespace faultline::lab
