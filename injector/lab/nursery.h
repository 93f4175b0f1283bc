// The nursery is the first process of a PID namespace, forked before anything else exists, that starts every command
// Faultline runs: lab services and exec probes. When we die, however we die, the kernel ends it (PDEATHSIG) and with it
// every process in its namespace. It holds no eBPF, TAP or link descriptor: a child that inherited one would keep a
// fault alive. PDEATHSIG follows the *thread* that forked, so start() is called on the main thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::lab {

struct Command {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  ///< added to ours
  std::string user;                                ///< empty: root
  std::string directory;                           ///< working directory; empty: ours
  std::string room;                                ///< an enclosure made by make_enclosure(); empty: our own namespaces
  const NetNs* net = nullptr;                      ///< network namespace, when `room` is empty; null: ours
  int output = -1;                                 ///< descriptor for stdout and stderr; -1: /dev/null
};

struct Ended {
  pid_t pid;   ///< in our PID namespace's numbers
  int status;  ///< as from waitpid
};

/// Thread-safe: probes and the lab share one.
class Nursery {
 public:
  /// Forks the init. Must be called on the main thread while the process has no descriptor worth keeping from a child.
  static std::unique_ptr<Nursery> start();
  ~Nursery();  ///< ends every process in it, and waits for that

  /// A lab host's enclosure: its own mount (tmpfs on /run and /tmp, own /etc/hosts and resolv.conf, /proc), UTS and IPC
  /// namespaces around network namespace `net`.
  void make_enclosure(const std::string& name, const NetNs& net, const std::string& hosts_file, const std::string& hostname);

  /// Starts a command and returns its pid as this process sees it. Throws Failure(cannot_run) when it cannot be executed
  /// (no such file, no such user), naming it.
  pid_t spawn(const Command& command);
  /// Waits for one child until `deadline` (CLOCK_MONOTONIC); empty when it is still running then.
  std::optional<Ended> wait(pid_t pid, Ns deadline);
  void kill(pid_t pid, int signal);

 private:
  struct Impl;
  explicit Nursery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::lab
