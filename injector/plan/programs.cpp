#include "injector/plan/programs.h"

#include <algorithm>

namespace faultline::plan {

std::vector<std::string> programs_of(const Plan& plan) {
  std::vector<std::string> programs;
  const auto add = [&](const std::vector<std::string>& command) {
    if (command.empty() || command.front().empty() || command.front().find('/') != std::string::npos) return;
    if (std::find(programs.begin(), programs.end(), command.front()) == programs.end()) programs.push_back(command.front());
  };
  if (plan.lab) {
    for (const auto& host : plan.lab->hosts) {
      add(host.command);
      if (host.ready) add(host.ready->command);
    }
  }
  for (const auto& probe : plan.probes)
    if (probe.kind == Probe::Kind::exec) add(probe.command);
  return programs;
}

}  // namespace faultline::plan
