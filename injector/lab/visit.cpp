#include "injector/lab/visit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "injector/base/error.h"
#include "injector/lab/init.h"

namespace faultline::lab {
namespace {

/// What the terminal sends to everyone is for the command; it decides whether to end.
class Deaf {
 public:
  Deaf() {
    for (std::size_t i = 0; i < kCount; ++i) sigaction(kSignals[i], &ignore_, &had_[i]);
  }
  ~Deaf() { restore(); }
  Deaf(const Deaf&) = delete;
  Deaf& operator=(const Deaf&) = delete;
  void restore() const {
    for (std::size_t i = 0; i < kCount; ++i) sigaction(kSignals[i], &had_[i], nullptr);
  }

 private:
  static constexpr std::size_t kCount = 3;
  static constexpr int kSignals[kCount] = {SIGINT, SIGQUIT, SIGTTOU};
  static inline const struct sigaction ignore_ = [] {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    return action;
  }();
  struct sigaction had_[kCount] = {};
};

[[noreturn]] void become_visitor(const Entrance& entrance, const std::vector<std::string>& argv) {
  check("ask to die with the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
  enter_enclosure(entrance.enclosure);
  for (const auto& [key, value] : entrance.environment) setenv(key.c_str(), value.c_str(), 1);
  complete_path();
  std::vector<char*> arguments;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  throw std::system_error(errno, std::generic_category(), "execute " + argv[0]);
}

}  // namespace

int visit(Entrance entrance, const std::vector<std::string>& argv) {
  int ends[2];
  check("make a pipe", pipe2(ends, O_CLOEXEC));
  Fd from_child(ends[0]), to_parent(ends[1]);
  if (setns(entrance.pids.get(), CLONE_NEWPID) != 0)
    throw Failure(Exit::cannot_run, "cannot enter the lab: " + std::generic_category().message(errno) + (errno == EPERM ? " (it needs root)" : ""));
  const bool foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();  // -1 where there is no terminal
  const Deaf deaf;
  const pid_t pid = fork();
  if (pid == -1)  // ENOMEM: the PID namespace has no init any more
    throw Failure(Exit::cannot_run, "cannot enter the lab: " + std::string(errno == ENOMEM ? "it has ended" : std::generic_category().message(errno)));
  if (pid == 0) {
    deaf.restore();
    try {
      become_visitor(entrance, argv);
    } catch (const std::exception& e) {
      const std::string error = e.what();
      [[maybe_unused]] const ssize_t written = write(to_parent.get(), error.data(), error.size());
    }
    _exit(127);
  }
  to_parent.reset();
  entrance = {};  // or the host's namespaces would outlive the lab while we wait
  std::string error;
  char buffer[512];
  for (ssize_t got = 1; got != 0;) {
    got = read(from_child.get(), buffer, sizeof buffer);
    if (got > 0) error.append(buffer, static_cast<std::size_t>(got));
    if (got == -1 && errno != EINTR) break;
  }
  int status = 0;
  while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {}
  // A shell with job control took the terminal, and cannot give it back: it does not see our process group.
  if (foreground) tcsetpgrp(STDIN_FILENO, getpgrp());
  if (!error.empty()) throw Failure(Exit::cannot_run, "cannot run it there: " + error);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace faultline::lab
