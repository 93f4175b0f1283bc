// The nursery is the first process of a PID namespace, forked before anything else exists, that starts every command
// Faultline runs: lab services and exec probes. When we die, however we die, the kernel ends it (PDEATHSIG) and with it
// every process in its namespace. It holds no eBPF, TAP or link descriptor: a child that inherited one would keep a
// fault alive. PDEATHSIG follows the *thread* that forked, so start() is called on the main thread.
//
// Every pid here is a number of the nursery's own PID namespace: good for wait() and kill(), for nothing else.
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
#include "injector/nursery/visit.h"

namespace faultline::nursery {

/// A command runs in a session of its own, with default signals, stdin from /dev/null, and our environment. The usual
/// sbin directories are added to PATH. It inherits no descriptor.
struct Command {
  std::vector<std::string> argv;                   ///< argv[0] is looked up in PATH when it has no slash
  std::map<std::string, std::string> environment;  ///< added to ours
  std::string user;                                ///< empty: root. Else also sets HOME, USER, LOGNAME and the groups
  std::string directory;                           ///< working directory; empty: ours, or /tmp in an enclosure
  std::string enclosure;       ///< made by make_enclosure() (the lab makes one for each host, with the host's name);
                               ///< empty: our own namespaces
  const NetNs* net = nullptr;  ///< network namespace, when `enclosure` is empty; null: ours
  int output = -1;             ///< descriptor for stdout and stderr; -1: /dev/null
  int errors = -1;             ///< descriptor for stderr alone; -1: as `output`
};

struct Ended {
  pid_t pid;   ///< as returned by spawn()
  int status;  ///< as from waitpid
};

/// The Debian package that a well-known program comes from, for those who do not have it; empty when not known.
std::string package_of(const std::string& program);
inline bool is_known(const std::string& program) { return !package_of(program).empty(); }

/// Thread-safe: probes and the lab share one.
class Nursery {
 public:
  /// Forks the init. Must be called on the main thread while the process has no descriptor worth keeping from a child.
  /// Throws Failure(cannot_run) when we may not make a PID namespace.
  static std::unique_ptr<Nursery> start();
  ~Nursery();  ///< ends every process in it, and waits for that

  /// A lab host's enclosure: its own mount (what services write to covered by tmpfs, own /etc/hosts and resolv.conf,
  /// /proc, /sys), UTS and IPC namespaces around network namespace `net`. `hosts_file` is the text of /etc/hosts.
  /// The directories in `keep` stay visible although /tmp, /run and the like are covered.
  void make_enclosure(const std::string& name, const NetNs& net, const std::string& hosts_file,
                      const std::string& hostname, const std::vector<std::string>& keep = {});
  /// A way into an enclosure for a process that is not the nursery's. Its environment is empty. Throws
  /// Failure(cannot_run) when there is no enclosure of that name.
  Entrance open_enclosure(const std::string& name);
  /// Ends every process in an enclosure, those that left their command's session too, and forgets it.
  void drop_enclosure(const std::string& name);

  /// Starts a command and returns its pid. Throws Failure(cannot_run) when it cannot be executed (no such file, no such
  /// user), naming it. Each pid is to be waited for once.
  pid_t spawn(const Command& command);
  /// Waits for one child until `deadline` (CLOCK_MONOTONIC); empty when it is still running then. A deadline in the
  /// past just looks. If the init was killed, so were its children: that is what is returned then.
  std::optional<Ended> wait(pid_t pid, Ns deadline);
  /// SIGKILL goes to the command and everything in its session's first process group, even after the command itself
  /// ended; any other signal to the command alone. No error when there is nothing left to signal.
  void kill(pid_t pid, int signal);

 private:
  struct Impl;
  explicit Nursery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::nursery
