#include "injector/run/running.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <pwd.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/message.h"
#include "injector/base/privilege.h"
#include "injector/record/json_fields.h"
#include "injector/run/lock.h"
#include "injector/site/processes.h"

namespace faultline::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kPatience = 10;  // seconds for an answer that matters

/// Every network namespace that some process is in, ours first.
std::vector<NetNs> spaces() {
  std::vector<NetNs> all;
  all.push_back(NetNs::current());
  std::set<std::uint64_t> seen{all.front().inode()};
  const site::ProcessTable processes;
  for (const pid_t pid : processes.pids()) {
    const std::string path = processes.namespace_path(pid);
    const auto inode = NetNs::inode_of(path);
    if (inode == 0 || !seen.insert(inode).second) continue;
    try {
      all.push_back(NetNs::open(path));
    } catch (const std::exception&) {  // it has ended meanwhile
      seen.erase(inode);
    }
  }
  return all;
}

/// The control sockets that are bound in the calling thread's network namespace.
std::vector<std::string> names_here() {
  std::ifstream table("/proc/thread-self/net/unix");
  std::set<std::string> names;
  const std::string mark = "@" + std::string(kControlPrefix);
  for (std::string line; std::getline(table, line);) {
    const auto at = line.find(mark);
    if (at != std::string::npos)
      names.insert(line.substr(at + 1));  // accepted connections have it, too: once is enough
  }
  return {names.begin(), names.end()};
}

/// Runs `what` inside a namespace; the one that we are in needs no privilege.
template <class What>
auto within(const NetNs& space, const What& what) {
  if (space.inode() == NetNs::current().inode()) return what();
  const Inside inside(space);
  return what();
}

/// The pid of who listens there; nothing when it is somebody whom we do not believe.
std::optional<pid_t> believed(const Fd& socket) {
  const auto peer = peer_of(socket.get());
  if (!peer || (peer->uid != 0 && peer->uid != geteuid())) return {};
  return peer->pid;
}

/// Throws Failure with what the run answers when it refuses, or that it does not answer.
template <class Request>
typename Request::Answer ask(const Fd& socket, const Request& request, std::vector<Fd>* fds = nullptr) {
  try {
    json asked = record::to_json(request);
    asked.update(record::to_json(Verb{Request::verb}));
    send_message(socket.get(), asked.dump(-1, ' ', false, json::error_handler_t::replace));
    auto message = receive_message(socket.get());
    if (!message) throw Failure(Exit::cannot_run, "the run has just ended");
    const json answer = json::parse(message->bytes);
    if (const auto refused = record::from_json<Refused>(answer); !refused.error.empty())
      throw Failure(static_cast<Exit>(refused.exit), refused.error);
    if (fds) *fds = std::move(message->fds);
    return record::from_json<typename Request::Answer>(answer);
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::broken_pipe || e.code() == std::errc::connection_reset)
      throw Failure(Exit::cannot_run, "the run has just ended");
    throw Failure(Exit::cannot_run,
                  "the run does not answer: it is stopped (SIGSTOP, Ctrl-Z) or hangs. A stopped run has no faults on");
  } catch (const json::exception&) {
    throw Failure(Exit::cannot_run, "a program other than Faultline answers there");
  }
}

Fd connect_to(const Running& run, int patience) {
  Fd socket = within(*run.space, [&] { return run::connect_to(run.socket, patience); });
  if (!socket || !believed(socket)) throw Failure(Exit::cannot_run, describe(run) + " has ended");
  return socket;
}

/// Who we are, for the journal of a run: under sudo, who called it.
std::string myself() {
  if (const char* user = std::getenv("SUDO_USER"); user != nullptr && *user != 0) return user;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_name : fmt::format("uid {}", getuid());
}

std::string list_of(const std::vector<Running>& runs) {
  if (runs.empty()) return is_root() ? "no run is under way" : "no run is under way that we may see (root sees all)";
  std::vector<std::string> names;
  for (const auto& run : runs) names.push_back(describe(run));
  return fmt::format("under way: {}", fmt::join(names, ", "));
}

}  // namespace

std::vector<Running> running() {
  std::vector<Running> all;
  for (const NetNs& found : spaces()) {
    const auto space = std::make_shared<NetNs>(found.duplicate());
    std::vector<std::pair<std::string, Fd>> sockets;
    try {
      within(*space, [&] {
        for (auto& name : names_here()) sockets.emplace_back(name, run::connect_to(name, 1));
      });
    } catch (const std::system_error&) {  // not ours to enter
      continue;
    }
    for (auto& [name, socket] : sockets) {
      if (!socket) continue;
      const auto pid = believed(socket);
      if (!pid) continue;
      Running run;
      run.pid = *pid;
      run.socket = name;
      run.space = space;
      try {
        static_cast<About&>(run) = ask(socket, AboutRequest());
        run.answers = true;
      } catch (const Failure&) {
        pollfd state{socket.get(), POLLIN, 0};
        if (::poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0) continue;  // ended meanwhile
      }
      all.push_back(std::move(run));
    }
  }
  std::sort(all.begin(), all.end(), [](const Running& a, const Running& b) { return a.pid < b.pid; });
  return all;
}

std::string describe(const Running& run) {
  return fmt::format("{} (pid {})", run.answers ? run.name : "a run that does not answer", run.pid);
}

const Running& find_run(const std::vector<Running>& runs, const std::string& which) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(which.data(), which.data() + which.size(), pid);
  const bool number = error == std::errc() && end == which.data() + which.size();
  const std::string path = fs::absolute(which).lexically_normal().string();
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  std::vector<const Running*> found;
  for (const auto& run : runs) {
    if (number && run.pid == pid) return run;
    if (!run.answers) continue;
    if (run.name == which || run.plan == path || run.folder == trimmed || fs::path(run.folder).filename() == which)
      found.push_back(&run);
  }
  if (found.size() == 1) return *found.front();
  if (found.empty()) throw Failure(Exit::cannot_run, fmt::format("there is no run \"{}\"; {}", which, list_of(runs)));
  throw Failure(Exit::invalid, fmt::format("\"{}\" is the name of {} runs: choose one by its pid; {}", which,
                                           found.size(), list_of(runs)));
}

const Running& only_run(const std::vector<Running>& runs, const std::string& option) {
  if (runs.size() == 1) return runs.front();
  if (runs.empty()) throw Failure(Exit::cannot_run, list_of(runs));
  throw Failure(Exit::invalid,
                fmt::format("there are {} runs: choose one with {}; {}", runs.size(), option, list_of(runs)));
}

Stopped stop(const Running& run, int patience) {
  const Fd socket = connect_to(run, kPatience);
  const Ns begin = monotonic_now();
  // A descriptor of the process, taken while its socket is known to be alive: its number cannot be another's.
  const pid_t pid = believed(socket).value_or(0);
  const Fd process(pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1);
  ask(socket, StopRequest{myself()});
  const Ns deadline = begin + patience * kSecond;
  const auto await = [&](int fd) {
    const Ns left = std::max<Ns>(0, deadline - monotonic_now());
    pollfd ready{fd, POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(left / kMillisecond)) == 1;
  };
  Stopped stopped;
  if (!await(socket.get())) return stopped;
  try {
    const auto message = receive_message(socket.get());
    stopped.healed = message && record::from_json<Healed>(json::parse(message->bytes)).healed;
  } catch (const std::exception&) {  // it died
  }
  stopped.took_s = static_cast<double>(monotonic_now() - begin) / kSecond;
  if (process) {
    stopped.ended = await(process.get());
  } else {  // in a PID namespace beside ours: its socket closes a moment before it ends
    while (!stopped.ended && await(socket.get())) {
      try {
        stopped.ended = !receive_message(socket.get());
      } catch (const std::exception&) {
        stopped.ended = true;
      }
    }
  }
  return stopped;
}

std::optional<double> note(const Running& run, const std::string& text) {
  return ask(connect_to(run, kPatience), NoteRequest{text, myself()}).t_s;
}

nursery::Entrance enter(const Running& run, const std::string& host) {
  std::vector<Fd> fds;
  EnterAnswer answer = ask(connect_to(run, kPatience), EnterRequest{host}, &fds);
  if (fds.size() != 6) throw Failure(Exit::cannot_run, "the run did not hand out its lab host's namespaces");
  nursery::Entrance entrance;
  entrance.enclosure = {std::move(fds[0]), std::move(fds[1]), std::move(fds[2]), std::move(fds[3]), std::move(fds[4])};
  entrance.pids = std::move(fds[5]);
  entrance.environment = std::move(answer.environment);
  return entrance;
}

}  // namespace faultline::run
