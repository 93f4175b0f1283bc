#include "injector/cli/experiments.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "injector/base/error.h"
#include "injector/plan/values.h"

namespace faultline::cli {
namespace fs = std::filesystem;

std::string experiments_folder() {
  std::error_code ignored;
  const fs::path binary = fs::read_symlink("/proc/self/exe", ignored), folder = binary.parent_path();
  // build/faultline in a checkout; bin/faultline of a package or an unpacked archive.
  for (const fs::path& candidate :
       {folder.parent_path() / "experiments", folder.parent_path() / "share/faultline/experiments"})
    if (fs::exists(candidate / "hello.toml", ignored)) return candidate.lexically_normal();
  return "";
}

std::vector<std::string> shipped_experiments() {
  std::vector<std::string> plans;
  const std::string folder = experiments_folder();
  if (folder.empty()) return plans;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored))
    if (it->path().extension() == ".toml") plans.push_back(it->path());
  std::sort(plans.begin(), plans.end(), [](const fs::path& a, const fs::path& b) { return a.stem() < b.stem(); });
  return plans;
}

std::string find_plan(const std::string& plan) {
  std::error_code ignored;
  if (plan.empty() || plan.find('/') != std::string::npos || plan.ends_with(".toml") ||
      fs::is_regular_file(plan, ignored))
    return plan;
  std::vector<std::string> names;
  for (const fs::path path : shipped_experiments()) {
    if (path.stem() == plan) return path;
    names.push_back(path.stem());
  }
  const std::string meant = plan::did_you_mean(plan, names);
  throw Failure(Exit::invalid, fmt::format("there is no file and no shipped experiment `{}`{}", plan,
                                           meant.empty() ? "; `faultline list` shows the experiments"
                                                         : "; did you mean `" + meant + "`?"));
}

}  // namespace faultline::cli
