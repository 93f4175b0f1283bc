// What answers over HTTP, on one thread. cpp-httplib reads requests and writes answers; connections are ours: so many
// at most, each with a time and a size of its own, and none is ever waited for. One that sends its request byte by
// byte, reads none of its answer or never ends costs a descriptor and a few kilobytes until its time is up, and gives
// way to newer ones when there are too many (docs/decisions/0043-serving-while-it-runs.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "injector/base/fd.h"

namespace faultline::serve {

struct Content {
  std::string text, type;
  int status = 200;
  std::string tag = {};  ///< changes when the text does (ETag); empty: none is told
};

struct Access {
  std::string token = {};  ///< empty: none is needed
  /// False: only under an address, or as localhost: no page of another site may ask by a name of its own.
  bool any_host = false;
};

class HttpServer {
 public:
  static constexpr std::size_t kMostConnections = 32;
  static constexpr std::size_t kMostRequest = 8192;  ///< bytes of a request's head; it has no body

  /// What is to be had, by path. Called on the server's thread; what takes long delays other readers alone.
  using Pages = std::map<std::string, std::function<Content()>>;

  /// Answers from here on, GET and HEAD alone.
  HttpServer(Fd listening, Access access, Pages pages);
  ~HttpServer();  ///< closes every connection; waits for the answer under way, if any; never throws

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline::serve
