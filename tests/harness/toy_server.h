// A TCP server whose manners a test chooses: what it answers, after how long, or how it lets its client down. It serves
// any number of connections at once from one thread, so that its delay is a latency and never a queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "injector/base/clock.h"
#include "injector/base/fd.h"
#include "injector/base/netns.h"

namespace faultline::test {

struct Manners {
  enum class Kind {
    answer,  ///< reply `after` the first bytes (or the connection, if `greets`), then close (or go on, if `keep`)
    silent,  ///< accept, and never say anything
    reset,   ///< reset the connection upon the first bytes
    close    ///< close the connection upon the first bytes
  };
  Kind kind = Kind::answer;
  std::string reply = {};
  Ns after = 0;
  bool keep = false;
  bool greets = false;
};

/// An HTTP answer with a right Content-Length.
std::string http_answer(int status, const std::string& body = "hello\n");

class ToyServer {
 public:
  /// Listens in `ns` on `address` ("127.0.0.1", "::1"), on a port of the kernel's choice.
  ToyServer(const NetNs& ns, const std::string& address, Manners manners);
  ~ToyServer();
  std::uint16_t port() const { return port_; }
  int accepted() const { return accepted_; }
  std::string asked() const;                  ///< all that it was sent, by whomever
  int most_at_once() const { return most_; }  ///< connections open at the same time

 private:
  struct Connection {
    Fd fd;
    Ns due = 0;  // of the answer; 0: not asked yet
  };
  void serve();
  bool attend(Connection& connection, bool readable);

  const Manners manners_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0, most_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::string asked_;
  std::vector<Connection> connections_;
  std::thread thread_;
};

}  // namespace faultline::test
