#include "injector/nursery/enclosure.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "injector/base/error.h"
#include "injector/base/own_mounts.h"
#include "injector/nursery/wire.h"

namespace faultline::nursery {
namespace {

namespace fs = std::filesystem;

struct Cover {
  const char* path;
  bool copy_directories;  ///< make the directories that stand in it now again, empty, with their owner and mode
};

// /dev/shm belongs to the IPC namespace in spirit: PostgreSQL leaves segments there when it is killed. The directories
// under /var/lib hold the state of the machine's own services, which a lab must neither read nor touch.
constexpr Cover kCovers[] = {
    {"/run", true},
    {"/tmp", false},
    {"/var/tmp", false},
    {"/var/log", true},
    {"/dev/shm", false},
    {"/var/lib/nginx", false},
    {"/var/lib/redis", false},
    {"/var/lib/haproxy", false},
    {"/var/lib/postgresql", false},
    {"/var/lib/etcd", false},
    {"/var/lib/mysql", false},
    {"/var/lib/memcached", false},
};

// Under /run these say that a service of the machine is there to be talked to. It is not.
constexpr const char* kNotCopied[] = {"systemd", "user", "netns", "dbus", "docker", "containerd"};

// Directories that a service's unit makes when it starts: a machine that never started it lacks them.
constexpr struct {
  const char *path, *owner;
} kServiceDirectories[] = {{"/run/postgresql", "postgres"}, {"/run/redis", "redis"},
                           {"/run/haproxy", "haproxy"},     {"/run/nginx", "root"},
                           {"/run/lock", "root"},           {"/var/log/nginx", "root"},
                           {"/var/log/redis", "redis"},     {"/var/log/postgresql", "postgres"}};

struct Directory {
  std::string path;
  struct stat st;
};

bool is_under(const fs::path& path, const fs::path& top) {
  return std::mismatch(top.begin(), top.end(), path.begin(), path.end()).first == top.end();
}

void make_directory(const Directory& directory) {
  if (mkdir(directory.path.c_str(), 0755) != 0) check("make " + directory.path, errno == EEXIST ? 0 : -1);
  check("chown " + directory.path, chown(directory.path.c_str(), directory.st.st_uid, directory.st.st_gid));
  check("chmod " + directory.path, chmod(directory.path.c_str(), directory.st.st_mode & 07777));
}

std::vector<Directory> directories_in(const std::string& path) {
  std::vector<Directory> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    if (std::any_of(std::begin(kNotCopied), std::end(kNotCopied),
                    [&](const char* name) { return entry.path().filename() == name; }))
      continue;
    Directory directory{entry.path(), {}};
    if (lstat(directory.path.c_str(), &directory.st) == 0 && S_ISDIR(directory.st.st_mode)) found.push_back(directory);
  }
  return found;
}

/// A detached copy of a mounted tree, which stays reachable when its place is covered.
Fd clone_tree(const std::string& path) {
  return Fd(static_cast<int>(
      check("copy the mount of " + path,
            syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE))));
}

void attach_tree(const Fd& tree, const std::string& path) {
  check("mount " + path, syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
}

void cover(const std::vector<std::string>& keep) {
  std::vector<std::string> covers;
  std::vector<Directory> directories;
  for (const Cover& c : kCovers) {
    Directory top{c.path, {}};
    if (stat(c.path, &top.st) != 0 || !S_ISDIR(top.st.st_mode)) continue;
    std::error_code ignored;
    top.path = fs::canonical(c.path, ignored);
    if (top.path.empty() || std::find(covers.begin(), covers.end(), top.path) != covers.end()) continue;
    covers.push_back(top.path);
    directories.push_back(top);
    if (!c.copy_directories) continue;
    for (Directory& d : directories_in(top.path)) directories.push_back(std::move(d));
  }

  // A kept directory is attached again under the name that was given and under its real one: a symbolic link to it may
  // be what is covered. Outer ones first, or they would hide the inner ones.
  struct Kept {
    std::string path;
    Fd tree;
  };
  std::vector<Kept> kept;
  for (const auto& directory : keep) {
    if (directory.empty()) continue;
    std::error_code ignored;
    const std::string given = fs::absolute(directory).lexically_normal(), real = fs::canonical(directory, ignored);
    for (const auto& path : {given, real == given ? std::string() : real})
      if (!path.empty() && std::any_of(covers.begin(), covers.end(), [&](auto& top) { return is_under(path, top); }))
        kept.push_back({path, clone_tree(directory)});
  }
  std::stable_sort(kept.begin(), kept.end(), [](auto& a, auto& b) { return a.path.size() < b.path.size(); });

  for (const auto& path : covers)
    check("mount a tmpfs on " + path, mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
  for (const auto& directory : directories) make_directory(directory);
  for (const auto& [path, owner] : kServiceDirectories) {
    const passwd* user = getpwnam(owner);
    if (user == nullptr || fs::exists(path) || !fs::exists(fs::path(path).parent_path())) continue;
    Directory directory{path, {}};
    directory.st.st_uid = user->pw_uid;
    directory.st.st_gid = user->pw_gid;
    directory.st.st_mode = std::string(path) == "/run/lock" ? 01777 : 0755;
    make_directory(directory);
  }
  for (const auto& [path, tree] : kept) {
    fs::create_directories(path);
    attach_tree(tree, path);
  }
}

/// systemd's resolv.conf leads into /run, which is covered now: what it leads to may be made there.
void make_target(const std::string& path) {
  const fs::path target = follow_links(path);
  if (fs::exists(target) || (!is_under(target, "/run") && !is_under(target, "/tmp"))) return;
  fs::create_directories(target.parent_path());
  std::ofstream create(target);
}

void mount_sys() {
  // A sysfs shows the network namespace in which it was mounted. It comes without the file systems mounted in /sys;
  // runtimes read their limits from the cgroup one. Where the kernel refuses, the machine's own /sys stays.
  std::optional<Fd> cgroup;
  if (fs::exists("/sys/fs/cgroup")) cgroup = clone_tree("/sys/fs/cgroup");
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr) != 0) return;
  if (cgroup && fs::exists("/sys/fs/cgroup")) attach_tree(*cgroup, "/sys/fs/cgroup");
}

void furnish(const EnclosureSpec& spec, const Fd& net) {
  check("enter the host's network namespace", setns(net.get(), CLONE_NEWNET));
  check("create UTS and IPC namespaces", unshare(CLONE_NEWUTS | CLONE_NEWIPC));
  // Slave, not private: what the machine unmounts (a deleted network namespace, a disk) must not be kept alive by us.
  take_own_mounts(MS_SLAVE);
  check("set the hostname", sethostname(spec.hostname.c_str(), std::min<std::size_t>(spec.hostname.size(), 64)));
  cover(spec.keep);
  // No nameserver: what is not in /etc/hosts fails at once (the C library asks 127.0.0.1, where nobody listens).
  make_target("/etc/resolv.conf");
  show_in_etc("/run/faultline/etc", {{"hosts", spec.hosts}, {"resolv.conf", "options timeout:1 attempts:1\n"}});
  check("mount /proc", mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr));
  mount_sys();
}

Fd own_namespace(const std::string& kind) {
  const std::string path = "/proc/self/ns/" + kind;
  return Fd(static_cast<int>(check("open " + path, open(path.c_str(), O_RDONLY | O_CLOEXEC))));
}

}  // namespace

Enclosure build_enclosure(const EnclosureSpec& spec, Fd net) {
  int pair[2];
  check("make a socket pair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  Fd ours(pair[0]), theirs(pair[1]);
  // A process of its own furnishes it, so that the init never leaves its namespaces and a half-made one is just gone.
  const pid_t helper = fork();
  check("fork", helper);
  if (helper == 0) {
    try {
      furnish(spec, net);
      const Fd mount = own_namespace("mnt"), uts = own_namespace("uts"), ipc = own_namespace("ipc");
      const Fd root(static_cast<int>(check("open /", open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))));
      send_message(theirs.get(), Writer().put("").bytes(), {mount.get(), uts.get(), ipc.get(), root.get()});
    } catch (const std::exception& e) {
      send_message(theirs.get(), Writer().put(std::string(e.what())).bytes());
    }
    _exit(0);
  }
  theirs.reset();
  std::optional<Message> answer = receive_message(ours.get());
  int status;
  while (waitpid(helper, &status, 0) == -1 && errno == EINTR) {
  }
  if (!answer) throw std::runtime_error("the helper that furnishes it died");
  if (const std::string error = Reader(answer->bytes).text(); !error.empty()) throw std::runtime_error(error);
  auto& fds = answer->fds;
  return {std::move(net), std::move(fds.at(0)), std::move(fds.at(1)), std::move(fds.at(2)), std::move(fds.at(3))};
}

void enter_enclosure(const Enclosure& enclosure) {
  check("enter the host's network namespace", setns(enclosure.net.get(), CLONE_NEWNET));
  check("enter the host's UTS namespace", setns(enclosure.uts.get(), CLONE_NEWUTS));
  check("enter the host's IPC namespace", setns(enclosure.ipc.get(), CLONE_NEWIPC));
  check("enter the host's mount namespace", setns(enclosure.mount.get(), CLONE_NEWNS));
  // Who enters a mount namespace stands at its true root, which is not ours in a chroot.
  check("enter the host's root directory", fchdir(enclosure.root.get()));
  check("enter the host's root directory", chroot("."));
  check("enter /tmp", chdir("/tmp"));
}

void clear_enclosure(const Enclosure& enclosure) {
  // Only inside is there a /proc of the nursery's PID namespace, so a child looks around there. It recognises the
  // enclosure's processes by their mount namespace, and goes round until it finds none: they may be forking.
  const pid_t helper = fork();
  check("fork", helper);
  if (helper == 0) {
    try {
      enter_enclosure(enclosure);
      struct stat own {};
      check("stat", fstat(enclosure.mount.get(), &own));
      for (int round = 0, found = 1; round < 500 && found > 0; ++round) {
        found = 0;
        for (const auto& entry : fs::directory_iterator("/proc")) {
          const pid_t pid = std::atoi(entry.path().filename().c_str());
          struct stat other {};
          if (pid <= 1 || pid == getpid() || stat((entry.path() / "ns/mnt").c_str(), &other) != 0) continue;
          if (other.st_ino != own.st_ino || other.st_dev != own.st_dev) continue;
          ++found;
          ::kill(pid, SIGKILL);
        }
        if (found > 0) usleep(2000);
      }
    } catch (const std::exception&) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(helper, &status, 0) == -1 && errno == EINTR) {
  }
  if (status != 0) throw std::runtime_error("cannot list the processes of a lab host");
}

}  // namespace faultline::nursery
