// The arguments that say how a plan is read: the same for every command that takes one.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/parse.h"
#include "injector/sketch/bound.h"

namespace CLI {
class App;
}

namespace faultline::cli {

struct PlanArguments {
  std::string seed, scale, arm;
  std::vector<std::string> variables, variable_files, settings;
  sketch::Bindings bindings;

  void add_to(CLI::App& app);
  /// Throws Failure(invalid) for a malformed seed, scale or variable, and for a file that cannot be read.
  plan::ParseOptions options() const;
  /// Reads a plan, or puts an outage on what --bind says. `options` are options(), or some that were made of them.
  plan::Parsed read(const std::string& path, const plan::ParseOptions& options) const;
  plan::Parsed read(const std::string& path) const { return read(path, options()); }
  /// A plan as each of its arms, or as the one that was chosen; alone where it has none. The last may have mistakes:
  /// those behind it are not read.
  std::vector<plan::Parsed> read_arms(const std::string& path) const;
};

}  // namespace faultline::cli
