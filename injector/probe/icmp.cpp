// The icmp probe: echo requests over a raw socket, as `ping` does it, but without waiting.
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/base/written_address.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/echo.h"
#include "injector/probe/errors.h"
#include "injector/probe/kinds.h"

namespace faultline::probe {
namespace {

// A request that a fault holds back stays charged to its socket, and the default buffer would hold only some 270.
constexpr int kBuffer = 16 << 20;

void set_buffer(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kBuffer, sizeof kBuffer) == 0) return;
  check("set a socket's buffer", setsockopt(fd, SOL_SOCKET, plain, &kBuffer, sizeof kBuffer));
}

class Icmp : public Asker {
 public:
  explicit Icmp(const Setting& s) : loop_(s.loop), verdict_(s.verdict) {
    address_ = resolve(s.probe.name, s.probe.subject(), "", s.from.names);
    clients_ = of_family(s.from.clients, address_.family());
    echo_.v6 = address_.family() == AF_INET6;
    check("draw random bytes", getrandom(&echo_.ident, sizeof echo_.ident, 0));
    check("draw random bytes", getrandom(&echo_.cookie, sizeof echo_.cookie, 0));
    socket_ = Fd(::socket(address_.family(), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                          echo_.v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP}));
    if (!socket_ && errno == EPERM)
      throw Failure(Exit::cannot_run, "probe \"" + s.probe.name + "\": icmp needs the capability CAP_NET_RAW");
    check("open a raw socket for icmp", socket_.get());
    auto filter = echo_filter(echo_);
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    check("filter icmp", setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    const int on = 1;
    check("timestamp icmp", setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
    set_buffer(socket_.get(), SO_SNDBUFFORCE, SO_SNDBUF);
    set_buffer(socket_.get(), SO_RCVBUFFORCE, SO_RCVBUF);
    loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { receive(); });
  }
  ~Icmp() override { loop_.unwatch(socket_.get()); }

  void ask(std::uint64_t n, Ns) override {
    const auto packet = echo_request(echo_, n);
    sent_[n] = monotonic_now();
    by_sequence_[static_cast<std::uint16_t>(n)] = n;
    if (send(n, packet.data(), packet.size()) == -1) done(n, monotonic_now(), send_error(errno));
  }

  void forget(std::uint64_t n) override {
    sent_.erase(n);
    const auto it = by_sequence_.find(static_cast<std::uint16_t>(n));
    if (it != by_sequence_.end() && it->second == n) by_sequence_.erase(it);
  }

 private:
  // One socket for all clients: whom a packet comes from is said with it.
  ssize_t send(std::uint64_t n, const void* packet, std::size_t size) {
    iovec part{const_cast<void*>(packet), size};
    msghdr message{};
    message.msg_name = &address_.storage;
    message.msg_namelen = address_.length;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    if (!clients_.empty()) {
      const Address& client = clients_[n % clients_.size()];
      message.msg_control = control.data();
      message.msg_controllen = control.size();  // for CMSG_FIRSTHDR; exact below
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      const auto say = [&](int level, int type, const auto& info) {
        header->cmsg_level = level;
        header->cmsg_type = type;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
      };
      if (echo_.v6) {
        in6_pktinfo info{};
        info.ipi6_addr = reinterpret_cast<const sockaddr_in6&>(client.storage).sin6_addr;
        say(IPPROTO_IPV6, IPV6_PKTINFO, info);
      } else {
        in_pktinfo info{};
        info.ipi_spec_dst = reinterpret_cast<const sockaddr_in&>(client.storage).sin_addr;
        say(IPPROTO_IP, IP_PKTINFO, info);
      }
    }
    return ::sendmsg(socket_.get(), &message, 0);
  }

  void done(std::uint64_t n, Ns at, std::string error) {
    forget(n);
    verdict_(n, at, std::move(error));
  }

  // The kernel's timestamp is of the wall clock: what counts is its age. One that cannot be (the clock was set in
  // between, or the packet kept one from before it was sent) is not used.
  static Ns arrival(const msghdr& message, Ns sent) {
    const Ns now = monotonic_now();
    for (const cmsghdr* c = CMSG_FIRSTHDR(&message); c;
         c = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(c))) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec stamp;
      std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
      const Ns age = wall_now() - (static_cast<Ns>(stamp.tv_sec) * kSecond + stamp.tv_nsec);
      if (age >= 0 && age <= now - sent) return now - age;
    }
    return now;
  }

  void receive() {
    std::array<std::uint8_t, 2048> packet;
    alignas(cmsghdr) std::array<char, 256> control;
    for (;;) {
      iovec part{packet.data(), packet.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t size = ::recvmsg(socket_.get(), &message, 0);
      if (size == -1 && errno == EINTR) continue;
      if (size == -1 && (errno == EAGAIN || errno == ENETDOWN)) return;
      check("receive icmp", size);
      const auto answer = read_echo(echo_, {packet.data(), static_cast<std::size_t>(size)});
      if (!answer) continue;
      std::uint64_t n = answer->n;
      if (!answer->reply) {
        const auto it = by_sequence_.find(answer->sequence);
        if (it == by_sequence_.end()) continue;
        n = it->second;
      }
      const auto it = sent_.find(n);
      if (it == sent_.end()) continue;  // a duplicate, or too late
      done(n, arrival(message, it->second), answer->reply ? "" : "unreachable");
    }
  }

  EventLoop& loop_;
  Verdict verdict_;
  Address address_;
  std::vector<Address> clients_;
  Echo echo_;
  Fd socket_;
  std::unordered_map<std::uint64_t, Ns> sent_;
  std::unordered_map<std::uint16_t, std::uint64_t> by_sequence_;
};

std::unique_ptr<Asker> make_icmp(const Setting& setting) { return std::make_unique<Icmp>(setting); }

Read<std::string> read_pinged(const std::string& text) {
  return text.empty() || text.find('/') != std::string::npos ? unfit(text, "an address or a name") : read_asked(text);
}

}  // namespace

Kind kinds::icmp() {
  return {.subject = {.name = "icmp",
                      .type = ValueType::text,
                      .doc = "The address or the name that it pings.",
                      .example = "\"10.0.1.10\"",
                      .read = read_pinged},
          .keys = {},
          .request = "an echo request of 64 bytes, IPv4 or IPv6",
          .option = "Ping this meanwhile",
          .value = "HOST",
          .make = make_icmp,
          .meant = [](std::string_view) { return true; }};  // all that is neither a URL nor HOST:PORT
}

}  // namespace faultline::probe
