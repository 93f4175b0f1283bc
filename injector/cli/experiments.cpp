#include "injector/cli/experiments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
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

std::string named_by_part(const std::string& part, const std::vector<std::string>& names,
                          std::vector<std::string>& others) {
  constexpr std::size_t kLeast = 3;
  if (part.size() < kLeast) return "";
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  std::vector<std::string> found;
  for (const auto& name : names)
    if (lower(name).find(lower(part)) != std::string::npos) found.push_back(name);
  if (found.size() == 1) return found.front();
  others = std::move(found);
  return "";
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
  std::vector<std::string> several;
  const std::string whole = named_by_part(plan, names, several);
  if (!whole.empty()) return fs::path(experiments_folder()) / (whole + ".toml");
  if (!several.empty())
    throw Failure(Exit::invalid, fmt::format("`{}` may be any of {}: say which", plan, fmt::join(several, ", ")));
  const std::string meant = plan::did_you_mean(plan, names);
  throw Failure(Exit::invalid, fmt::format("there is no file and no shipped experiment `{}`{}", plan,
                                           meant.empty() ? "; `faultline list` shows the experiments"
                                                         : "; did you mean `" + meant + "`?"));
}

}  // namespace faultline::cli
