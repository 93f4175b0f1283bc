// The mqtt probe: a session at a broker, and a message that is published and comes back. libmosquitto has the protocol;
// its sockets are watched by the probe's own loop, and it never waits.
#include <fmt/format.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"
#include "injector/probe/exchange.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/tls_context.h"

namespace faultline::probe {
namespace {

constexpr int kKeepAlive = 600;  // seconds; no request takes as long

struct EndSession {
  void operator()(mosquitto* session) const { mosquitto_destroy(session); }
};
using SessionPtr = std::unique_ptr<mosquitto, EndSession>;

/// What a socket would say next: an error, 0 its end, or nothing of both yet.
std::optional<int> end_of(int fd) {
  char byte;
  const ssize_t k = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (k == 0) return 0;
  return k == -1 && errno != EAGAIN && errno != ENOTCONN ? std::optional(errno) : std::nullopt;
}

class Mqtt : public Asker {
 public:
  explicit Mqtt(const Setting& s)
      : topic_(s.probe.params.text("topic")),
        username_(s.probe.params.text("username")),
        password_(s.probe.params.text("password")),
        will_topic_(s.probe.params.text("will.topic")),
        will_message_(s.probe.params.text("will.message")),
        qos_(static_cast<int>(s.probe.params.integer("qos"))),
        reuse_(s.probe.params.boolean("reuse")),
        loop_(s.loop),
        verdict_(s.verdict) {
    static const int global = mosquitto_lib_init();  // for the process; there is no harm in never ending it
    if (global != MOSQ_ERR_SUCCESS) throw std::runtime_error("start libmosquitto");
    const auto endpoint = read_endpoint(s.probe.subject());
    if (!endpoint)
      throw Failure(Exit::invalid,
                    fmt::format("probe \"{}\": \"{}\" is not \"host:port\"", s.probe.name, s.probe.subject()));
    const Address address = resolve(s.probe.name, endpoint->host, endpoint->port, s.from.names);
    host_ = text_of(address);
    port_ = std::stoi(endpoint->port);
    for (const auto& client : of_family(s.from.clients, address.family())) clients_.push_back(text_of(client));
    if (asks_for_tls(s.probe.params)) tls_ = make_tls_context(read_tls(s.probe), endpoint->host, s.probe);
    std::random_device random;
    name_ = fmt::format("faultline-{:08x}", random());
  }
  ~Mqtt() override {
    for (auto& [n, asked] : asked_) unwatch(*asked);
    for (auto& [client, sessions] : kept_)
      for (auto& idle : sessions) mosquitto_disconnect(idle->session.get());
  }

  void ask(std::uint64_t n, Ns) override {
    auto& kept = kept_[client_of(n)];
    std::unique_ptr<Asked> asked;
    for (; !asked && !kept.empty(); kept.pop_back())
      if (still_lives(kept.back()->session.get())) asked = std::move(kept.back());
    const bool fresh = !asked;
    if (fresh) asked = begin();
    asked->n = n;
    asked->outcome.reset();
    Asked& now = *(asked_[n] = std::move(asked));
    if (fresh)
      connect(now);
    else
      publish(now);
    settle(now);
  }

  void forget(std::uint64_t n) override { release(n); }  // the broker finds the session lost, and tells its will

 private:
  struct Asked {
    Mqtt* asker = nullptr;
    std::uint64_t n = 0;
    SessionPtr session;
    std::string topic;  ///< its own: no other session's messages come to it
    int watched = -1;
    bool begun = false;                  ///< of TLS: the connection is there, or has failed
    std::optional<std::string> outcome;  ///< once it is known: the request's error, "" when all is well
    std::string payload() const { return std::to_string(n); }
    void ends(std::string error) {
      if (!outcome) outcome = std::move(error);
    }
  };

  /// Takes what came behind the last answer, as an acknowledgement does; false: the session has ended.
  static bool still_lives(mosquitto* m) {
    while (!is_idle(mosquitto_socket(m)))
      if (mosquitto_loop_read(m, 1) != MOSQ_ERR_SUCCESS) return false;
    return mosquitto_socket(m) >= 0;
  }
  std::size_t client_of(std::uint64_t n) const { return clients_.empty() ? 0 : n % clients_.size(); }

  std::unique_ptr<Asked> begin() {
    auto asked = std::make_unique<Asked>();
    asked->asker = this;
    const std::string id = fmt::format("{}-{}", name_, sessions_++);
    asked->topic = topic_ + "/" + id;
    asked->session.reset(mosquitto_new(id.c_str(), true, asked.get()));
    mosquitto* m = asked->session.get();
    if (m == nullptr) throw std::bad_alloc();
    check_call("set up a session", mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311));
    if (tls_) {
      check_call("set up TLS", mosquitto_int_option(m, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0));
      check_call("set up TLS", mosquitto_void_option(m, MOSQ_OPT_SSL_CTX, tls_.get()));
    }
    if (!username_.empty())
      check_call("name a user",
                 mosquitto_username_pw_set(m, username_.c_str(), password_.empty() ? nullptr : password_.c_str()));
    if (!will_topic_.empty())
      check_call("leave a will", mosquitto_will_set(m, will_topic_.c_str(), static_cast<int>(will_message_.size()),
                                                    will_message_.data(), qos_, false));
    mosquitto_connect_callback_set(m, [](mosquitto*, void* self, int code) {
      auto& a = *static_cast<Asked*>(self);
      if (code != 0) return a.ends(code == 4 || code == 5 ? "login" : fmt::format("mqtt {}", code));
      if (mosquitto_subscribe(a.session.get(), nullptr, a.topic.c_str(), a.asker->qos_) != MOSQ_ERR_SUCCESS)
        a.ends("protocol");
    });
    mosquitto_subscribe_callback_set(m, [](mosquitto*, void* self, int, int count, const int* granted) {
      auto& a = *static_cast<Asked*>(self);
      if (count != 1 || granted[0] > 2) return a.ends("subscribe");
      a.asker->publish(a);
    });
    mosquitto_message_callback_set(m, [](mosquitto*, void* self, const mosquitto_message* message) {
      auto& a = *static_cast<Asked*>(self);
      const std::string_view payload(static_cast<const char*>(message->payload),
                                     static_cast<std::size_t>(message->payloadlen));
      if (payload == a.payload()) a.ends("");  // another is of an earlier request, which was given up
    });
    return asked;
  }

  static void check_call(const char* attempt, int rc) {
    if (rc != MOSQ_ERR_SUCCESS) throw std::runtime_error(fmt::format("{}: {}", attempt, mosquitto_strerror(rc)));
  }

  void connect(Asked& asked) const {
    const char* client = clients_.empty() ? nullptr : clients_[client_of(asked.n)].c_str();
    errno = 0;
    const int rc = mosquitto_connect_bind_async(asked.session.get(), host_.c_str(), port_, kKeepAlive, client);
    if (rc != MOSQ_ERR_SUCCESS) asked.ends(rc == MOSQ_ERR_ERRNO ? send_error(errno) : error_of(rc));
  }

  void publish(Asked& asked) const {
    const std::string payload = asked.payload();
    errno = 0;
    const int rc = mosquitto_publish(asked.session.get(), nullptr, asked.topic.c_str(),
                                     static_cast<int>(payload.size()), payload.data(), qos_, false);
    if (rc != MOSQ_ERR_SUCCESS) asked.ends(error_of(rc));
  }

  /// errno as the call left it.
  static std::string error_of(int rc) {
    switch (rc) {
      case MOSQ_ERR_ERRNO:
        return errno == EPROTO ? "tls" : network_error(errno);
      case MOSQ_ERR_TLS:
      case MOSQ_ERR_TLS_HANDSHAKE:
        return "tls";
      case MOSQ_ERR_CONN_REFUSED:
      case MOSQ_ERR_CONN_LOST:
      case MOSQ_ERR_NO_CONN:
        return errno == ECONNRESET ? "reset" : "closed";
      default:
        return "protocol";
    }
  }

  void advance(std::uint64_t n, std::uint32_t events) {
    const auto it = asked_.find(n);
    if (it == asked_.end()) return;
    Asked& asked = *it->second;
    mosquitto* m = asked.session.get();
    if (tls_) see_the_connection(asked);
    errno = 0;
    int rc = MOSQ_ERR_SUCCESS;
    // Over TLS it is reading that begins the handshake.
    const bool begins = tls_ && !std::exchange(asked.begun, true);
    if (!asked.outcome && (begins || events & (EPOLLIN | EPOLLERR | EPOLLHUP))) rc = mosquitto_loop_read(m, 1);
    if (!asked.outcome && rc == MOSQ_ERR_SUCCESS && events & EPOLLOUT) rc = mosquitto_loop_write(m, 1);
    if (rc != MOSQ_ERR_SUCCESS) asked.ends(error_of(rc));
    if (tls_ && !asked.outcome && mosquitto_socket(m) >= 0 && end_of(mosquitto_socket(m)) == 0) asked.ends("closed");
    settle(asked);
  }

  /// Of a connection that failed libmosquitto says over TLS either that it goes on, or that TLS has failed.
  static void see_the_connection(Asked& asked) {
    int error = 0;
    socklen_t length = sizeof error;
    const int fd = mosquitto_socket(asked.session.get());
    if (!asked.begun) {
      check("read a connection's error", getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
      // On loopback it failed at once, and libmosquitto's own attempt to begin TLS took the error away.
      tcp_info state{};
      length = sizeof state;
      check("read a connection's state", getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length));
      if (error == 0 && state.tcpi_state == TCP_CLOSE) error = ECONNREFUSED;
    }
    if (error == 0) error = end_of(fd).value_or(0);
    if (error != 0) asked.ends(network_error(error));
  }

  /// Says the verdict if there is one, else waits for what the session wants next.
  void settle(Asked& asked) {
    const Ns at = monotonic_now();
    if (!asked.outcome && mosquitto_socket(asked.session.get()) < 0) asked.ends("closed");
    if (!asked.outcome) return watch(asked);
    const std::uint64_t n = asked.n;
    std::string error = *asked.outcome;
    auto owner = release(n);
    if (error.empty() && reuse_)
      kept_[client_of(n)].push_back(std::move(owner));
    else if (error.empty())
      mosquitto_disconnect(owner->session.get());  // as one does who leaves; else the will would be told
    verdict_(n, at, std::move(error));
  }

  void watch(Asked& asked) {
    const int fd = mosquitto_socket(asked.session.get());
    const bool writes = mosquitto_want_write(asked.session.get()) || (tls_ && !asked.begun);
    const std::uint32_t events = EPOLLIN | (writes ? EPOLLOUT : 0U);
    if (asked.watched == fd) return loop_.change(fd, events);
    unwatch(asked);
    asked.watched = fd;
    loop_.watch(fd, events, [this, n = asked.n](std::uint32_t seen) { advance(n, seen); });
  }
  void unwatch(Asked& asked) {
    if (asked.watched >= 0) loop_.unwatch(asked.watched);
    asked.watched = -1;
  }
  std::unique_ptr<Asked> release(std::uint64_t n) {
    const auto it = asked_.find(n);
    if (it == asked_.end()) return {};
    unwatch(*it->second);
    auto owner = std::move(it->second);
    asked_.erase(it);
    return owner;
  }

  const std::string topic_, username_, password_, will_topic_, will_message_;
  const int qos_;
  const bool reuse_;
  EventLoop& loop_;
  Verdict verdict_;
  TlsContext tls_;  // null: without TLS
  std::string host_, name_;
  int port_ = 0;
  std::vector<std::string> clients_;
  std::uint64_t sessions_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Asked>> asked_;
  std::unordered_map<std::size_t, std::vector<std::unique_ptr<Asked>>> kept_;  // by client
};

std::unique_ptr<Asker> make_mqtt(const Setting& setting) { return std::make_unique<Mqtt>(setting); }

/// A topic to publish to: no wildcards.
Read<std::string> read_topic(const std::string& text) {
  if (!text.empty() && text.size() <= 1000 && text.find_first_of("+#") == std::string::npos) return {text, {}, {}};
  return unfit(text, "a topic that can be published to");
}

std::vector<Problem> check_mqtt(const Params& params) {
  std::vector<Problem> problems;
  if (params.has("password") && !params.has("username"))
    problems.push_back({"password", "a password without a user", "name the user too: username"});
  if (params.has("will.message") && !params.has("will.topic"))
    problems.push_back({"will.message", "a message without a topic", "say where it is told: will.topic"});
  check_tls(params, problems);
  return problems;
}

}  // namespace

Kind kinds::mqtt() {
  return {.subject = {.name = "mqtt",
                      .type = ValueType::text,
                      .doc = "The host and the port of the broker.",
                      .example = "\"10.0.1.10:1883\"",
                      .read = read_host_and_port,
                      .hint = "write mqtt = \"10.0.1.10:1883\" or \"[fd00::1]:1883\""},
          .keys = with_tls({{.name = "topic",
                             .type = ValueType::text,
                             .doc = "Messages go to a topic of their own below this one.",
                             .example = "\"shop/probe\"",
                             .fallback = "faultline",
                             .read = read_topic},
                            {.name = "qos",
                             .type = ValueType::integer,
                             .doc = "The quality of service of both ways.",
                             .example = "1",
                             .fallback = 0,
                             .min = 0,
                             .max = 1},
                            {.name = "username",
                             .type = ValueType::text,
                             .doc = "The user of the session.",
                             .example = "\"meter\"",
                             .otherwise = "none"},
                            {.name = "password",
                             .type = ValueType::text,
                             .doc = "The user's password.",
                             .example = "\"sesame\"",
                             .otherwise = "none"},
                            {.name = "will.topic",
                             .type = ValueType::text,
                             .doc = "The topic on which the broker tells that a session was lost.",
                             .example = "\"shop/lost\"",
                             .otherwise = "no will",
                             .read = read_topic},
                            {.name = "will.message",
                             .type = ValueType::text,
                             .doc = "What it tells there.",
                             .example = "\"the meter is gone\"",
                             .otherwise = "an empty message"},
                            reuse_key("Keeps sessions between requests.")}),
          .request = "a session at the broker (`reuse = true` keeps sessions), and a message that comes back",
          .option = "Send a message through this broker meanwhile",
          .value = "HOST:PORT",
          .make = make_mqtt,
          .check = check_mqtt,
          .errors = {{"login"}, {"mqtt 3", true}, {"subscribe"}, {"protocol"}, {"tls"}}};
}

}  // namespace faultline::probe
