#include "injector/run/lock.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "injector/base/error.h"

namespace faultline::run {
namespace {

constexpr std::string_view kName = "faultline.run";

socklen_t make_address(sockaddr_un& address) {
  std::memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, kName.data(), kName.size());  // a leading NUL: the abstract namespace
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
}

/// What the holder says of itself; its pid when it does not answer.
std::string ask_holder() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address;
  const socklen_t length = make_address(address);
  if (!socket || connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return "another run";
  ucred peer{};
  socklen_t size = sizeof peer;
  std::string who = "another run";
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0) who = fmt::format("pid {}", peer.pid);
  pollfd wait{socket.get(), POLLIN, 0};
  char text[1024];
  if (::poll(&wait, 1, 300) == 1) {
    const ssize_t n = recv(socket.get(), text, sizeof text, 0);
    if (n > 0) who += fmt::format(" ({})", std::string_view(text, static_cast<std::size_t>(n)));
  }
  return who;
}

}  // namespace

NamespaceLock::NamespaceLock(const NetNs& ns, const std::string& place, std::string description) : description_(std::move(description)) {
  Inside inside(ns);
  socket_ = Fd(static_cast<int>(check("create the run lock", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))));
  sockaddr_un address;
  const socklen_t length = make_address(address);
  if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    if (errno != EADDRINUSE) throw std::system_error(errno, std::generic_category(), "bind the run lock");
    throw Failure(Exit::cannot_run, fmt::format("{} already has a run under way: {}. One run per network namespace; wait for it, or "
                                                "stop it with Ctrl-C or SIGTERM",
                                                place, ask_holder()));
  }
  check("listen on the run lock", listen(socket_.get(), 8));
}

void NamespaceLock::answer() {
  Fd peer(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (peer) (void)send(peer.get(), description_.data(), description_.size(), MSG_NOSIGNAL);
}

}  // namespace faultline::run
