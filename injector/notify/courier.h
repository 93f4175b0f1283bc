// Brings what happens to one destination, on a thread of its own: a slow or dead one delays nobody, neither the run
// nor another destination. What cannot be delivered is said once, and is no part of the verdict.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/base/units.h"
#include "injector/notify/happening.h"

namespace faultline::notify {

struct Request {
  std::string method = "POST";
  std::string url, body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Sends a request, of JSON, and waits for its answer. Of its thread alone.
class Carrier {
 public:
  /// The body of the answer; nothing: it was refused or did not arrive, which has been said.
  virtual std::optional<std::string> send(const Request& request) = 0;

 protected:
  ~Carrier() = default;
};

/// One destination: how a happening is told there. Everything on the courier's thread.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void tell(const Happening& what, Carrier& carrier) = 0;
  /// When every() has passed, and a last time at the end.
  virtual void report(Ns /*wall*/, Carrier&) {}
  virtual Ns every() const { return 0; }  ///< 0: report() is not called
};

class Courier {
 public:
  static constexpr std::size_t kMostWaiting = 256;  ///< happenings; what comes then is left out, and counted
  /// Thread-safe: called on the courier's thread, and on that of whoever awaits its end.
  using Trouble = std::function<void(const std::string&)>;

  /// `name` is how it is called where people read it. Starts the thread.
  Courier(std::string name, std::unique_ptr<Sink> sink, Trouble trouble);
  ~Courier();  ///< gives up what is under way

  /// Thread-safe; never waits for the destination.
  void tell(std::shared_ptr<const Happening> what);
  /// No more comes, and what is not delivered by `deadline` (CLOCK_MONOTONIC) is given up.
  void end(Ns deadline);
  /// Waits until all is delivered, or given up. After end().
  void await();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::notify
