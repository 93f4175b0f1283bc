// What makes a program a service: its main(), its threads, its log. It serves until it is killed; ends it by itself, it
// says why on standard error: with status 2 after a command line that it does not take, with 1 after anything else.
#pragma once

#include <functional>
#include <string>
#include <type_traits>

#include "base/http.h"
#include "base/options.h"

namespace demo {

/// A line of the log, whole and at once.
void say(const std::string& line);
/// From now on what is thrown and not caught, on whatever thread, ends the process with that status (2 for a wrong
/// command line), and is told on standard error after the program's name. Nothing is taken apart before: other threads
/// still use it.
void say_why_it_ends(int status);

/// A thread that does `work`, for ever.
void in_background(std::function<void()> work);
/// Serves on all addresses until the process is killed. Throws when the port cannot be had.
void serve(httplib::Server& server, int port);

/// main() of each program: `work` is given the options. Exit status: what it returns, or 0; 2 for a wrong command line;
/// `failed` when it throws.
template <class Work>
int run(int argc, char** argv, const Accepts& accepts, const Work& work, int failed = 1) {
  say_why_it_ends(failed);
  const Options options(argc, argv, accepts);
  if constexpr (std::is_void_v<decltype(work(options))>) {
    work(options);
    return 0;
  } else {
    return work(options);
  }
}

/// main() of a service: a Service is made of the options, its routes(server) say what it answers, and it serves on
/// --port.
template <class Service>
int serve_as(int argc, char** argv, Accepts accepts) {
  accepts.options.insert("port");
  return run(argc, argv, accepts, [&](const Options& options) {
    const int port = options.port();
    Service service(options);
    httplib::Server server;
    service.routes(server);
    serve(server, port);
  });
}

}  // namespace demo
