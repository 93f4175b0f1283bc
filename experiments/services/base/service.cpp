#include "base/service.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace demo {

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void say_why_it_ends(int status) {
  static int failed;
  failed = status;
  std::set_terminate([] {
    const auto end = [](int status, const char* why) {
      std::fputs((std::string(program_invocation_short_name) + ": " + why + "\n").c_str(), stderr);
      std::_Exit(status);
    };
    try {
      if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
      end(failed, "it was told to end");
    } catch (const WrongCommandLine& wrong) {
      end(2, wrong.what());
    } catch (const std::exception& failure) {
      end(failed, failure.what());
    } catch (...) {
      end(failed, "an answer was thrown where nobody had asked");
    }
  });
}

void in_background(std::function<void()> work) { std::thread(std::move(work)).detach(); }

void serve(httplib::Server& server, int port) {
  server.new_task_queue = [] { return new httplib::ThreadPool(128); };  // a thread for each connection while it is open
  server.set_keep_alive_max_count(1'000'000);
  server.set_keep_alive_timeout(86'400);  // s: a warmed pool is there when the fault comes, at true length, too
  server.set_tcp_nodelay(true);
  int listening = -1;
  server.set_socket_options([&](int socket) {  // and not SO_REUSEPORT: two on one port would share what is asked
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listening = socket;
  });
  on_get(server, "/health", [](const auto&, const Json&) { return Json{{"state", "well"}}; });
  errno = 0;
  if (!server.bind_to_port("::", port) && !server.bind_to_port("0.0.0.0", port))
    throw std::system_error(errno, std::system_category(), "port " + std::to_string(port) + " cannot be had");
  listen(listening, 1024);  // cpp-httplib's backlog is 5, which a crowd fills within one round trip
  say("listens on port " + std::to_string(port));
  if (!server.listen_after_bind()) throw std::runtime_error("it cannot listen any more");
}

}  // namespace demo
