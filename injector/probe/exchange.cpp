#include "injector/probe/exchange.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/errors.h"

namespace faultline::probe {
namespace {

class Connections : public Asker {
 public:
  Connections(const Setting& s, Exchange exchange)
      : exchange_(std::move(exchange)), loop_(s.loop), verdict_(s.verdict), tell_value_(s.value) {
    const auto endpoint = read_endpoint(s.probe.subject());
    if (!endpoint)
      throw Failure(Exit::invalid,
                    fmt::format("probe \"{}\": \"{}\" is not \"host:port\"", s.probe.name, s.probe.subject()));
    address_ = resolve(s.probe.name, endpoint->host, endpoint->port, s.from.names);
    clients_ = of_family(s.from.clients, address_.family());
  }
  ~Connections() override {
    for (const auto& [n, connection] : connections_) loop_.unwatch(connection.fd.get());
  }

  void ask(std::uint64_t n, Ns) override {
    Connection c;
    if (exchange_.reply) c.reply = exchange_.reply();
    for (auto& kept = kept_[client_of(n)]; !c.fd && !kept.empty(); kept.pop_back())
      if (is_idle(kept.back().get())) c.fd = std::move(kept.back());
    c.connected = static_cast<bool>(c.fd);
    if (!c.fd) {
      const int error = connect(n, c.fd);
      if (error != 0) return verdict_(n, monotonic_now(), send_error(error));
    }
    loop_.watch(c.fd.get(), EPOLLOUT, [this, n](std::uint32_t) { advance(n); });
    connections_[n] = std::move(c);
  }

  void forget(std::uint64_t n) override { release(n); }

 private:
  struct Connection {
    Fd fd;
    std::unique_ptr<Reply> reply;
    bool connected = false;
    bool reading = false;
    std::size_t sent = 0;
  };

  std::size_t client_of(std::uint64_t n) const { return clients_.empty() ? 0 : n % clients_.size(); }

  /// 0, or the error of a call that sends.
  int connect(std::uint64_t n, Fd& out) const {
    Fd fd(::socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return errno;
    if (!clients_.empty()) {
      // The port is chosen at the connect: one local port can serve many connections then.
      const int late = 1;
      check("bind without a port", setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late));
      const Address& client = clients_[client_of(n)];
      if (::bind(fd.get(), client.get(), client.length) == -1) return errno;
    }
    if (::connect(fd.get(), address_.get(), address_.length) == -1 && errno != EINPROGRESS) return errno;
    out = std::move(fd);
    return 0;
  }

  /// The request's connection, which is watched no longer.
  Fd release(std::uint64_t n) {
    const auto it = connections_.find(n);
    if (it == connections_.end()) return {};
    loop_.unwatch(it->second.fd.get());
    Fd fd = std::move(it->second.fd);
    connections_.erase(it);
    return fd;
  }

  void done(std::uint64_t n, std::string error, std::string_view said = {}) {
    const Ns at = monotonic_now();
    Fd fd = release(n);
    if (exchange_.reuse && error.empty()) kept_[client_of(n)].push_back(std::move(fd));
    auto answer = error.empty() ? nullptr : kept(said);
    verdict_(n, at, std::move(error), std::move(answer));
  }

  void advance(std::uint64_t n) {
    Connection& c = connections_.at(n);
    if (!c.connected) {
      int error = 0;
      socklen_t length = sizeof error;
      check("read a connection's error", getsockopt(c.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length));
      if (error != 0) return done(n, network_error(error));
      c.connected = true;
    }
    const std::string& request = exchange_.request;
    if (c.sent < request.size()) {
      const ssize_t k = ::send(c.fd.get(), request.data() + c.sent, request.size() - c.sent, MSG_NOSIGNAL);
      if (k == -1 && errno != EAGAIN) return done(n, network_error(errno));
      if (k > 0) c.sent += static_cast<std::size_t>(k);
      if (c.sent < request.size()) return;
    }
    if (!c.reply) return done(n, "");
    if (!c.reading) loop_.change(c.fd.get(), EPOLLIN);
    c.reading = true;
    receive(n, c);
  }

  void receive(std::uint64_t n, Connection& c) {
    std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t k = ::recv(c.fd.get(), buffer.data(), buffer.size(), 0);
      if (k == -1 && errno == EAGAIN) return;
      if (k == -1) return done(n, network_error(errno));
      if (k == 0) return done(n, c.reply->end());
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(k));
      if (auto error = c.reply->take(bytes)) {
        if (const auto value = c.reply->value(); value && error->empty()) tell_value_(n, *value);
        return done(n, std::move(*error), bytes);
      }
    }
  }

  Exchange exchange_;
  EventLoop& loop_;
  Verdict verdict_;
  TellValue tell_value_;
  Address address_;
  std::vector<Address> clients_;
  std::unordered_map<std::uint64_t, Connection> connections_;
  std::unordered_map<std::size_t, std::vector<Fd>> kept_;  // by client
};

}  // namespace

bool is_idle(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

std::unique_ptr<Asker> make_exchange(const Setting& setting, Exchange exchange) {
  return std::make_unique<Connections>(setting, std::move(exchange));
}

}  // namespace faultline::probe
