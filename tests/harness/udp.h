// UDP between namespaces, one packet at a time, with the time that each took on its way.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/error.h"
#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::test {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline Address address(const std::string& text, std::uint16_t port) {
  Address a;
  if (text.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(a.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    a.size = sizeof v6;
    if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) throw std::invalid_argument(text);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(a.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    a.size = sizeof v4;
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) != 1) throw std::invalid_argument(text);
  }
  return a;
}

/// A socket of one namespace, whichever the thread is in later.
inline Fd bound_socket(const NetNs& ns, int type, const Address& to) {
  Inside in(ns);
  Fd fd(static_cast<int>(check("socket", ::socket(to.storage.ss_family, type | SOCK_CLOEXEC, 0))));
  const int one = 1;
  check("reuse", setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  check("bind", ::bind(fd.get(), to.get(), to.size));
  return fd;
}

struct Sent {
  std::size_t refused = 0;  ///< sends that failed
  std::vector<Ns> took;     ///< of those that arrived, in order of arrival
  Ns median() const {
    if (took.empty()) return -1;
    auto sorted = took;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  Ns least() const { return took.empty() ? -1 : *std::min_element(took.begin(), took.end()); }
};

/// Sends `count` packets of `size` bytes, `gap` apart, and waits for all of them, or until none has come for `quiet`.
inline Sent send_udp(const NetNs& from, const Address& source, const NetNs& to, const Address& target,
                     std::size_t count, Ns gap = 2 * kMillisecond, std::size_t size = 64, Ns quiet = kSecond) {
  const Fd sender = bound_socket(from, SOCK_DGRAM, source), receiver = bound_socket(to, SOCK_DGRAM, target);
  Sent result;
  std::vector<char> packet(size), buffer(70000);
  const auto receive_until = [&](Ns end) {
    for (;;) {
      const Ns left = end - monotonic_now();
      pollfd readable{receiver.get(), POLLIN, 0};
      if (poll(&readable, 1, left > 0 ? static_cast<int>(left / kMillisecond) + 1 : 0) <= 0) return;
      check("receive", recv(receiver.get(), buffer.data(), buffer.size(), 0));
      Ns then = 0;
      std::memcpy(&then, buffer.data(), sizeof then);
      result.took.push_back(monotonic_now() - then);
      if (left <= 0) return;
    }
  };
  for (std::size_t i = 0; i < count; i++) {
    const Ns now = monotonic_now();
    std::memcpy(packet.data(), &now, sizeof now);
    if (sendto(sender.get(), packet.data(), packet.size(), 0, target.get(), target.size) == -1) result.refused++;
    receive_until(now + gap);
  }
  for (std::size_t before = ~std::size_t{0}; result.took.size() < count && before != result.took.size();) {
    before = result.took.size();
    receive_until(monotonic_now() + quiet);
  }
  return result;
}

}  // namespace faultline::test
