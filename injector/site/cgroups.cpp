#include "injector/site/cgroups.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "injector/base/error.h"
#include "injector/base/file_text.h"

namespace faultline::site {
namespace {

namespace fs = std::filesystem;

/// mountinfo writes a space as \040 (proc(5)).
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The name of a unit's group. systemd writes an underscore before what the kernel could take for a file of its own.
std::string unit_name(const std::string& folder) { return folder.starts_with('_') ? folder.substr(1) : folder; }

bool is_unit(const std::string& name) {
  return name.ends_with(".service") || name.ends_with(".scope") || name.ends_with(".slice");
}

/// Groups in which systemd, or a user's own, keeps further units.
bool holds_units(const std::string& name) {
  return name.ends_with(".slice") || (name.starts_with("user@") && name.ends_with(".service"));
}

}  // namespace

CgroupTree::CgroupTree(fs::path mount, std::string shown) : mount_(std::move(mount)), shown_(std::move(shown)) {
  whole_ = shown_ == "/" && !fs::exists(mount_ / "cgroup.events");  // every group has that file but the root
}

std::optional<CgroupTree> CgroupTree::from_mountinfo(const std::string& text) {
  std::istringstream lines(text);
  std::optional<CgroupTree> found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, at, word, type;
    if (!(words >> id >> parent >> device >> root >> at)) continue;
    while (words >> word && word != "-") {
    }
    if (!(words >> type) || type != "cgroup2") continue;
    if (!found || root == "/") found.emplace(unescape(at), unescape(root));
    if (root == "/") break;
  }
  return found;
}

CgroupTree CgroupTree::of_this_machine() {
  if (auto tree = from_mountinfo(file_text("/proc/self/mountinfo"))) return *tree;
  throw Failure(Exit::cannot_run,
                "no cgroup v2 hierarchy is mounted; it takes one to tell one service's traffic from another's: "
                "mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1");
}

fs::path CgroupTree::folder(const std::string& path) const {
  std::string below = path;
  if (shown_ != "/" && is_within(path, shown_)) below = path.substr(shown_.size());
  return mount_ / fs::path(below).relative_path();
}

std::optional<Cgroup> CgroupTree::find(const std::string& path) const {
  struct stat st {};
  const fs::path at = folder(path);
  // The inode's number is the group's id wherever inode numbers have 64 bits.
  if (stat(at.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return std::nullopt;
  const auto relative = fs::path(path).relative_path();
  const auto level = static_cast<unsigned>(std::distance(relative.begin(), relative.end()));
  return Cgroup{st.st_ino, whole_ ? level : kAnyLevel, path};
}

bool CgroupTree::is_populated(const std::string& path) const {
  return file_text(folder(path) / "cgroup.events").find("populated 0") == std::string::npos;
}

std::vector<fs::path> CgroupTree::folders(const std::string& path) const {
  std::vector<fs::path> all{folder(path)};
  std::error_code error, other;
  for (auto it = fs::recursive_directory_iterator(all.front(), error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    if (it->is_directory(other)) all.push_back(it->path());
  return all;
}

std::vector<std::string> CgroupTree::groups() const {
  const std::string above = shown_ == "/" ? "" : shown_;
  std::vector<std::string> paths;
  for (const auto& at : folders("/")) {
    const std::string below = at.lexically_relative(mount_).string();
    if (below != ".") paths.push_back(above + "/" + below);
  }
  return paths;
}

std::vector<pid_t> CgroupTree::processes(const std::string& path) const {
  std::vector<pid_t> all;
  for (const auto& group : folders(path)) {
    std::ifstream file(group / "cgroup.procs");
    for (pid_t pid; file >> pid;)
      if (pid > 0) all.push_back(pid);  // 0: one of another PID namespace
  }
  return all;
}

std::vector<std::uint64_t> CgroupTree::ids(const std::string& path) const {
  std::vector<std::uint64_t> all;
  for (const auto& group : folders(path)) {
    struct stat st {};
    if (stat(group.c_str(), &st) == 0) all.push_back(st.st_ino);
  }
  return all;
}

template <class Visit>
void CgroupTree::walk_units(const Visit& visit) const {
  std::vector<std::pair<fs::path, std::string>> open{{mount_, ""}};
  while (!open.empty()) {
    const auto [at, path] = open.back();
    open.pop_back();
    std::error_code error;
    for (auto it = fs::directory_iterator(at, error); !error && it != fs::directory_iterator(); it.increment(error)) {
      const std::string folder = it->path().filename().string(), name = unit_name(folder);
      std::error_code other;
      if (!is_unit(name) || !it->is_directory(other)) continue;
      visit(name, path + "/" + folder);
      if (holds_units(name)) open.emplace_back(it->path(), path + "/" + folder);
    }
  }
}

std::vector<std::string> CgroupTree::units(const std::string& name) const {
  std::vector<std::string> paths;
  walk_units([&](const std::string& unit, const std::string& path) {
    if (unit == name) paths.push_back(path);
  });
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> CgroupTree::all_units() const {
  std::vector<std::string> names;
  walk_units([&](const std::string& unit, const std::string&) { names.push_back(unit); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool is_within(const std::string& path, const std::string& group) {
  return group == "/" || path == group ||
         (path.size() > group.size() && path.starts_with(group) && path[group.size()] == '/');
}

}  // namespace faultline::site
