// The mysql probe: a session, one statement, all of its results; of MySQL and of MariaDB. libmariadb speaks the
// protocol and owns the socket; each of its steps is begun, and goes on when the socket is ready, so that it never
// waits.
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"
#include "injector/probe/exchange.h"
#include "injector/probe/kinds.h"
#include "injector/probe/library.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/value.h"

#if FAULTLINE_HAS_MYSQL
#include <errmsg.h>
#include <mysql.h>
#include <sys/socket.h>
#endif

namespace faultline::probe {
namespace {

/// What a URI says.
struct Login {
  std::string user, password, host, port, database;
};

/// "%40" is "@". Empty: what stands behind a "%" is no byte, or it is NUL.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2 || byte == 0) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

/// "mysql://USER:PASSWORD@HOST:PORT/DATABASE"; all but user and host may be left out.
std::optional<Login> login_of(std::string_view uri) {
  constexpr std::string_view kScheme = "mysql://";
  if (!uri.starts_with(kScheme) || uri.find_first_of("?#") != std::string_view::npos) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  const auto at = uri.substr(0, uri.find('/')).rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view who = uri.substr(0, at), rest = uri.substr(at + 1);
  const auto slash = rest.find('/'), colon = who.find(':');
  const std::string place(rest.substr(0, slash));
  const bool has_port = !place.ends_with(']') && place.find(':') != std::string::npos;
  const auto endpoint = read_endpoint(has_port ? place : place + ":3306");
  const auto user = decoded(who.substr(0, colon));
  const auto password = decoded(colon == std::string_view::npos ? "" : who.substr(colon + 1));
  const auto database = decoded(slash == std::string_view::npos ? "" : rest.substr(slash + 1));
  if (!endpoint || !user || user->empty() || !password || !database) return std::nullopt;
  return Login{*user, *password, endpoint->host, endpoint->port, *database};
}

#if FAULTLINE_HAS_MYSQL

/// What stands at the end of the socket's stream, of which libmariadb says only that the server is lost: 0 nothing yet,
/// or the error.
int socket_error(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno != EAGAIN && errno != ENOTCONN ? errno : 0;
}

class Mysql : public Asker {
 public:
  explicit Mysql(const Setting& s)
      : query_(s.probe.params.text("query")),
        expected_(s.probe.params.text("expect.reply")),
        value_place_(s.probe.params.text("value")),
        reuse_(s.probe.params.boolean("reuse")),
        loop_(s.loop),
        verdict_(s.verdict),
        tell_value_(s.value) {
    static const int global = mysql_library_init(0, nullptr, nullptr);  // for the process
    if (global != 0) throw std::runtime_error("start libmariadb");
    auto login = login_of(s.probe.subject());
    if (!login)
      throw Failure(Exit::invalid, fmt::format("probe \"{}\": mysql = \"{}\" is no URI of MySQL", s.probe.name,
                                               s.probe.shown_subject()));
    const Address address = resolve(s.probe.name, login->host, login->port, s.from.names);
    login_ = std::move(*login);
    login_.host = text_of(address);
    for (const auto& client : of_family(s.from.clients, address.family())) clients_.push_back(text_of(client));
  }
  ~Mysql() override {
    while (!asked_.empty()) forget(asked_.begin()->first);
  }

  void ask(std::uint64_t n, Ns) override {
    Asked asked;
    auto& kept = kept_[client_of(n)];
    for (; !asked.session && !kept.empty(); kept.pop_back())  // of those that were kept, one that still lives
      if (is_idle(static_cast<int>(mysql_get_socket(kept.back().get())))) asked.session = std::move(kept.back());
    asked.step = asked.session ? Step::query : Step::connect;
    if (!asked.session) asked.session = prepare(client_of(n));
    if (!asked.session) return verdict_(n, monotonic_now(), send_error(ENOMEM));
    Asked& now = asked_[n] = std::move(asked);
    advance(n, begin(now));
  }

  void forget(std::uint64_t n) override {
    const auto it = asked_.find(n);
    if (it == asked_.end()) return;
    Asked& asked = it->second;
    unwatch(asked);
    // Ending a session says goodbye, and may wait to be heard: nobody listens any more.
    if (const int fd = static_cast<int>(mysql_get_socket(asked.session.get())); fd >= 0) shutdown(fd, SHUT_RDWR);
    // A step that is given up while it waits keeps what it holds for ever: it is told that time is up, and ends itself.
    while (go_on(asked, MYSQL_WAIT_TIMEOUT) != 0) {
    }
    asked_.erase(it);
  }

 private:
  enum class Step { connect, query, row, next };
  static constexpr std::size_t kMostBytes = 64 << 20;  // of an answer
  struct EndSession {
    void operator()(MYSQL* session) const { mysql_close(session); }
    void operator()(MYSQL_RES* result) const {
      result->handle = nullptr;  // it would read what it has not read yet, and wait for it
      mysql_free_result(result);
    }
  };
  using Session = std::unique_ptr<MYSQL, EndSession>;
  using Result = std::unique_ptr<MYSQL_RES, EndSession>;
  struct Asked {
    Session session;
    Step step = Step::connect;
    int watched = -1;
    MYSQL* connected = nullptr;  ///< what the steps tell, once they have ended
    int failed = 0;
    MYSQL_ROW row = nullptr;
    Result result = nullptr;           ///< that is being read, row by row
    std::size_t results = 0;           ///< so far
    std::size_t taken = 0;             ///< bytes of all rows
    std::optional<std::string> field;  ///< the first, of the first row of the first result
  };

  std::size_t client_of(std::uint64_t n) const { return clients_.empty() ? 0 : n % clients_.size(); }

  Session prepare(std::size_t client) const {
    Session session(mysql_init(nullptr));
    if (!session) return session;
    MYSQL* m = session.get();
    const unsigned protocol = MYSQL_PROTOCOL_TCP, never = 0;
    mysql_options(m, MYSQL_OPT_NONBLOCK, nullptr);
    mysql_options(m, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    // What a server may ask of us: no file of ours, no password in the clear, no question to a terminal.
    mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &never);
    mysql_options(m, MYSQL_OPT_MAX_ALLOWED_PACKET, &kMostBytes);
    mysql_options(m, MARIADB_OPT_RESTRICTED_AUTH, "mysql_native_password,caching_sha2_password,client_ed25519");
    if (!clients_.empty()) mysql_options(m, MYSQL_OPT_BIND, clients_[client].c_str());
    return session;
  }

  /// Begins the step; what it waits for, 0 when it has ended.
  int begin(Asked& asked) const {
    MYSQL* m = asked.session.get();
    switch (asked.step) {
      case Step::connect:
        return mysql_real_connect_start(&asked.connected, m, login_.host.c_str(), login_.user.c_str(),
                                        login_.password.c_str(),
                                        login_.database.empty() ? nullptr : login_.database.c_str(),
                                        static_cast<unsigned>(std::stoi(login_.port)), nullptr, 0);
      case Step::query:
        return mysql_real_query_start(&asked.failed, m, query_.data(), query_.size());
      case Step::row:
        return mysql_fetch_row_start(&asked.row, asked.result.get());
      case Step::next:
        return mysql_next_result_start(&asked.failed, m);
    }
    return 0;
  }
  static int go_on(Asked& asked, int ready) {
    MYSQL* m = asked.session.get();
    switch (asked.step) {
      case Step::connect:
        return mysql_real_connect_cont(&asked.connected, m, ready);
      case Step::query:
        return mysql_real_query_cont(&asked.failed, m, ready);
      case Step::row:
        return mysql_fetch_row_cont(&asked.row, asked.result.get(), ready);
      case Step::next:
        return mysql_next_result_cont(&asked.failed, m, ready);
    }
    return 0;
  }

  void ready(std::uint64_t n, std::uint32_t events) {
    Asked& asked = asked_.at(n);
    if (const int error = socket_error(asked.watched); error != 0) {
      std::string name = network_error(error);
      const Ns at = monotonic_now();
      forget(n);
      return verdict_(n, at, std::move(name));
    }
    unwatch(asked);
    int ready = 0;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) ready |= MYSQL_WAIT_READ;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) ready |= MYSQL_WAIT_WRITE;
    if (events & EPOLLPRI) ready |= MYSQL_WAIT_EXCEPT;
    advance(n, go_on(asked, ready));
  }

  /// One step after another, until one waits or all have ended.
  void advance(std::uint64_t n, int waits) {
    Asked& asked = asked_.at(n);
    for (; waits == 0; waits = begin(asked)) {
      MYSQL* m = asked.session.get();
      const bool well = asked.step == Step::connect ? asked.connected != nullptr
                        : asked.step == Step::row   ? mysql_errno(m) == 0
                                                    : asked.failed == 0;
      if (!well) return done(n, error_of(asked));
      if (asked.step == Step::row && asked.row != nullptr) {
        if (!take_row(asked)) return done(n, "too large");
        continue;
      }
      if (asked.step == Step::connect) {
        asked.step = Step::query;
        continue;
      }
      if (asked.step == Step::row) {  // there are no more
        asked.result.reset();
      } else {
        asked.result.reset(mysql_use_result(m));  // none: the statement has no rows
        if (mysql_errno(m) != 0) return done(n, error_of(asked));
        ++asked.results;
      }
      // A procedure has a result for each of its statements, and then one of its own: each may be an error.
      if (!asked.result && !mysql_more_results(m)) return done(n, verdict_of(n, asked));
      asked.step = asked.result ? Step::row : Step::next;
    }
    asked.watched = static_cast<int>(mysql_get_socket(asked.session.get()));
    std::uint32_t events = 0;
    if (waits & MYSQL_WAIT_READ) events |= EPOLLIN;
    if (waits & MYSQL_WAIT_WRITE) events |= EPOLLOUT;
    if (waits & MYSQL_WAIT_EXCEPT) events |= EPOLLPRI;
    loop_.watch(asked.watched, events, [this, n](std::uint32_t seen) { ready(n, seen); });
  }

  /// Only the first is kept. False: it is too much.
  static bool take_row(Asked& asked) {
    MYSQL_RES* result = asked.result.get();
    const unsigned long* lengths = mysql_fetch_lengths(result);
    const unsigned fields = mysql_num_fields(result);
    for (unsigned i = 0; i < fields; ++i) asked.taken += lengths[i] + 1;
    if (asked.taken > kMostBytes) return false;
    if (asked.results == 1 && mysql_num_rows(result) == 1 && fields > 0 && asked.row[0] != nullptr)
      asked.field.emplace(asked.row[0], lengths[0]);
    return true;
  }

  static std::string error_of(const Asked& asked) {
    MYSQL* m = asked.session.get();
    const unsigned error = mysql_errno(m);
    if (error != 0 && (error < CR_MIN_ERROR || error > CR_MAX_ERROR))  // the server's
      return asked.step == Step::connect ? "login" : fmt::format("mysql {}", error);
    switch (error) {
      case CR_CONNECTION_ERROR:  // of the call that connects: a lost one is seen at its socket
      case CR_CONN_HOST_ERROR:
        return errno != 0 ? send_error(errno) : "closed";
      case CR_SERVER_GONE_ERROR:
      case CR_SERVER_LOST:
      case CR_SERVER_LOST_EXTENDED:
        return "closed";
      case CR_NET_PACKET_TOO_LARGE:
        return "too large";
      case CR_AUTH_PLUGIN_CANNOT_LOAD:
      case CR_AUTH_PLUGIN_ERR:
        return "login";
      default:
        return "protocol";
    }
  }

  /// Of a statement that was answered to its end.
  std::string verdict_of(std::uint64_t n, const Asked& asked) const {
    const auto& field = asked.field;
    if (!expected_.empty() && !(field && field->starts_with(expected_))) return "reply";
    if (value_place_.empty()) return "";
    const auto value = field ? value_in(*field, value_place_) : std::nullopt;
    if (!value) return "value";
    tell_value_(n, *value);
    return "";
  }

  void unwatch(Asked& asked) {
    if (asked.watched >= 0) loop_.unwatch(asked.watched);
    asked.watched = -1;
  }

  void done(std::uint64_t n, std::string error) {
    const Ns at = monotonic_now();
    auto said = error.empty() ? nullptr : kept(mysql_error(asked_.at(n).session.get()));
    Asked asked = std::move(asked_.at(n));
    asked_.erase(n);
    unwatch(asked);
    if (reuse_ && error.empty()) kept_[client_of(n)].push_back(std::move(asked.session));
    verdict_(n, at, std::move(error), std::move(said));
  }

  const std::string query_, expected_, value_place_;
  const bool reuse_;
  EventLoop& loop_;
  Verdict verdict_;
  TellValue tell_value_;
  Login login_;
  std::vector<std::string> clients_;
  std::unordered_map<std::uint64_t, Asked> asked_;
  std::unordered_map<std::size_t, std::vector<Session>> kept_;  // by client
};

std::unique_ptr<Asker> make_mysql(const Setting& setting) { return std::make_unique<Mysql>(setting); }

#endif

Read<std::string> read_mysql_uri(const std::string& text) {
  return login_of(text) ? Read<std::string>{text, {}, {}} : unfit(text, "a URI of MySQL with a user");
}

}  // namespace

Kind kinds::mysql() {
  return {
    .subject = {.name = "mysql",
                .type = ValueType::text,
                .doc = "The URI of the database: user, password, host, port (3306) and database.",
                .example = "\"mysql://app@10.0.1.10/shop\"",
                .read = read_mysql_uri,
                .hint =
                    "write mysql = \"mysql://USER:PASSWORD@HOST:PORT/DATABASE\"; in a password, \"%2F\" "
                    "is a \"/\" and \"%40\" an \"@\""},
    .keys = query_keys(), .request = "a session (`reuse = true` keeps sessions); then `query`",
    .option = "Query this MySQL database meanwhile", .value = "URI",
#if FAULTLINE_HAS_MYSQL
    .make = make_mysql,
#else
    .make = make_none,
#endif
    .errors = {
      {"reply"},
      {"login"},
      {"mysql 1146", true},
      {"protocol"},
      {"too large"},
      {"value"}
    }
  };
}

}  // namespace faultline::probe
