#include "injector/run/lock.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/base/message.h"

namespace faultline::run {
namespace {

constexpr std::string_view kLock = "faultline.run";

socklen_t make_address(sockaddr_un& address, std::string_view name) {
  std::memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(),
              std::min(name.size(), sizeof address.sun_path - 1));  // a leading NUL: the abstract namespace
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

/// False when the name is taken.
bool bind_to(const Fd& socket, std::string_view name) {
  sockaddr_un address;
  const socklen_t length = make_address(address, name);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    check("bind a run's socket", errno == EADDRINUSE ? 0 : -1);
    return false;
  }
  check("listen on a run's socket", listen(socket.get(), 16));
  return true;
}

Fd make_socket(int flags) {
  return Fd(static_cast<int>(check("make a run's socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0))));
}

/// What the holder says of itself; its pid when it does not answer.
std::string ask_holder() {
  const Fd socket = connect_to(kLock, 1);
  std::string who = "another run";
  if (!socket) return who;
  if (const auto peer = peer_of(socket.get()); peer && peer->pid > 0) who = fmt::format("pid {}", peer->pid);
  try {
    send_message(socket.get(), R"({"do":"about"})");
    if (const auto answer = receive_message(socket.get())) {
      const auto about = nlohmann::json::parse(answer->bytes);
      who += fmt::format(" (faultline run {}, record in {})", about.value("plan", ""), about.value("folder", ""));
    }
  } catch (const std::exception&) {  // it is stopped, or no run at all
  }
  return who;
}

}  // namespace

Fd bind_control() {
  for (;;) {
    std::uint64_t number = 0;
    check("draw a number", getrandom(&number, sizeof number, 0));
    Fd socket = make_socket(SOCK_NONBLOCK);
    if (bind_to(socket, fmt::format("{}{:016x}", kControlPrefix, number))) return socket;
  }
}

Fd lock_namespace(const NetNs& ns, const std::string& place) {
  Inside inside(ns);
  Fd socket = make_socket(SOCK_NONBLOCK);
  if (!bind_to(socket, kLock))
    throw Failure(Exit::cannot_run,
                  fmt::format("{} already has a run under way: {}. One run per network namespace; wait for it, or "
                              "stop it with `faultline stop`",
                              place, ask_holder()));
  return socket;
}

Fd connect_to(std::string_view name, int patience) {
  Fd socket = make_socket(0);
  const timeval wait{patience, 0};
  check("set a timeout", setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait));
  check("set a timeout", setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait));
  sockaddr_un address;
  const socklen_t length = make_address(address, name);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return {};
  return socket;
}

}  // namespace faultline::run
