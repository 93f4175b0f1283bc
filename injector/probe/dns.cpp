// The dns probe: one question to one server, over UDP, from a socket of its own, so that a late answer is never
// another's and an ICMP error reaches the question that it is about. The C library's resolver writes the question and
// reads the answer.
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "injector/base/dns_answer.h"
#include "injector/base/error.h"
#include "injector/base/rtnetlink.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"

namespace faultline::probe {
namespace {

constexpr std::size_t kLongest = 4096;  // of an answer; without EDNS, which we do not offer, 512 (RFC 1035, 4.2.1)
using Question = std::vector<std::uint8_t>;

/// A resolver's state of one's own: the library's shared one is not for threads.
class Resolver {
 public:
  Resolver() {
    if (res_ninit(&state_) != 0)
      throw Failure(Exit::cannot_run, "the system's resolver cannot be set up: /etc/resolv.conf");
    state_.options = RES_RECURSE;
  }
  ~Resolver() { res_nclose(&state_); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The first server of /etc/resolv.conf.
  Address server() const {
    Address out;
    const auto take = [&](const auto& from) {
      std::memcpy(&out.storage, &from, sizeof from);
      out.length = sizeof from;
    };
    if (state_.nsaddr_list[0].sin_family == AF_INET)
      take(state_.nsaddr_list[0]);
    else
      take(*state_._u._ext.nsaddrs[0]);
    return out;
  }

  /// A question with an id that cannot be guessed (RFC 5452). Empty: `name` is none.
  Question question(const std::string& name, int type) {
    Question out(NS_PACKETSZ);
    const int n = res_nmkquery(&state_, ns_o_query, name.c_str(), ns_c_in, type, nullptr, 0, nullptr, out.data(),
                               static_cast<int>(out.size()));
    out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return out;
  }

 private:
  struct __res_state state_ {};
};

std::string rcode_name(std::size_t rcode) {
  return rcode < plan::kRcodes.size() ? std::string(plan::kRcodes[rcode]) : fmt::format("RCODE {}", rcode);
}

class Dns : public Asker {
 public:
  explicit Dns(const Setting& s)
      : probe_(s.probe), loop_(s.loop), verdict_(s.verdict), type_(s.probe.ipv6 ? ns_t_aaaa : ns_t_a) {
    if (probe_.server.empty()) {
      server_ = resolver_.server();
      if (s.from.net != nullptr && IpPrefix::parse(text_of(server_)).value_or(IpPrefix{}).is_loopback())
        throw Failure(Exit::cannot_run,
                      fmt::format("probe \"{}\": the name server of this machine, {}, is not in the namespace it asks "
                                  "from; name another: server = \"10.0.0.53\", or ask from = \"here\"",
                                  probe_.name, text_of(server_)));
    } else {
      const auto endpoint = read_endpoint(probe_.server).value_or(Endpoint{probe_.server, "53"});
      server_ = resolve(probe_.name, endpoint.host, endpoint.port, s.from.names);
    }
    clients_ = of_family(s.from.clients, server_.family());
    if (resolver_.question(probe_.subject, type_).empty())
      throw Failure(Exit::invalid, fmt::format("probe \"{}\": \"{}\" is not a name that DNS can be asked about",
                                               probe_.name, probe_.subject));
    if (!probe_.expect_address.empty()) expected_ = IpPrefix::parse(probe_.expect_address);
  }
  ~Dns() override {
    for (const auto& [n, asked] : asked_) loop_.unwatch(asked.fd.get());
  }

  void ask(std::uint64_t n, Ns) override {
    Asked asked{Fd(::socket(server_.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
                resolver_.question(probe_.subject, type_)};
    const auto failed = [&] { verdict_(n, monotonic_now(), send_error(errno)); };
    if (!asked.fd) return failed();
    if (!clients_.empty()) {
      const Address& client = clients_[n % clients_.size()];
      if (::bind(asked.fd.get(), client.get(), client.length) == -1) return failed();
    }
    // Else an unreachable server, which is no hard error, would look like a silent one (ip(7)).
    const int one = 1;
    const bool v6 = server_.family() == AF_INET6;
    if (setsockopt(asked.fd.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &one, sizeof one) ==
        -1)
      return failed();
    if (::connect(asked.fd.get(), server_.get(), server_.length) == -1) return failed();
    if (::send(asked.fd.get(), asked.question.data(), asked.question.size(), 0) == -1) return failed();
    loop_.watch(asked.fd.get(), EPOLLIN, [this, n](std::uint32_t) { receive(n); });
    asked_[n] = std::move(asked);
  }

  void forget(std::uint64_t n) override {
    const auto it = asked_.find(n);
    if (it == asked_.end()) return;
    loop_.unwatch(it->second.fd.get());
    asked_.erase(it);
  }

 private:
  struct Asked {
    Fd fd;
    Question question;
  };

  void receive(std::uint64_t n) {
    const Asked& asked = asked_.at(n);
    std::array<std::uint8_t, kLongest> buffer;
    const ssize_t k = ::recv(asked.fd.get(), buffer.data(), buffer.size(), 0);
    const Ns at = monotonic_now();
    if (k == -1 && errno == EAGAIN) return;
    std::string error = k == -1 ? network_error(errno) : "";
    if (k >= 0) {
      // Not the answer to this question: the answer may still come.
      if (k < NS_HFIXEDSZ || std::memcmp(buffer.data(), asked.question.data(), 2) != 0 || (buffer[2] & 0x80) == 0)
        return;
      error = judge(std::span(buffer).first(static_cast<std::size_t>(k)));
    }
    forget(n);
    verdict_(n, at, std::move(error));
  }

  std::string judge(std::span<const std::uint8_t> answer) const {
    ns_msg message;
    if (ns_initparse(answer.data(), static_cast<int>(answer.size()), &message) != 0) return "protocol";
    const std::string rcode = rcode_name(static_cast<std::size_t>(ns_msg_getflag(message, ns_f_rcode)));
    if (rcode != probe_.expect_rcode) return rcode;
    if (rcode != "NOERROR") return "";
    bool any = false;
    for (const auto& [name, address] : addresses_in(answer, {&probe_.subject, 1})) {
      if (address.v6 != probe_.ipv6) continue;
      any = true;
      if (!expected_ || address == *expected_) return "";
    }
    if (ns_msg_getflag(message, ns_f_tc) != 0) return "truncated";
    return any ? "address" : "no address";
  }

  const plan::Probe& probe_;
  Loop& loop_;
  Verdict verdict_;
  ns_type type_;
  Resolver resolver_;
  Address server_;
  std::vector<Address> clients_;
  std::optional<IpPrefix> expected_;  ///< empty: any will do
  std::unordered_map<std::uint64_t, Asked> asked_;
};

}  // namespace

std::unique_ptr<Asker> make_dns(const Setting& setting) { return std::make_unique<Dns>(setting); }

}  // namespace faultline::probe
