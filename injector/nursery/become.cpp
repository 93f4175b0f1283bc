// From a fork to a command: the child's side of a spawn by the nursery's init, and of a visit.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "injector/base/descriptors.h"
#include "injector/base/error.h"
#include "injector/base/program.h"
#include "injector/base/realtime.h"
#include "injector/nursery/enclosure.h"
#include "injector/nursery/init.h"

namespace faultline::nursery {
namespace {

void become_user(const std::string& name) {
  errno = 0;
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) throw std::runtime_error("there is no user \"" + name + "\"");
  setenv("HOME", user->pw_dir, 1);
  setenv("USER", name.c_str(), 1);
  setenv("LOGNAME", name.c_str(), 1);
  check("take the groups of user " + name, initgroups(name.c_str(), user->pw_gid));
  check("take the group of user " + name, setgid(user->pw_gid));
  check("become user " + name, setuid(user->pw_uid));
}

}  // namespace

[[noreturn]] void execute(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment) {
  for (const auto& [key, value] : environment) setenv(key.c_str(), value.c_str(), 1);
  setenv("PATH", search_path().c_str(), 1);
  std::vector<char*> arguments;
  for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  throw std::system_error(errno, std::generic_category(), "execute");
}

pid_t fork_into(const std::function<void()>& command) {
  int ends[2];
  check("make a pipe", pipe2(ends, O_CLOEXEC));
  Fd from_child(ends[0]), to_parent(ends[1]);
  const pid_t pid = fork();
  check("fork", pid);
  if (pid == 0) {
    try {
      command();
    } catch (const std::exception& e) {
      const std::string error = e.what();
      [[maybe_unused]] const ssize_t written = write(to_parent.get(), error.data(), error.size());
    }
    _exit(127);
  }
  to_parent.reset();
  std::string error;
  char buffer[512];
  for (ssize_t got = 1; got != 0;) {
    got = read(from_child.get(), buffer, sizeof buffer);
    if (got > 0) error.append(buffer, static_cast<std::size_t>(got));
    if (got == -1 && errno != EINTR) break;
  }
  if (error.empty()) return pid;
  while (waitpid(pid, nullptr, 0) == -1 && errno == EINTR) {
  }
  throw NotExecuted(error);
}

[[noreturn]] void become(const ChildSpec& spec, const Enclosure* enclosure, const Fd* net, int output, int errors) {
  setsid();  // cannot fail in a child just forked
  const Fd null(static_cast<int>(check("open /dev/null", open("/dev/null", O_RDWR | O_CLOEXEC))));
  check("redirect stdin", dup2(null.get(), STDIN_FILENO));
  const int out = output >= 0 ? output : null.get(), err = errors >= 0 ? errors : null.get();

  if (enclosure != nullptr) {
    enter_enclosure(*enclosure);
  } else if (net != nullptr) {
    check("enter the network namespace", setns(net->get(), CLONE_NEWNET));
  }
  if (!spec.directory.empty()) check("enter the directory " + spec.directory, chdir(spec.directory.c_str()));
  if (!spec.user.empty()) become_user(spec.user);
  // Last, so that what goes wrong before is not written into the command's log.
  check("redirect stdout", dup2(out, STDOUT_FILENO));
  check("redirect stderr", dup2(err, STDERR_FILENO));
  sigset_t none;
  sigemptyset(&none);
  check("unblock signals", sigprocmask(SIG_SETMASK, &none, nullptr));
  restore_descriptor_limit();
  realtime::restore_limit();
  execute(spec.argv, spec.environment);
}

}  // namespace faultline::nursery
