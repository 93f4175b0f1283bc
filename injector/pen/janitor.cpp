#include "injector/pen/janitor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/message.h"

namespace faultline::pen {
namespace {

constexpr int kSocket = 3;  // in the child, where all else is closed
constexpr int kSweeps = 5;

enum class Order : std::uint32_t { note, amend, forget };
struct Word {
  Order order;
  std::uint64_t number;
  Placement placement;
};

// ---- parent ----

void send(int socket, const Word& word, int ns) {
  std::vector<int> fds;
  if (ns >= 0) fds.push_back(ns);
  try {
    send_message(socket, std::string(reinterpret_cast<const char*>(&word), sizeof word), fds);
  } catch (const std::system_error& e) {
    throw std::system_error(e.code(), "tell the janitor what is attached (has it been killed?)");
  }
}

// ---- child ----

/// Namespaces are shared between notes: hundreds of notes must not need hundreds of descriptors.
struct Note {
  std::shared_ptr<NetNs> ns;
  Placement placement;
};

struct Book {
  std::map<std::uint64_t, Note> notes;
  std::map<std::uint64_t, std::weak_ptr<NetNs>> known;

  void take(const Word& word, Fd ns) {
    if (word.order == Order::forget) {
      notes.erase(word.number);
      return;
    }
    Note& note = notes[word.number];
    note.placement = word.placement;
    if (!ns) return;
    NetNs received(std::move(ns));
    auto& place = known[received.inode()];
    note.ns = place.lock();
    if (!note.ns) place = note.ns = std::make_shared<NetNs>(std::move(received));
  }

  /// True when nothing is left to do.
  bool clean() {
    for (auto at = notes.begin(); at != notes.end();) {
      try {
        if (at->second.ns) {
          Inside in(*at->second.ns);
          take_away(at->second.placement, [] {});
        }
        at = notes.erase(at);
      } catch (const std::exception&) {
        ++at;  // tried again
      }
    }
    return notes.empty();
  }
};

/// Nothing at the end: the other side is gone.
std::optional<Word> receive(Fd& ns) {
  try {
    std::optional<Message> message = receive_message(kSocket);
    Word word{};
    if (!message || message->bytes.size() != sizeof word) return std::nullopt;
    std::memcpy(&word, message->bytes.data(), sizeof word);
    if (!message->fds.empty()) ns = std::move(message->fds.front());
    return word;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

[[noreturn]] void live() {
  Book book;
  for (;;) {
    Fd ns;
    const std::optional<Word> word = receive(ns);
    if (!word) break;
    book.take(*word, std::move(ns));
  }
  for (int i = 0; i < kSweeps && !book.clean(); i++) {
    const timespec pause{0, 100 * kMillisecond};
    nanosleep(&pause, nullptr);
  }
  _exit(book.notes.empty() ? 0 : 1);
}

[[noreturn]] void become_janitor(int socket) {
  // What ends the parent's terminal session or asks the parent to stop is not meant for us: we end after it.
  setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2})
    ::signal(signal, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_NAME, "faultline-jan");
  // Whoever waits for the end of the parent's output must not wait for us.
  if (socket != kSocket && dup2(socket, kSocket) == -1) _exit(1);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < kSocket; fd++) {
    if (nothing < 0 || dup2(nothing, fd) == -1) ::close(fd);
  }
  if (close_range(kSocket + 1, ~0u, 0) != 0 || chdir("/") != 0) _exit(1);
  live();
}

}  // namespace

std::unique_ptr<Janitor> Janitor::start() {
  int ends[2];
  check("make a socket for the janitor", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  Fd ours(ends[0]), its(ends[1]);
  // Held back until the janitor ignores them: one that comes early must not end it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) become_janitor(its.get());
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid == -1) throw std::system_error(error, std::generic_category(), "start the janitor");
  return std::unique_ptr<Janitor>(new Janitor(pid, std::move(ours)));
}

Janitor::~Janitor() {
  socket_.reset();
  while (waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
  }
}

std::uint64_t Janitor::note(const NetNs& ns, const Placement& placement) {
  send(socket_.get(), {Order::note, next_, placement}, ns.fd());
  return next_++;
}

void Janitor::amend(std::uint64_t note, const Placement& placement) {
  send(socket_.get(), {Order::amend, note, placement}, -1);
}

void Janitor::forget(std::uint64_t note) noexcept {
  try {
    send(socket_.get(), {Order::forget, note, {}}, -1);
  } catch (const std::exception&) {
    // It is gone, and so is what it knew.
  }
}

}  // namespace faultline::pen
