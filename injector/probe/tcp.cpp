// The tcp probe: connect; if asked to, send; if asked to, wait for a reply that begins as expected. A connection each.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"

namespace faultline::probe {
namespace {

class Tcp : public Asker {
 public:
  explicit Tcp(const Setting& s) : probe_(s.probe), loop_(s.loop), verdict_(s.verdict) {
    const auto endpoint = read_endpoint(probe_.subject);
    if (!endpoint)
      throw Failure(Exit::invalid,
                    fmt::format("probe \"{}\": tcp = \"{}\" is not \"host:port\"", probe_.name, probe_.subject));
    address_ = resolve(probe_.name, endpoint->host, endpoint->port, s.from.names);
    clients_ = of_family(s.from.clients, address_.family());
  }
  ~Tcp() override {
    for (const auto& [n, connection] : connections_) loop_.unwatch(connection.fd.get());
  }

  void ask(std::uint64_t n, Ns) override {
    Fd fd(::socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return verdict_(n, monotonic_now(), send_error(errno));
    if (!clients_.empty()) {
      // The port is chosen at the connect: one local port can serve many connections then.
      const int late = 1;
      check("bind without a port", setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late));
      const Address& client = clients_[n % clients_.size()];
      if (::bind(fd.get(), client.get(), client.length) == -1) return verdict_(n, monotonic_now(), send_error(errno));
    }
    if (::connect(fd.get(), address_.get(), address_.length) == -1 && errno != EINPROGRESS)
      return verdict_(n, monotonic_now(), send_error(errno));
    loop_.watch(fd.get(), EPOLLOUT, [this, n](std::uint32_t) { advance(n); });
    connections_[n].fd = std::move(fd);
  }

  void forget(std::uint64_t n) override { close(n); }

 private:
  struct Connection {
    Fd fd;
    bool connected = false;
    bool reading = false;
    std::size_t sent = 0;
    std::size_t matched = 0;  // bytes of expect_reply seen
  };

  void close(std::uint64_t n) {
    const auto it = connections_.find(n);
    if (it == connections_.end()) return;
    loop_.unwatch(it->second.fd.get());
    connections_.erase(it);
  }

  void done(std::uint64_t n, std::string error) {
    const Ns at = monotonic_now();
    close(n);
    verdict_(n, at, std::move(error));
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
    if (c.sent < probe_.send.size()) {
      const ssize_t k = ::send(c.fd.get(), probe_.send.data() + c.sent, probe_.send.size() - c.sent, MSG_NOSIGNAL);
      if (k == -1 && errno != EAGAIN) return done(n, network_error(errno));
      if (k > 0) c.sent += static_cast<std::size_t>(k);
      if (c.sent < probe_.send.size()) return;
    }
    if (probe_.expect_reply.empty()) return done(n, "");
    if (!c.reading) loop_.change(c.fd.get(), EPOLLIN);
    c.reading = true;
    receive(n, c);
  }

  void receive(std::uint64_t n, Connection& c) {
    std::array<char, 4096> buffer;
    while (c.matched < probe_.expect_reply.size()) {
      const std::size_t wanted = std::min(buffer.size(), probe_.expect_reply.size() - c.matched);
      const ssize_t k = ::recv(c.fd.get(), buffer.data(), wanted, 0);
      if (k == -1 && errno == EAGAIN) return;
      if (k == -1) return done(n, network_error(errno));
      if (k == 0) return done(n, c.matched == 0 ? "closed" : "reply");
      if (probe_.expect_reply.compare(c.matched, static_cast<std::size_t>(k), buffer.data(),
                                      static_cast<std::size_t>(k)) != 0)
        return done(n, "reply");
      c.matched += static_cast<std::size_t>(k);
    }
    done(n, "");
  }

  const plan::Probe& probe_;
  Loop& loop_;
  Verdict verdict_;
  Address address_;
  std::vector<Address> clients_;
  std::unordered_map<std::uint64_t, Connection> connections_;
};

}  // namespace

std::unique_ptr<Asker> make_tcp(const Setting& setting) { return std::make_unique<Tcp>(setting); }

}  // namespace faultline::probe
