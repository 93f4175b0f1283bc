// Probes that speak over a TCP connection: connect, say something, read until the answer is known. What is said and how
// the answer is read are the kind's (tcp, redis); connections, and those that are kept for the next request, are the
// same for all.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "injector/probe/asker.h"

namespace faultline::probe {

/// Reads one answer as it comes.
class Reply {
 public:
  virtual ~Reply() = default;
  /// The next bytes. Empty: more are wanted. Else the request's error, "" when all is well.
  virtual std::optional<std::string> take(std::string_view bytes) = 0;
  /// The number in an answer that was well, where one is asked for.
  virtual std::optional<double> value() const { return {}; }
  /// The error when the peer closes instead of sending more.
  virtual std::string end() const { return "closed"; }
};

/// What a request says and is answered.
struct Exchange {
  std::string request;                            ///< may be empty
  std::function<std::unique_ptr<Reply>()> reply;  ///< of one request; empty: no answer is awaited
  bool reuse = false;                             ///< a connection whose answer was well serves a later request
};

/// Whether a connection that was kept still lives: nothing came over it since the last answer, not even its end.
bool is_idle(int fd);

/// Asks at the probe's subject, a "host:port". Failure(invalid) if it is none, Failure(cannot_run) if it does not
/// resolve.
std::unique_ptr<Asker> make_exchange(const Setting& setting, Exchange exchange);

}  // namespace faultline::probe
