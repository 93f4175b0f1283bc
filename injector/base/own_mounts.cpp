#include "injector/base/own_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "injector/base/error.h"
#include "injector/base/fd.h"

namespace faultline {
namespace fs = std::filesystem;
namespace {

void touch(const fs::path& path) {
  Fd(static_cast<int>(check("make " + path.string(), open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644))));
}

void bind_mount(const std::string& from, const std::string& to) {
  check("bind " + to, mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr));
}

/// An /etc in memory with everything of the machine's bound into it, and empty files of these names where it has none.
void stand_in_for_etc(const std::map<std::string, std::string>& files) {
  const Fd machines(static_cast<int>(check("open /etc", open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC))));
  const std::string below = "/proc/self/fd/" + std::to_string(machines.get());
  check("mount a tmpfs on /etc", mount("tmpfs", "/etc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
  for (const auto& entry : fs::directory_iterator(below + "/")) {
    const std::string name = entry.path().filename(), here = "/etc/" + name;
    std::error_code ignored;
    const fs::file_type type = entry.symlink_status(ignored).type();
    if (files.contains(name) && !fs::exists(entry.path(), ignored)) continue;  // a link that leads nowhere
    if (type == fs::file_type::symlink) {
      fs::create_symlink(fs::read_symlink(entry.path()), here);
    } else if (type == fs::file_type::directory) {
      fs::create_directory(here);
      bind_mount(below + "/" + name, here);
    } else if (type == fs::file_type::regular) {
      touch(here);
      bind_mount(below + "/" + name, here);
    }
  }
  for (const auto& [name, text] : files)
    if (!fs::exists("/etc/" + name)) touch("/etc/" + name);
}

}  // namespace

void take_own_mounts(unsigned long propagation) {
  check("make a mount namespace", unshare(CLONE_NEWNS));
  if (mount("none", "/", nullptr, MS_REC | propagation, nullptr) == 0) return;
  check("make mounts our own", errno == EINVAL ? 0 : -1);
  // In a chroot: / is no mount point, and the mount around it cannot be named. Who enters the namespace anew stands at
  // its true root, from where it can.
  const Fd root(static_cast<int>(check("open /", open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))));
  const Fd own(
      static_cast<int>(check("open our mount namespace", open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC))));
  check("go to the root of our mount namespace", setns(own.get(), CLONE_NEWNS));
  check("make mounts our own", mount("none", "/", nullptr, MS_REC | propagation, nullptr));
  check("return to our root directory", fchdir(root.get()));
  check("return to our root directory", chroot("."));
}

std::string follow_links(const std::string& path) {
  fs::path at = path;
  std::error_code ignored;
  for (int hops = 0; hops < 16 && fs::is_symlink(at, ignored); ++hops)
    at = fs::weakly_canonical(at.parent_path() / fs::read_symlink(at));
  return at;
}

void show_in_etc(const std::string& folder, const std::map<std::string, std::string>& files) {
  fs::create_directories(folder);
  bool lacking = false;
  for (const auto& [name, text] : files) {
    std::ofstream(folder + "/" + name) << text;
    lacking |= !fs::exists(follow_links("/etc/" + name));
  }
  if (lacking) stand_in_for_etc(files);
  for (const auto& [name, text] : files) bind_mount(folder + "/" + name, follow_links("/etc/" + name));
}

}  // namespace faultline
