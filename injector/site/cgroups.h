// The cgroup v2 hierarchy, read as files: which group a path is, how deep it lies, which processes are in it. A cgroup
// is how one service's sockets are told from its neighbours' in the same network namespace, since each socket keeps the
// cgroup in which it was made.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace faultline::site {

struct Cgroup {
  std::uint64_t id = 0;  ///< the kernel's, as bpf_skb_ancestor_cgroup_id() has it; never given out again
  unsigned level = 0;    ///< below the root; kAnyLevel when this process cannot see how deep
  std::string path;      ///< as in /proc/PID/cgroup
  bool operator==(const Cgroup&) const = default;
};
constexpr unsigned kAnyLevel = ~0u;

class CgroupTree {
 public:
  /// Where this process sees the hierarchy. Failure(cannot_run) when it is not mounted.
  static CgroupTree of_this_machine();
  /// `mount` is the folder; `shown` what of the hierarchy is mounted there, "/" for all of it.
  explicit CgroupTree(std::filesystem::path mount, std::string shown = "/");
  /// Reads a mountinfo file; empty when it names no cgroup v2 mount.
  static std::optional<CgroupTree> from_mountinfo(const std::string& text);

  const std::filesystem::path& mount() const { return mount_; }
  /// Empty when there is no such group.
  std::optional<Cgroup> find(const std::string& path) const;
  /// Whether a process is in the group or below it.
  bool is_populated(const std::string& path) const;
  /// Processes of the group and all below it.
  std::vector<pid_t> processes(const std::string& path) const;
  /// Paths of all groups, each after the one that it is in.
  std::vector<std::string> groups() const;
  /// Ids of the group and all below it.
  std::vector<std::uint64_t> ids(const std::string& path) const;
  /// Paths of the groups that systemd made for units of this name: its slices are searched, and the managers of users,
  /// but nothing that a service or a container made below its own group.
  std::vector<std::string> units(const std::string& name) const;
  /// Names of all units that run, for suggestions.
  std::vector<std::string> all_units() const;

 private:
  std::filesystem::path folder(const std::string& path) const;
  std::vector<std::filesystem::path> folders(const std::string& path) const;
  template <class Visit>
  void walk_units(const Visit& visit) const;

  std::filesystem::path mount_;
  std::string shown_;
  bool whole_ = true;  ///< the mount's top is the hierarchy's root
};

/// Whether `path` is `group` or lies below it.
bool is_within(const std::string& path, const std::string& group);

}  // namespace faultline::site
