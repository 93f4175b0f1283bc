// The child's side of a spawn: from a fork of the nursery's init to the command.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "injector/base/error.h"
#include "injector/lab/enclosure.h"
#include "injector/lab/init.h"

namespace faultline::lab {
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

std::string command_path() {
  const char* path = getenv("PATH");
  std::string complete = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (const std::string directory : {"/usr/local/sbin", "/usr/sbin", "/sbin"})
    if ((":" + complete + ":").find(":" + directory + ":") == std::string::npos) complete += ":" + directory;
  return complete;
}

void complete_path() { setenv("PATH", command_path().c_str(), 1); }

[[noreturn]] void become(const ChildSpec& spec, const Enclosure* enclosure, const Fd* net, int output) {
  setsid();  // cannot fail in a child just forked
  const Fd null(static_cast<int>(check("open /dev/null", open("/dev/null", O_RDWR | O_CLOEXEC))));
  check("redirect stdin", dup2(null.get(), STDIN_FILENO));
  const int out = output >= 0 ? output : null.get();

  if (enclosure != nullptr) {
    enter_enclosure(*enclosure);
  } else if (net != nullptr) {
    check("enter the network namespace", setns(net->get(), CLONE_NEWNET));
  }
  if (!spec.directory.empty()) check("enter the directory " + spec.directory, chdir(spec.directory.c_str()));
  if (!spec.user.empty()) become_user(spec.user);
  for (const auto& [key, value] : spec.environment) setenv(key.c_str(), value.c_str(), 1);
  complete_path();

  std::vector<char*> argv;
  for (const auto& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // Last, so that what goes wrong before is not written into the command's log.
  check("redirect stdout", dup2(out, STDOUT_FILENO));
  check("redirect stderr", dup2(out, STDERR_FILENO));
  sigset_t none;
  sigemptyset(&none);
  check("unblock signals", sigprocmask(SIG_SETMASK, &none, nullptr));
  execvp(argv[0], argv.data());
  throw std::system_error(errno, std::generic_category(), "execute");
}

}  // namespace faultline::lab
