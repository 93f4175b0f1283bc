// Cgroups that a test makes and removes, and servers that live in them: child processes which answer every byte of UDP
// and TCP with the same byte, so that a packet's way to one cgroup's sockets and back is told by the time that an
// answer takes.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "injector/site/cgroups.h"
#include "tests/harness/udp.h"

namespace faultline::test {

class ScratchCgroup {
 public:
  /// `name` may be a path: its first part is made unique, unless `top` is given, another's path to make it below.
  explicit ScratchCgroup(const std::string& name = "group", const std::string& top = "") {
    static int number = 0;
    path_ =
        top.empty() ? "/faultline-test-" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".slice" : top;
    top_ = path_;
    if (top.empty()) made_.push_back(path_);  // else another's, who goes after us
    if (!name.empty()) path_ += "/" + name, made_.push_back(path_);
    make();
  }
  ~ScratchCgroup() { remove(); }
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;

  const std::string& path() const { return path_; }
  const std::string& top() const { return top_; }
  void take(pid_t pid) const { std::ofstream(folder(path_) + "/cgroup.procs") << pid << std::flush; }
  /// Removed and made again: another group at the same path. Nobody may be in it.
  void make_again() {
    check("remove " + path_, rmdir(folder(path_).c_str()));
    make();
  }
  /// The calling process is in it while `what` runs: sockets that it makes belong to the group ever after.
  void in(const std::function<void()>& what) const {
    struct Way {
      Way() {
        std::ifstream groups("/proc/self/cgroup");
        for (std::string line; std::getline(groups, line);)
          if (line.starts_with("0::")) back = line.substr(3);
      }
      ~Way() {
        std::ofstream(folder(back) + "/cgroup.procs") << getpid() << std::flush;
      }  // also when `what` throws: who stays keeps the group
      std::string back = "/";
    };
    const Way back;
    take(getpid());
    what();
  }

 private:
  static std::string folder(const std::string& path) {
    return site::CgroupTree::of_this_machine().mount().string() + path;
  }
  void make() const {
    for (const auto& path : made_) std::filesystem::create_directory(folder(path));
  }
  void remove() {
    for (auto it = made_.rbegin(); it != made_.rend(); ++it)
      for (int i = 0; i < 200 && rmdir(folder(*it).c_str()) != 0 && errno == EBUSY; i++)
        usleep(10000);  // the last process is not quite gone
  }

  std::string path_, top_;
  std::vector<std::string> made_;
};

/// A process in `group` (or where the test is, if null) and `ns` that listens on UDP and TCP `port`, both families.
class EchoProcess {
 public:
  EchoProcess(
      const ScratchCgroup* group, const NetNs& ns, std::uint16_t port, const std::function<void()>& before = [] {}) {
    int go[2], ready[2];
    check("pipe", pipe2(go, O_CLOEXEC));
    check("pipe", pipe2(ready, O_CLOEXEC));
    pid_ = static_cast<pid_t>(check("fork", fork()));
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      char byte;
      if (read(go[0], &byte, 1) != 1) _exit(1);
      try {
        before();
        serve(ns, port, ready[1]);
      } catch (const std::exception& e) {
        fprintf(stderr, "echo process: %s\n", e.what());
      }
      _exit(1);
    }
    if (group != nullptr) group->take(pid_);
    char byte = 0;
    check("start the echo process", write(go[1], &byte, 1));
    close(ready[1]);
    check("await the echo process", read(ready[0], &byte, 1) == 1 ? 0 : -1);
    for (const int fd : {go[0], go[1], ready[0]}) close(fd);
  }
  ~EchoProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  EchoProcess(const EchoProcess&) = delete;
  EchoProcess& operator=(const EchoProcess&) = delete;
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] static void serve(const NetNs& ns, std::uint16_t port, int ready) {
    check("enter the namespace", setns(ns.fd(), CLONE_NEWNET));
    std::vector<pollfd> fds;
    for (const char* any : {"0.0.0.0", "::"}) {
      for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
        const Address at = address(any, port);
        const int fd = static_cast<int>(check("socket", socket(at.storage.ss_family, type | SOCK_NONBLOCK, 0)));
        const int one = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (at.storage.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        check("bind", bind(fd, at.get(), at.size));
        if (type == SOCK_STREAM) check("listen", listen(fd, 16));
        fds.push_back({fd, POLLIN, 0});
      }
    }
    check("tell that it is ready", write(ready, "", 1));
    char buffer[2048];
    for (;;) {
      check("poll", poll(fds.data(), fds.size(), -1));
      for (std::size_t i = 0; i < fds.size(); i++) {
        if (fds[i].revents == 0) continue;
        if (i < 4 && i % 2 == 1) {
          const int connection = accept(fds[i].fd, nullptr, nullptr);
          if (connection >= 0) fds.push_back({connection, POLLIN, 0});
          continue;
        }
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const ssize_t n = recvfrom(fds[i].fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n > 0)
          (void)!sendto(fds[i].fd, buffer, static_cast<std::size_t>(n), 0,
                        i < 4 ? reinterpret_cast<sockaddr*>(&from) : nullptr, i < 4 ? size : 0);
        if (n <= 0 && i >= 4) {
          close(fds[i].fd);
          fds.erase(fds.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        }
      }
    }
  }
  pid_t pid_ = -1;
};

/// How long one byte to `to` and back takes over a socket of `ns`; -1 when there is no answer for 5 s. TCP: the
/// connection is made before, which takes `connecting`.
inline Ns echo_time(const NetNs& ns, int type, const Address& to, Ns* connecting = nullptr) {
  Fd fd;
  {
    Inside in(ns);
    fd = Fd(static_cast<int>(check("socket", socket(to.storage.ss_family, type | SOCK_CLOEXEC, 0))));
  }
  const timeval patience{5, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  Ns began = monotonic_now();
  if (connect(fd.get(), to.get(), to.size) != 0) return -1;
  if (connecting != nullptr) *connecting = monotonic_now() - began;
  char byte = 'x';
  began = monotonic_now();
  if (send(fd.get(), &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd.get(), &byte, 1, 0) != 1) return -1;
  return monotonic_now() - began;
}

}  // namespace faultline::test
