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
#include "injector/base/written_address.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"
#include "injector/probe/kinds.h"

namespace faultline::probe {
namespace {

/// The codes that a plan may expect, by number (IANA's registry of DNS parameters).
constexpr std::array<std::string_view, 6> kRcodes{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

constexpr std::size_t kLongest = 4096;  // of an answer; without EDNS, which we do not offer, 512 (RFC 1035, 4.2.1)
using Question = std::vector<std::uint8_t>;

/// A resolver's state of one's own: the library's shared one is not for threads.
class DnsExchange {
 public:
  DnsExchange() {
    if (res_ninit(&state_) != 0)
      throw Failure(Exit::cannot_run, "the system's resolver cannot be set up: /etc/resolv.conf");
    state_.options = RES_RECURSE;
  }
  ~DnsExchange() { res_nclose(&state_); }
  DnsExchange(const DnsExchange&) = delete;
  DnsExchange& operator=(const DnsExchange&) = delete;

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
  return rcode < kRcodes.size() ? std::string(kRcodes[rcode]) : fmt::format("RCODE {}", rcode);
}

bool asks_for_v6(const Params& params) { return params.text("type") == "AAAA"; }

class Dns : public Asker {
 public:
  explicit Dns(const Setting& s)
      : name_(s.probe.subject()),
        expected_rcode_(s.probe.params.text("expect.rcode")),
        v6_(asks_for_v6(s.probe.params)),
        type_(v6_ ? ns_t_aaaa : ns_t_a),
        loop_(s.loop),
        verdict_(s.verdict) {
    const std::string server = s.probe.params.text("server"), address = s.probe.params.text("expect.address");
    if (server.empty()) {
      server_ = resolver_.server();
      if (s.from.net != nullptr && IpPrefix::parse(text_of(server_)).value_or(IpPrefix{}).is_loopback())
        throw Failure(Exit::cannot_run,
                      fmt::format("probe \"{}\": the name server of this machine, {}, is not in the namespace it asks "
                                  "from; name another: server = \"10.0.0.53\", or ask from = \"here\"",
                                  s.probe.name, text_of(server_)));
    } else {
      const auto endpoint = read_endpoint(server).value_or(Endpoint{server, "53"});
      server_ = resolve(s.probe.name, endpoint.host, endpoint.port, s.from.names);
    }
    clients_ = of_family(s.from.clients, server_.family());
    if (resolver_.question(name_, type_).empty())
      throw Failure(Exit::invalid,
                    fmt::format("probe \"{}\": \"{}\" is not a name that DNS can be asked about", s.probe.name, name_));
    if (!address.empty()) expected_ = IpPrefix::parse(address);
  }
  ~Dns() override {
    for (const auto& [n, asked] : asked_) loop_.unwatch(asked.fd.get());
  }

  void ask(std::uint64_t n, Ns) override {
    Asked asked{Fd(::socket(server_.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
                resolver_.question(name_, type_)};
    const auto failed = [&] { verdict_(n, monotonic_now(), send_error(errno)); };
    if (!asked.fd) return failed();
    if (!clients_.empty()) {
      const Address& client = clients_[n % clients_.size()];
      if (::bind(asked.fd.get(), client.get(), client.length) == -1) return failed();
    }
    // Else an unreachable server would look like a silent one: the kernel tells only who asks for it (ip(7)).
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
    std::string rcode = rcode_name(static_cast<std::size_t>(ns_msg_getflag(message, ns_f_rcode)));
    if (rcode != expected_rcode_) return rcode;
    if (rcode != "NOERROR") return "";
    bool any = false;
    for (const auto& [name, address] : addresses_in(answer, {&name_, 1})) {
      if (address.v6 != v6_) continue;
      any = true;
      if (!expected_ || address == *expected_) return "";
    }
    if (ns_msg_getflag(message, ns_f_tc) != 0) return "truncated";
    return any ? "address" : "no address";
  }

  const std::string name_, expected_rcode_;
  const bool v6_;
  const ns_type type_;
  EventLoop& loop_;
  Verdict verdict_;
  DnsExchange resolver_;
  Address server_;
  std::vector<Address> clients_;
  std::optional<IpPrefix> expected_;  ///< empty: any will do
  std::unordered_map<std::uint64_t, Asked> asked_;
};

std::unique_ptr<Asker> make_dns(const Setting& setting) { return std::make_unique<Dns>(setting); }

Read<std::string> read_name(const std::string& text) {
  if (text.empty() || text.find_first_of("/ :[]") != std::string::npos) return unfit(text, "a name");
  return {text, {}, {}};
}

Read<std::string> read_server(const std::string& text) {
  return read_endpoint(text) ? read_host_and_port(text) : read_asked(text, "a host");
}

std::vector<Problem> check_dns(const Params& params) {
  const std::string text = params.text("expect.address");
  const bool v6 = asks_for_v6(params);
  if (!params.has("expect.address")) return {};
  const auto address = text.find('/') == std::string::npos ? IpPrefix::parse(text) : std::nullopt;
  if (address && address->v6 == v6) return {};
  return {{"expect.address", fmt::format("\"{}\" is not an IPv{} address", text, v6 ? 6 : 4),
           v6 ? "a question of type AAAA is answered with IPv6 addresses"
              : "a question of type A is answered with IPv4 addresses; add type = \"AAAA\" for IPv6"}};
}

}  // namespace

Kind kinds::dns() {
  return {.subject = {.name = "dns",
                      .type = ValueType::text,
                      .doc = "The name that it asks about.",
                      .example = "\"bank.example.com\"",
                      .read = read_name,
                      .hint = "write dns = \"bank.example.com\", and whom to ask as server = \"10.0.0.53\""},
          .keys = {{.name = "server",
                    .type = ValueType::text,
                    .doc = "Whom it asks: a host, or a host and a port.",
                    .example = "\"10.0.0.53\"",
                    .otherwise = "the first of /etc/resolv.conf",
                    .read = read_server,
                    .hint = "write server = \"10.0.0.53\" or \"10.0.0.53:5353\""},
                   {.name = "type",
                    .type = ValueType::choice,
                    .doc = "The type of the addresses that it asks for.",
                    .example = "\"AAAA\"",
                    .fallback = "A",
                    .choices = {"A", "AAAA"}},
                   {.name = "expect.address",
                    .type = ValueType::text,
                    .doc = "Is one of the answers.",
                    .example = "\"10.0.1.10\"",
                    .otherwise = "any"},
                   {.name = "expect.rcode",
                    .type = ValueType::choice,
                    .doc = "The code of the answer.",
                    .example = "\"NXDOMAIN\"",
                    .fallback = "NOERROR",
                    .choices = {kRcodes.begin(), kRcodes.end()}}},
          .request = "one question to `server`, over UDP, without retries",
          .option = "Look this name up meanwhile, at that server; default: the first of /etc/resolv.conf",
          .value = "NAME[@SERVER]",
          .make = make_dns,
          .check = check_dns,
          .errors = {{"protocol"},
                     {"NOERROR"},
                     {"FORMERR"},
                     {"SERVFAIL"},
                     {"NXDOMAIN"},
                     {"NOTIMP"},
                     {"REFUSED"},
                     {"RCODE 9", true},
                     {"no address"},
                     {"address"},
                     {"truncated"}},
          .behind_at = "server"};
}

}  // namespace faultline::probe
