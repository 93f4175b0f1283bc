#include "injector/base/output.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "injector/base/clock.h"
#include "injector/base/fd.h"

namespace faultline {
namespace {

constexpr Ns kPatience = 5 * kSecond;  // a command that hangs must not hang us
constexpr std::size_t kMostBytes = 16 << 20;

}  // namespace

std::string output_of(const std::vector<std::string>& argv, int& status) {
  status = -1;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  Fd from(ends[0]), to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;  // we block signals and ignore SIGPIPE, the command must not
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  for (const auto& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int rc = posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  to = Fd();
  if (rc != 0) return {};
  std::string text;
  const Ns until = monotonic_now() + kPatience;
  bool ended = false;
  while (!ended && text.size() < kMostBytes) {
    pollfd wait{from.get(), POLLIN, 0};
    const Ns left = until - monotonic_now();
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left / kMillisecond) + 1) <= 0) break;
    char buffer[4096];
    const ssize_t n = read(from.get(), buffer, sizeof buffer);
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    ended = n <= 0;
  }
  if (!ended) kill(pid, SIGKILL);  // too slow, or it says too much, and would wait for ever for us to read on
  int how = 0;
  waitpid(pid, &how, 0);
  if (!ended || !WIFEXITED(how)) return {};
  status = WEXITSTATUS(how);
  return text;
}

}  // namespace faultline
