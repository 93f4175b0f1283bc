// The postgresql probe: a session, one query, all of its result. libpq speaks the protocol (TLS and passwords with it)
// and owns the socket; it is told what the socket is ready for, and never waits.
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <unordered_map>
#include <vector>

#include "injector/base/error.h"
#include "injector/probe/address.h"
#include "injector/probe/asker.h"
#include "injector/probe/errors.h"
#include "injector/probe/exchange.h"
#include "injector/probe/kinds.h"
#include "injector/probe/shared_keys.h"
#include "injector/probe/value.h"

namespace faultline::probe {
namespace {

using Session = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
using Parameters = std::map<std::string, std::string>;

/// A URI's or a connection string's parameters, the host's address among them.
Parameters parameters(const Setting& s) {
  const std::string subject = s.probe.subject();
  const auto invalid = [&](const std::string& why) {
    return Failure(Exit::invalid,
                   fmt::format("probe \"{}\": postgresql = \"{}\": {}", s.probe.name, s.probe.shown_subject(), why));
  };
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(subject.c_str(), &error),
                                                                             PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> text(error, PQfreemem);
  if (!options) {  // libpq quotes what it cannot read: with a password in it, better not
    const bool quotable = error != nullptr && s.probe.shown_subject() == subject;
    throw invalid(quotable ? std::string(error, std::strcspn(error, "\n")) : "libpq cannot read it");
  }
  Parameters all;
  for (const auto* option = options.get(); option->keyword != nullptr; option++)
    if (option->val != nullptr) all[option->keyword] = option->val;
  const std::string& host = all["host"];
  if (host.empty() || host.front() == '/' || host.find(',') != std::string::npos)
    throw invalid("it needs one host that is reached over the network");
  const Address address = resolve(s.probe.name, host, "", s.from.names);
  all.try_emplace("hostaddr", text_of(address));
  all.try_emplace("application_name", "faultline");
  return all;
}

/// libpq says in words what went wrong with a connection.
std::string connection_error(const PGconn* session, bool was_connected) {
  const std::string_view text = PQerrorMessage(session);
  const auto has = [&](std::string_view what) { return text.find(what) != std::string_view::npos; };
  for (const int error :
       {ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, ETIMEDOUT})
    if (has(std::strerror(error))) return network_error(error);
  for (const int error : {EADDRNOTAVAIL, EMFILE, ENFILE, EPERM, EACCES, ENOBUFS, ENOMEM})
    if (has(std::strerror(error))) return send_error(error);
  if (was_connected || has("closed the connection")) return "closed";
  if (has("FATAL:")) return "login";
  return has("SSL") || has("certificate") ? "tls" : "protocol";
}

/// What stands at the end of the socket's stream, for which libpq has one sentence: 0 nothing yet, or the error.
int socket_error(const PGconn* session) {
  char byte;
  return ::recv(PQsocket(session), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno != EAGAIN ? errno : 0;
}

class Postgresql : public Asker {
 public:
  explicit Postgresql(const Setting& s)
      : query_(s.probe.params.text("query")),
        expected_(s.probe.params.text("expect.reply")),
        value_place_(s.probe.params.text("value")),
        reuse_(s.probe.params.boolean("reuse")),
        loop_(s.loop),
        verdict_(s.verdict),
        tell_value_(s.value),
        parameters_(parameters(s)) {
    for (const auto& [key, value] : parameters_) keywords_.push_back(key.c_str()), values_.push_back(value.c_str());
    keywords_.push_back(nullptr), values_.push_back(nullptr);
  }
  ~Postgresql() override {
    for (const auto& [n, asked] : asked_) loop_.unwatch(asked.watched);
  }

  void ask(std::uint64_t n, Ns) override {
    Asked asked;
    for (; !asked.session && !kept_.empty(); kept_.pop_back())  // of those that were kept, one that still lives
      if (is_idle(PQsocket(kept_.back().get()))) asked.session = std::move(kept_.back());
    asked.connected = static_cast<bool>(asked.session);
    if (!asked.session) asked.session.reset(PQconnectStartParams(keywords_.data(), values_.data(), 0));
    if (!asked.session) return verdict_(n, monotonic_now(), send_error(ENOMEM));
    PQsetNoticeProcessor(
        asked.session.get(), [](void*, const char*) {}, nullptr);  // else they go to standard error
    Asked& now = asked_[n] = std::move(asked);
    if (PQstatus(now.session.get()) == CONNECTION_BAD) return done(n, connection_error(now.session.get(), false));
    if (now.connected) return send(n, now);
    watch(n, now, EPOLLOUT);
  }

  void forget(std::uint64_t n) override { release(n); }

 private:
  struct Asked {
    Session session{nullptr, PQfinish};
    bool connected = false;
    int watched = -1;
    std::string error;         ///< of the results so far
    std::string message = {};  ///< the server's, with it
    bool found = false;        ///< the reply that was expected
    std::optional<double> value = {};
  };

  void unwatch(Asked& asked) {
    if (asked.watched >= 0) loop_.unwatch(asked.watched);
    asked.watched = -1;
  }
  /// The socket may be another one after each step.
  void watch(std::uint64_t n, Asked& asked, std::uint32_t events) {
    asked.watched = PQsocket(asked.session.get());
    loop_.watch(asked.watched, events, [this, n](std::uint32_t) { advance(n); });
  }
  Session release(std::uint64_t n) {
    const auto it = asked_.find(n);
    if (it == asked_.end()) return {nullptr, PQfinish};
    unwatch(it->second);
    Session session = std::move(it->second.session);
    asked_.erase(it);
    return session;
  }
  void done(std::uint64_t n, std::string error) {
    const Ns at = monotonic_now();
    const auto asked = asked_.find(n);
    auto answer = error.empty() || asked == asked_.end() ? nullptr : kept(what_it_said(asked->second));
    Session session = release(n);
    if (reuse_ && session && PQstatus(session.get()) == CONNECTION_OK && error.empty())
      kept_.push_back(std::move(session));
    verdict_(n, at, std::move(error), std::move(answer));
  }
  /// The server's words for what went wrong, or libpq's.
  static std::string_view what_it_said(const Asked& asked) {
    return asked.message.empty() ? std::string_view(PQerrorMessage(asked.session.get())) : asked.message;
  }

  void advance(std::uint64_t n) {
    Asked& asked = asked_.at(n);
    unwatch(asked);
    if (asked.connected) return receive(n, asked);
    switch (PQconnectPoll(asked.session.get())) {
      case PGRES_POLLING_READING:
        return watch(n, asked, EPOLLIN);
      case PGRES_POLLING_WRITING:
        return watch(n, asked, EPOLLOUT);
      case PGRES_POLLING_OK:
        asked.connected = true;
        return send(n, asked);
      default:
        return done(n, connection_error(asked.session.get(), false));
    }
  }

  void send(std::uint64_t n, Asked& asked) {
    PGconn* session = asked.session.get();
    if (PQsetnonblocking(session, 1) != 0 || PQsendQuery(session, query_.c_str()) != 1)
      return done(n, connection_error(session, true));
    receive(n, asked);
  }

  void receive(std::uint64_t n, Asked& asked) {
    PGconn* session = asked.session.get();
    if (const int error = socket_error(session); error != 0) return done(n, network_error(error));
    bool lost = PQconsumeInput(session) != 1;
    const int unsent = lost ? 0 : PQflush(session);
    lost |= unsent == -1;
    while (PQisBusy(session) == 0) {  // with a lost connection, too: its last words may be there
      const Result result(PQgetResult(session), PQclear);
      if (result && is_copy(*result)) return done(n, "protocol");  // it would go on for ever
      if (!result && lost) break;
      if (!result) return done(n, verdict_of(n, asked));
      take(asked, *result);
    }
    if (lost) return done(n, asked.error.empty() ? connection_error(session, true) : asked.error);
    watch(n, asked, EPOLLIN | (unsent == 1 ? EPOLLOUT : 0u));
  }

  /// Of a query that was answered to its end.
  std::string verdict_of(std::uint64_t n, const Asked& asked) const {
    if (!asked.error.empty()) return asked.error;
    if (!asked.found && !expected_.empty()) return "reply";
    if (!value_place_.empty() && !asked.value) return "value";
    if (asked.value) tell_value_(n, *asked.value);
    return "";
  }

  static bool is_copy(const PGresult& result) {
    const ExecStatusType status = PQresultStatus(&result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
  }
  /// One of the results: a query may hold several statements.
  void take(Asked& asked, const PGresult& result) const {
    const ExecStatusType status = PQresultStatus(&result);
    if (status == PGRES_TUPLES_OK && PQntuples(&result) > 0 && PQnfields(&result) > 0) {
      const std::string_view field = PQgetvalue(&result, 0, 0);
      asked.found |= field.starts_with(expected_);
      if (!value_place_.empty()) asked.value = value_in(field, value_place_);
    }
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY || !asked.error.empty())
      return;
    asked.message = PQresultErrorMessage(&result);
    const char* state = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
    asked.error = state != nullptr ? fmt::format("sql {}", state) : connection_error(asked.session.get(), true);
  }

  const std::string query_, expected_, value_place_;
  const bool reuse_;
  EventLoop& loop_;
  Verdict verdict_;
  TellValue tell_value_;
  Parameters parameters_;
  std::vector<const char*> keywords_, values_;
  std::unordered_map<std::uint64_t, Asked> asked_;
  std::vector<Session> kept_;
};

std::unique_ptr<Asker> make_postgresql(const Setting& setting) { return std::make_unique<Postgresql>(setting); }

Read<std::string> read_postgresql_uri(const std::string& text) {
  if (!text.starts_with("postgresql://") && !text.starts_with("postgres://")) return unfit(text, "a URI of PostgreSQL");
  return {text, {}, {}};
}

}  // namespace

Kind kinds::postgresql() {
  return {.subject = {.name = "postgresql",
                      .type = ValueType::text,
                      .doc = "The URI of the database, as libpq takes it.",
                      .example = "\"postgresql://app@10.0.1.10/shop\"",
                      .read = read_postgresql_uri},
          .keys = query_keys(),
          .request = "a session (`reuse = true` keeps sessions); then `query`",
          .option = "Query this database meanwhile",
          .value = "URI",
          .make = make_postgresql,
          .errors = {{"reply"}, {"tls"}, {"protocol"}, {"sql 57P01", true}, {"login"}, {"value"}}};
}

}  // namespace faultline::probe
