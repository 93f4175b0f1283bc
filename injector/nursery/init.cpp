#include "injector/nursery/init.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

#include "injector/base/descriptors.h"
#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "injector/nursery/enclosure.h"

namespace faultline::nursery {
namespace {

constexpr int kSocket = 3;

class Init {
 public:
  Init();
  void serve();

 private:
  std::string answer(Message& request, std::vector<int>& fds);
  pid_t spawn(Reader& reader, std::vector<Fd>& fds);
  void kill(pid_t pid, int signal);
  void reap();

  Fd child_signals_;
  std::map<std::string, Enclosure> enclosures_;
  std::set<pid_t> running_;
};

Init::Init() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  check("block SIGCHLD", sigprocmask(SIG_SETMASK, &mask, nullptr));
  child_signals_ = Fd(static_cast<int>(check("make a signalfd", signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK))));
}

void Init::serve() {
  realtime::Urgent urgent(realtime::Rank::helper);  // it starts exec probes; what it starts is ordinary
  send_message(kSocket, Writer().put(kHello).bytes());
  for (;;) {
    pollfd events[] = {{kSocket, POLLIN, 0}, {child_signals_.get(), POLLIN, 0}};
    if (poll(events, 2, -1) == -1) {
      check("poll", errno == EINTR ? 0 : -1);
      continue;
    }
    urgent.look();
    if (events[1].revents != 0) {
      signalfd_siginfo info[8];
      while (read(child_signals_.get(), info, sizeof info) > 0) {
      }
      reap();
    }
    if (events[0].revents == 0) continue;
    std::optional<Message> request = receive_message(kSocket);
    if (!request) return;
    std::vector<int> fds;
    const std::string reply = answer(*request, fds);
    send_message(kSocket, reply, fds);
  }
}

/// The reply: number, error (empty: none), pid (spawn); with descriptors in `fds` (open_enclosure), which stay ours.
std::string Init::answer(Message& request, std::vector<int>& fds) {
  Reader reader(std::move(request.bytes));
  const std::uint64_t number = reader.number();
  std::uint64_t result = 0;
  std::string error;
  try {
    switch (static_cast<Request>(reader.number())) {
      case Request::spawn:
        result = static_cast<std::uint64_t>(spawn(reader, request.fds));
        break;
      case Request::make_enclosure: {
        const std::string name = reader.text();
        EnclosureSpec spec{reader.text(), reader.text(), reader.texts()};
        if (enclosures_.count(name) != 0) throw std::runtime_error("it exists already");
        enclosures_.emplace(name, build_enclosure(spec, std::move(request.fds.at(0))));
        break;
      }
      case Request::drop_enclosure: {
        const auto found = enclosures_.find(reader.text());
        if (found == enclosures_.end()) break;
        const Enclosure enclosure = std::move(found->second);
        enclosures_.erase(found);
        clear_enclosure(enclosure);
        break;
      }
      case Request::open_enclosure: {
        const auto found = enclosures_.find(reader.text());
        if (found == enclosures_.end()) throw std::runtime_error("there is no such host");
        const auto& [net, mount, uts, ipc, root] = found->second;
        for (const Fd* fd : {&net, &mount, &uts, &ipc, &root}) fds.push_back(fd->get());
        break;
      }
      case Request::kill: {
        const auto pid = static_cast<pid_t>(reader.number());
        kill(pid, static_cast<int>(reader.number()));
        break;
      }
    }
  } catch (const std::exception& e) {
    error = *e.what() != 0 ? e.what() : "unknown error";
  }
  return Writer().put(number).put(error).put(result).bytes();
}

pid_t Init::spawn(Reader& reader, std::vector<Fd>& fds) {
  ChildSpec spec{reader.texts(), reader.map(), reader.text(), reader.text()};
  const std::string name = reader.text();
  const bool has_net = reader.number() != 0, has_output = reader.number() != 0, has_errors = reader.number() != 0;
  const Fd* net = has_net ? &fds.at(0) : nullptr;
  const std::size_t first = has_net ? 1 : 0;
  const int output = has_output ? fds.at(first).get() : -1;
  const int errors = has_errors ? fds.at(first + (has_output ? 1 : 0)).get() : output;
  const Enclosure* enclosure = nullptr;
  if (!name.empty()) {
    const auto found = enclosures_.find(name);
    if (found == enclosures_.end()) throw std::runtime_error("there is no lab host \"" + name + "\"");
    enclosure = &found->second;
  }

  const pid_t pid = fork_into([&] { become(spec, enclosure, net, output, errors); });
  running_.insert(pid);
  return pid;
}

void Init::kill(pid_t pid, int signal) {
  // SIGKILL is for all of a command, the children of a shell included; another signal is a request to the command,
  // which knows how to end its own. A group outlives its leader, and its number is not used again before it is empty.
  if (signal == SIGKILL) {
    if (pid > 1) ::kill(-pid, SIGKILL);
  } else if (running_.count(pid) != 0) {
    ::kill(pid, signal);
  }
}

void Init::reap() {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    if (running_.erase(pid) != 0)
      send_message(
          kSocket,
          Writer().put(kEnded).put(static_cast<std::uint64_t>(pid)).put(static_cast<std::uint64_t>(status)).bytes());
}

void prepare(const Fd& parent) {
  check("ask to die with the parent", prctl(PR_SET_PDEATHSIG, SIGKILL));
  // It may have died before. (getppid() says nothing: the parent is in another PID namespace.)
  pollfd gone{parent.get(), POLLIN, 0};
  if (poll(&gone, 1, 0) != 0) _exit(0);

  setsid();  // out of reach of the terminal's Ctrl-C, which is for Faultline
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  prctl(PR_SET_NAME, "faultline-init");
  // Services must not inherit the urgency of the packet path.
  const sched_param normal{};
  const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  if (policy == SCHED_FIFO || policy == SCHED_RR) sched_setscheduler(0, SCHED_OTHER, &normal);
  if (getpriority(PRIO_PROCESS, 0) < 0) setpriority(PRIO_PROCESS, 0, 0);

  raise_descriptor_limit();  // four for each lab host

  const Fd null(static_cast<int>(check("open /dev/null", open("/dev/null", O_RDWR))));
  check("redirect stdin", dup2(null.get(), STDIN_FILENO));
  check("redirect stdout", dup2(null.get(), STDOUT_FILENO));
}

}  // namespace

[[noreturn]] void run_init(Fd socket, Fd parent) {
  try {
    prepare(parent);
    if (socket.get() != kSocket) {
      check("move the socket", dup3(socket.get(), kSocket, O_CLOEXEC));
    }
    // From here on socket and parent are closed behind the backs of their owners, which never run again.
    check("close what the parent had open", close_range(kSocket + 1, ~0U, 0));
    Init().serve();
  } catch (const std::exception&) {
    _exit(1);  // the other side sees the socket close
  }
  _exit(0);
}

}  // namespace faultline::nursery
