#include "injector/run/arms.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "injector/run/stops.h"

namespace faultline::run {
namespace {

constexpr int kNotStarted = 127;

[[noreturn]] void become_arm(std::vector<char*>& argv, const sigset_t& mask, pid_t parent) {
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotStarted);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDOUT_FILENO);
  execv("/proc/self/exe", argv.data());
  _exit(kNotStarted);
}

}  // namespace

PlayedArm play_arm(const std::vector<std::string>& words) {
  std::vector<std::string> own{program_invocation_name};  // the command that its record repeats begins with it
  own.insert(own.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : own) argv.push_back(word.data());
  argv.push_back(nullptr);

  signal(SIGCHLD, SIG_DFL);  // who called us may have ignored it, and then no child would be told of
  sigset_t signals = ending_signals();
  sigaddset(&signals, SIGCHLD);
  sigset_t before;
  sigprocmask(SIG_BLOCK, &signals, &before);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) become_arm(argv, before, parent);
  PlayedArm played;
  int status = -1;
  if (child > 0) {
    // What ended before this line is found by the first look; each SIGCHLD is looked at again.
    while (waitpid(child, &status, WNOHANG) == 0) {
      siginfo_t info{};
      const timespec longest{1, 0};
      if (sigtimedwait(&signals, &info, &longest) < 0 || info.si_signo == SIGCHLD) continue;
      played.stopped = true;
      // A terminal's Ctrl-C has reached it as well, which is one signal too many for nobody.
      if (info.si_code <= 0) kill(child, info.si_signo);
    }
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) check_neg("start a process for an arm", -errno);
  const bool told = WIFEXITED(status) && WEXITSTATUS(status) <= static_cast<int>(Exit::failed);
  played.exit = told ? static_cast<Exit>(WEXITSTATUS(status)) : Exit::failed;
  return played;
}

}  // namespace faultline::run
