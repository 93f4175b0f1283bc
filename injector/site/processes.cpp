#include "injector/site/processes.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "injector/base/file_text.h"
#include "injector/base/netns.h"

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// What stands behind the command in /proc/PID/stat, whose name may hold spaces and parentheses itself.
std::string behind_name(const std::string& stat) {
  const auto close = stat.rfind(')');
  return close == std::string::npos || close + 2 > stat.size() ? "" : stat.substr(close + 2);
}

}  // namespace

std::optional<Process> ProcessTable::find(pid_t pid) const {
  const fs::path at = proc_ / std::to_string(pid);
  Process process;
  process.pid = pid;
  process.name = file_text(at / "comm");
  if (process.name.empty()) return std::nullopt;
  if (process.name.back() == '\n') process.name.pop_back();
  std::istringstream stat(behind_name(file_text(at / "stat")));
  std::string state, word;
  stat >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  for (int field = 4; field < 22; field++) stat >> word;  // proc(5): the state is the third
  stat >> process.started;
  std::error_code error;
  process.program = fs::read_symlink(at / "exe", error).string();
  const std::string line = file_text(at / "cmdline");
  process.command = last_part(line.substr(0, line.find('\0')));
  std::ifstream groups(at / "cgroup");
  for (std::string group; std::getline(groups, group);)
    if (group.starts_with("0::")) process.cgroup = group.substr(3);
  process.netns = NetNs::inode_of(namespace_path(pid));
  return process;
}

std::vector<pid_t> ProcessTable::pids() const {
  std::vector<pid_t> found;
  std::error_code error;
  for (auto it = fs::directory_iterator(proc_, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Process> ProcessTable::all() const {
  std::vector<Process> found;
  for (const pid_t pid : pids())
    if (auto process = find(pid)) found.push_back(std::move(*process));
  return found;
}

bool is_called(const Process& process, const std::string& pattern) {
  if (pattern.find('/') != std::string::npos) return fnmatch(pattern.c_str(), process.program.c_str(), 0) == 0;
  for (const std::string& name : {process.name, process.command, last_part(process.program)})
    if (!name.empty() && fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return true;
  return false;
}

std::string list_processes(const std::vector<Process>& processes) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < processes.size() && i < kShown; i++)
    text += fmt::format("{}{} (pid {})", i == 0 ? "" : ", ", processes[i].name, processes[i].pid);
  if (processes.size() > kShown) text += fmt::format(" and {} more", processes.size() - kShown);
  return text;
}

}  // namespace faultline::site
