// HTTP between the demo services: a server with JSON in and out, and a peer that is asked over connections kept open.
//
// Kept open matters. Where only answers are lost, a new connection is never established and nothing is asked over it; a
// request on an old one arrives, and its answer does not. That is where "the money is gone and the till says nothing"
// is from.
#pragma once

#include <httplib.h>

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"

namespace demo {

using Json = nlohmann::json;

/// What came of a request. Only `not_sent` is certain to have changed nothing at the other end.
enum class Fate { answered, not_sent, unknown };

struct Reply {
  Fate fate = Fate::unknown;
  int status = 0;
  Json body;

  bool ok() const { return fate == Fate::answered && status == 200; }
  /// "state" of the answer; empty without one.
  std::string state() const { return ok() && body.is_object() ? body.value("state", "") : ""; }
};

class Peer {
 public:
  /// `url`: "http://host:port". `connect`: how long a connection may take.
  Peer(const std::string& url, milliseconds connect);
  /// Waits `patience` for the answer, connecting included in the worst case twice. Never throws.
  Reply get(const std::string& path, milliseconds patience);
  Reply post(const std::string& path, const Json& body, milliseconds patience);
  /// Opens connections ahead, as a pool does.
  void warm(int connections);

 private:
  using Ask = std::function<httplib::Result(httplib::Client&)>;
  Reply ask(const Ask& with, milliseconds patience);

  std::string host_;
  int port_ = 80;
  milliseconds connect_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<httplib::Client>> idle_;
};

/// A handler that is given the request's JSON and returns the answer's. What throws is answered with 500.
using Handler = std::function<Json(const httplib::Request&, const Json&)>;
void on_post(httplib::Server& server, const std::string& path, const Handler& handler);
void on_get(httplib::Server& server, const std::string& path, const Handler& handler);
/// What a handler throws to answer with another status than 200.
struct Status {
  int status;
  Json body;
};

/// GET /ready: 200 once `is_ready` says so, 503 before.
void on_ready(httplib::Server& server, const std::function<bool()>& is_ready);

}  // namespace demo
