// TCP between two hosts of which one has faults, socket by socket: opened, told something, heard; with the error that
// an application would get, and how soon.
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/harness/plan_bed.h"

namespace faultline::test {

inline constexpr Ns kQuiet = 700 * kMillisecond;  // longer than two retransmissions
inline constexpr Ns kSoon = 5 * kSecond;          // before what gives up by itself would

/// Which way a connection is opened, over what.
struct Way {
  const char* name;
  const char *client, *server;  ///< addresses; the first of 10.7.0.1 and fd07::1 is `here`
};
inline constexpr Way kWays[] = {{"leaving", "10.7.0.1", "10.7.0.2"},  {"leaving6", "fd07::1", "fd07::2"},
                                {"arriving", "10.7.0.2", "10.7.0.1"}, {"arriving6", "fd07::2", "fd07::1"},
                                {"lo", "127.0.0.1", "127.0.0.1"},     {"lo6", "::1", "::1"}};

class TcpEnds : public PlanBed {
 protected:
  using PlanBed::PlanBed;
  const NetNs& ns_of(const std::string& address) const {
    return address == "10.7.0.2" || address == "fd07::2" ? bed.there : bed.here;
  }

  Fd listen_at(const std::string& at, std::uint16_t port) {
    Fd fd = bound_socket(ns_of(at), SOCK_STREAM, address(at, port));
    check("listen", ::listen(fd.get(), 16));
    return fd;
  }
  /// 0, the error of connect(), or ETIMEDOUT after `patience`.
  int connect_to(const Way& way, std::uint16_t port, Ns patience, Fd* out = nullptr) {
    Fd fd = bound_socket(ns_of(way.client), SOCK_STREAM | SOCK_NONBLOCK, address(way.client, 0));
    const Address to = address(way.server, port);
    if (::connect(fd.get(), to.get(), to.size) == -1 && errno != EINPROGRESS) return errno;
    pollfd done{fd.get(), POLLOUT, 0};
    if (poll(&done, 1, static_cast<int>(patience / kMillisecond)) == 0) return ETIMEDOUT;
    const int error = error_of(fd);
    if (error == 0 && out != nullptr) *out = std::move(fd);
    return error;
  }
  struct Connection {
    Fd client, server;
  };
  Connection open(const Way& way, std::uint16_t port) {
    const Fd listener = listen_at(way.server, port);
    Connection c;
    if (const int error = connect_to(way, port, kSoon, &c.client); error != 0)
      throw std::system_error(error, std::generic_category(), "connect");
    c.server = Fd(
        static_cast<int>(check("accept", ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC))));
    return c;
  }
  /// One of each way, in the order of kWays.
  std::vector<Connection> open_each(std::uint16_t port) {
    std::vector<Connection> all;
    for (const Way& way : kWays) all.push_back(open(way, port));
    return all;
  }
  /// A fault on a that acts on lo as well.
  void play_on_all(const std::string& kind, const std::string& rest,
                   pen::Engine engine = pen::probe_features().engine()) {
    play_fault(kind, "loopback = true\n" + rest, engine);
  }

  static int error_of(const Fd& fd) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
  static void say(const Fd& fd, std::size_t bytes = 10) {
    const std::string text(bytes, 'x');
    EXPECT_GT(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), 0);
  }
  /// Bytes received within `patience`; below 0: an error.
  static int hear(const Fd& fd, Ns patience) {
    pollfd readable{fd.get(), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(patience / kMillisecond)) == 0) return 0;
    char buffer[65536];
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    return n < 0 ? -errno : static_cast<int>(n);
  }
};

}  // namespace faultline::test
