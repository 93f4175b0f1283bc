// The machine's processes, as /proc shows them: what each is called, which cgroup and which network namespace it is in.
// A process is found by its number or name, but its packets only by one of the latter two.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace faultline::site {

struct Process {
  pid_t pid = 0;
  std::string name;           ///< /proc/PID/comm: 15 bytes at most
  std::string program;        ///< the path of its file; empty for the kernel's threads
  std::string command;        ///< the last part of its first argument
  std::string cgroup;         ///< its path in the v2 hierarchy; empty when it cannot be read
  std::uint64_t started = 0;  ///< since boot, in the kernel's ticks
  std::uint64_t netns = 0;    ///< inode of its network namespace; 0 when it cannot be read
};

class ProcessTable {
 public:
  explicit ProcessTable(std::filesystem::path proc = "/proc") : proc_(std::move(proc)) {}

  /// Empty when there is none (a zombie counts as none).
  std::optional<Process> find(pid_t pid) const;
  std::vector<Process> all() const;
  std::vector<pid_t> pids() const;  ///< in order
  std::string namespace_path(pid_t pid) const { return (proc_ / std::to_string(pid) / "ns/net").string(); }

 private:
  std::filesystem::path proc_;
};

/// Whether a process is meant by `pattern`: a command's name in which * and ? stand for what varies, or its file's
/// path.
bool is_called(const Process& process, const std::string& pattern);

/// "nginx (pid 12), nginx (pid 13) and 4 more".
std::string list_processes(const std::vector<Process>& processes);

}  // namespace faultline::site
