#include "injector/nursery/visit.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "injector/base/error.h"
#include "injector/nursery/init.h"

namespace faultline::nursery {
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
  execute(argv, entrance.environment);
}

}  // namespace

int visit(Entrance entrance, const std::vector<std::string>& argv) {
  if (setns(entrance.pids.get(), CLONE_NEWPID) != 0)
    throw Failure(Exit::cannot_run, "cannot enter the lab: " + std::generic_category().message(errno) +
                                        (errno == EPERM ? " (it needs root)" : ""));
  const bool foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();  // -1 where there is no terminal
  const Deaf deaf;
  pid_t pid = -1;
  try {
    pid = fork_into([&] {
      deaf.restore();
      become_visitor(entrance, argv);
    });
  } catch (const NotExecuted& e) {
    throw Failure(Exit::cannot_run, "cannot run \"" + argv[0] + "\" there: " + e.what());
  } catch (const std::system_error& e) {  // ENOMEM: the PID namespace has no init any more
    throw Failure(
        Exit::cannot_run,
        "cannot enter the lab: " + (e.code() == std::errc::not_enough_memory ? "it has ended" : e.code().message()));
  }
  entrance = {};  // or the host's namespaces would outlive the lab while we wait
  int status = 0;
  while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
  }
  // A shell with job control took the terminal, and cannot give it back: it does not see our process group.
  if (foreground) tcsetpgrp(STDIN_FILENO, getpgrp());
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace faultline::nursery
