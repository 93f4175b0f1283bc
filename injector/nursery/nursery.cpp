#include "injector/nursery/nursery.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include "injector/base/error.h"
#include "injector/base/realtime.h"
#include "injector/base/thread_safety.h"
#include "injector/nursery/init.h"
#include "injector/nursery/wire.h"

namespace faultline::nursery {
namespace {

Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(check("open a pidfd", syscall(SYS_pidfd_open, pid, 0)))); }

/// Forks into a new PID namespace; later children of this thread stay in ours. Not a bare clone(CLONE_NEWPID): the C
/// library must know of the fork, or the child's allocator may be locked for ever by a thread it does not have.
pid_t fork_in_new_pid_namespace() {
  const Fd own(open("/proc/thread-self/ns/pid", O_RDONLY | O_CLOEXEC));
  check("open our PID namespace", own.get());
  if (unshare(CLONE_NEWPID) != 0)
    throw Failure(Exit::cannot_run, "cannot make a PID namespace: " + std::generic_category().message(errno) +
                                        " (lab services and exec probes need root and CONFIG_PID_NS)");
  const pid_t pid = fork();
  if (pid == 0) return 0;
  const int fork_error = errno;
  check("return to our PID namespace", setns(own.get(), CLONE_NEWPID));
  errno = fork_error;
  check("fork the nursery", pid);
  return pid;
}

}  // namespace

std::string package_of(const std::string& program) {
  static const std::map<std::string, std::string> packages = {
      {"nginx", "nginx-core"},
      {"haproxy", "haproxy"},
      {"redis-server", "redis-server"},
      {"redis-cli", "redis-tools"},
      {"postgres", "postgresql"},
      {"initdb", "postgresql"},
      {"psql", "postgresql-client"},
      {"etcd", "etcd-server"},
      {"etcdctl", "etcd-client"},
      {"memcached", "memcached"},
      {"curl", "curl"},
      {"python3", "python3"},
      {"mysqld", "mariadb-server"},
      {"mariadbd", "mariadb-server"},
      {"rabbitmq-server", "rabbitmq-server"},
      {"iperf3", "iperf3"},
      {"nc", "netcat-openbsd"},
      {"socat", "socat"},
      {"mosquitto", "mosquitto"},
      {"mosquitto_sub", "mosquitto-clients"},
      {"mosquitto_pub", "mosquitto-clients"},
      {"mosquitto_rr", "mosquitto-clients"},
      {"dnsmasq", "dnsmasq-base"},
      {"unbound", "unbound"},
      {"ping", "iputils-ping"},
      {"bird", "bird2"},
      {"birdc", "bird2"},
      {"keepalived", "keepalived"},
  };
  const auto found = packages.find(program.substr(program.rfind('/') + 1));
  return found == packages.end() ? "" : found->second;
}

namespace {

std::string explain(const Command& command, const std::string& error) {
  std::string text = "cannot run \"" + command.argv[0] + "\"" +
                     (command.enclosure.empty() ? "" : " on lab host \"" + command.enclosure + "\"") + ": " + error;
  const std::string package = package_of(command.argv[0]);
  if (error.rfind("execute:", 0) == 0 && error.find("No such file") != std::string::npos && !package.empty())
    text += " (hint: apt-get install " + package + ")";
  return text;
}

struct Reply {
  std::string error;
  std::uint64_t result = 0;
  std::vector<Fd> fds;
};

}  // namespace

struct Nursery::Impl {
  Impl() { pending[kHello]; }

  Fd socket, pidfd;
  pid_t init = -1;
  std::thread reader;
  Mutex mutex;
  Condition changed;
  std::uint64_t last_number FAULTLINE_GUARDED_BY(mutex) = kHello;
  std::map<std::uint64_t, std::optional<Reply>> pending FAULTLINE_GUARDED_BY(mutex);
  std::set<pid_t> running FAULTLINE_GUARDED_BY(mutex);
  std::map<pid_t, int> ended FAULTLINE_GUARDED_BY(mutex);
  bool gone FAULTLINE_GUARDED_BY(mutex) = false;

  void read_all();
  void take(Message received);
  Reply await(std::uint64_t number);
  Reply ask(Request request, const std::function<void(Writer&)>& arguments, const std::vector<int>& fds = {});
};

void Nursery::Impl::read_all() {
  try {
    realtime::Urgent urgent(realtime::Rank::helper);  // exec probes wait for what comes in here
    while (std::optional<Message> message = receive_message(socket.get())) {
      urgent.look();
      take(std::move(*message));
    }
  } catch (const std::exception&) {
    // As good as gone: nobody could be answered any more.
  }
  const MutexLock lock(mutex);
  gone = true;
  for (const pid_t pid : running) ended[pid] = SIGKILL;
  running.clear();
  changed.notify_all();
}

void Nursery::Impl::take(Message received) {
  Reader message(std::move(received.bytes));
  const MutexLock lock(mutex);
  const std::uint64_t number = message.number();
  if (number == kEnded) {
    const auto pid = static_cast<pid_t>(message.number());
    running.erase(pid);
    ended[pid] = static_cast<int>(message.number());
  } else if (number == kHello) {
    pending[kHello] = Reply{};
  } else if (const auto found = pending.find(number); found != pending.end()) {
    Reply reply{message.text(), message.number(), std::move(received.fds)};
    if (reply.result != 0) {
      // Here, in the order of the socket, and not in the thread that asked: its end may be the very next message.
      running.insert(static_cast<pid_t>(reply.result));
      ended.erase(static_cast<pid_t>(reply.result));  // of an earlier process with this number
    }
    found->second = std::move(reply);
  }
  changed.notify_all();
}

Reply Nursery::Impl::await(std::uint64_t number) {
  MutexLock lock(mutex);
  while (!gone && !pending.at(number)) changed.wait(lock);
  auto node = pending.extract(number);
  if (!node.mapped()) throw Failure(Exit::failed, "the nursery, which runs lab services and exec probes, has ended");
  return std::move(*node.mapped());
}

Reply Nursery::Impl::ask(Request request, const std::function<void(Writer&)>& arguments, const std::vector<int>& fds) {
  std::uint64_t number;
  {
    const MutexLock lock(mutex);
    number = ++last_number;
    pending[number];
  }
  Writer writer;
  writer.put(number).put(static_cast<std::uint64_t>(request));
  arguments(writer);
  try {
    send_message(socket.get(), writer.bytes(), fds);
  } catch (const std::system_error& e) {
    const MutexLock lock(mutex);
    pending.erase(number);
    if (e.code() == std::errc::broken_pipe || e.code() == std::errc::connection_reset)
      throw Failure(Exit::failed, "the nursery, which runs lab services and exec probes, has ended");
    throw;
  }
  return await(number);
}

Nursery::Nursery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<Nursery> Nursery::start() {
  if (gettid() != getpid()) throw std::logic_error("Nursery::start() must be called on the main thread");
  int pair[2];
  check("make a socket pair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  auto impl = std::make_unique<Impl>();
  impl->socket = Fd(pair[0]);
  Fd theirs(pair[1]), self = open_pidfd(getpid());
  const pid_t pid = fork_in_new_pid_namespace();
  if (pid == 0) {
    (void)impl.release();  // its destructors are the parent's business
    run_init(std::move(theirs), std::move(self));
  }
  theirs.reset();
  impl->init = pid;
  std::unique_ptr<Nursery> nursery(new Nursery(std::move(impl)));
  Impl& i = *nursery->impl_;
  i.pidfd = open_pidfd(pid);

  // The reader takes no signal meant for the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  i.reader = std::thread([&i] { i.read_all(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  i.await(kHello);
  return nursery;
}

Nursery::~Nursery() {
  // The init leaves when the socket closes. It becomes a zombie only once the kernel has ended every process of its
  // namespace, so waiting for it is waiting for all of them.
  shutdown(impl_->socket.get(), SHUT_RDWR);
  if (impl_->reader.joinable()) impl_->reader.join();
  pollfd ended{impl_->pidfd.get(), POLLIN, 0};
  if (!impl_->pidfd || poll(&ended, 1, 1000) != 1) {
    ::kill(impl_->init, SIGKILL);
    if (impl_->pidfd && poll(&ended, 1, 5000) != 1) return;  // a process hangs in the kernel: no use in hanging too
  }
  while (waitpid(impl_->init, nullptr, 0) == -1 && errno == EINTR) {
  }
}

void Nursery::make_enclosure(const std::string& name, const NetNs& net, const std::string& hosts_file,
                             const std::string& hostname, const std::vector<std::string>& keep) {
  const Reply reply = impl_->ask(Request::make_enclosure,
                                 [&](Writer& w) { w.put(name).put(hostname).put(hosts_file).put(keep); }, {net.fd()});
  if (!reply.error.empty()) throw Failure(Exit::cannot_run, "cannot make lab host \"" + name + "\": " + reply.error);
}

void Nursery::drop_enclosure(const std::string& name) {
  const Reply reply = impl_->ask(Request::drop_enclosure, [&](Writer& w) { w.put(name); });
  if (!reply.error.empty()) throw Failure(Exit::failed, "cannot clear lab host \"" + name + "\": " + reply.error);
}

Entrance Nursery::open_enclosure(const std::string& name) {
  Reply reply = impl_->ask(Request::open_enclosure, [&](Writer& w) { w.put(name); });
  if (!reply.error.empty()) throw Failure(Exit::cannot_run, "cannot enter lab host \"" + name + "\": " + reply.error);
  Entrance entrance;
  auto& fds = reply.fds;
  entrance.enclosure = {std::move(fds.at(0)), std::move(fds.at(1)), std::move(fds.at(2)), std::move(fds.at(3)),
                        std::move(fds.at(4))};
  const std::string pids =
      "/proc/" + std::to_string(impl_->init) + "/ns/pid";  // not reaped yet, so it is still this one
  entrance.pids = Fd(static_cast<int>(check("open " + pids, open(pids.c_str(), O_RDONLY | O_CLOEXEC))));
  return entrance;
}

pid_t Nursery::spawn(const Command& command) {
  if (command.argv.empty()) throw std::logic_error("Nursery::spawn() without a command");
  const bool has_net = command.enclosure.empty() && command.net != nullptr, has_output = command.output >= 0,
             has_errors = command.errors >= 0;
  std::vector<int> fds;
  if (has_net) fds.push_back(command.net->fd());
  if (has_output) fds.push_back(command.output);
  if (has_errors) fds.push_back(command.errors);
  const Reply reply = impl_->ask(
      Request::spawn,
      [&](Writer& w) {
        w.put(command.argv).put(command.environment).put(command.user).put(command.directory).put(command.enclosure);
        w.put(std::uint64_t{has_net}).put(std::uint64_t{has_output}).put(std::uint64_t{has_errors});
      },
      fds);
  if (!reply.error.empty()) throw Failure(Exit::cannot_run, explain(command, reply.error));
  return static_cast<pid_t>(reply.result);
}

std::optional<Ended> Nursery::wait(pid_t pid, Ns deadline) {
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC
  MutexLock lock(impl_->mutex);
  // Waiting no longer than a day at a time keeps the sum in range for a deadline that means "for ever".
  const auto until = [](Ns at) {
    return Clock::time_point(std::chrono::nanoseconds(std::min(at, monotonic_now() + 86400 * kSecond)));
  };
  while (impl_->running.count(pid) != 0)
    if (impl_->changed.wait_until(lock, until(deadline)) == std::cv_status::timeout && monotonic_now() >= deadline)
      break;
  const auto found = impl_->ended.find(pid);
  if (found == impl_->ended.end()) {
    if (impl_->running.count(pid) == 0) throw std::logic_error("Nursery::wait() for a process that is not there");
    return std::nullopt;
  }
  const Ended result{pid, found->second};
  impl_->ended.erase(found);
  return result;
}

void Nursery::kill(pid_t pid, int signal) {
  try {
    impl_->ask(Request::kill,
               [&](Writer& w) { w.put(static_cast<std::uint64_t>(pid)).put(static_cast<std::uint64_t>(signal)); });
  } catch (const Failure&) {
    // The init is gone, and every process with it.
  }
}

}  // namespace faultline::nursery
