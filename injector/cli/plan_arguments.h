// The arguments that say how a plan is read: the same for every command that takes one.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/parse.h"

namespace CLI {
class App;
}

namespace faultline::cli {

struct PlanArguments {
  std::string seed, scale, arm;
  std::vector<std::string> variables, settings;

  void add_to(CLI::App& app);
  /// Throws Failure(invalid) for a malformed seed, scale or variable.
  plan::ParseOptions options() const;
};

}  // namespace faultline::cli
