#include "tests/harness/toy_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "injector/base/error.h"

namespace faultline::test {

std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

ToyServer::ToyServer(const NetNs& ns, const std::string& address, Manners manners) : manners_(std::move(manners)) {
  sockaddr_in6 six{};
  sockaddr_in four{};
  const bool v6 = inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1;
  if (!v6 && inet_pton(AF_INET, address.c_str(), &four.sin_addr) != 1) throw std::invalid_argument(address);
  six.sin6_family = AF_INET6;
  four.sin_family = AF_INET;
  sockaddr* name = v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  socklen_t length = v6 ? sizeof six : sizeof four;
  {
    const Inside inside(ns);
    const int family = v6 ? AF_INET6 : AF_INET;
    listener_ = Fd(static_cast<int>(check("socket", ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))));
    check("bind", ::bind(listener_.get(), name, length));
    check("listen", ::listen(listener_.get(), 1024));
  }
  check("getsockname", getsockname(listener_.get(), name, &length));
  port_ = ntohs(v6 ? six.sin6_port : four.sin_port);
  thread_ = std::thread([this] { serve(); });
}

ToyServer::~ToyServer() {
  stopping_ = true;
  thread_.join();
}

std::string ToyServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

// False: this connection is over.
bool ToyServer::attend(Connection& c, bool readable) {
  if (readable) {
    char buffer[4096];
    const ssize_t k = ::recv(c.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (k <= 0) return k == -1 && errno == EAGAIN;
    {
      const std::lock_guard lock(mutex_);
      asked_.append(buffer, static_cast<std::size_t>(k));
    }
    switch (manners_.kind) {
      case Manners::Kind::silent:
        return true;
      case Manners::Kind::close:
        return false;
      case Manners::Kind::reset: {
        const linger now{1, 0};
        setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
      }
      case Manners::Kind::answer:
        if (c.due == 0) c.due = monotonic_now() + manners_.after;
    }
  }
  if (c.due == 0 || monotonic_now() < c.due) return true;
  c.due = 0;
  fcntl(c.fd.get(), F_SETFL, 0);  // a client that has gone makes send() fail; one that reads makes it end
  for (std::size_t sent = 0; sent < manners_.reply.size();) {
    const ssize_t k = ::send(c.fd.get(), manners_.reply.data() + sent, manners_.reply.size() - sent, MSG_NOSIGNAL);
    if (k <= 0) return false;
    sent += static_cast<std::size_t>(k);
  }
  return manners_.keep;
}

void ToyServer::serve() {
  while (!stopping_) {
    std::vector<pollfd> set{{listener_.get(), POLLIN, 0}};
    Ns wake = monotonic_now() + 20 * kMillisecond;
    for (const auto& c : connections_) {
      set.push_back({c.fd.get(), POLLIN, 0});
      if (c.due != 0) wake = std::min(wake, c.due);
    }
    const Ns left = std::max<Ns>(wake - monotonic_now(), 0);
    const timespec wait{0, static_cast<long>(left)};
    ppoll(set.data(), set.size(), &wait, nullptr);
    for (std::size_t i = connections_.size(); i-- > 0;)
      if (!attend(connections_[i], set[i + 1].revents != 0))
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i));
    for (int fd; (fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) != -1; ++accepted_)
      connections_.push_back({Fd(fd), manners_.greets ? monotonic_now() + std::max<Ns>(manners_.after, 1) : 0});
    most_ = std::max<int>(most_, static_cast<int>(connections_.size()));
  }
}

}  // namespace faultline::test
