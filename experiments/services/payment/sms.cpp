// sms [--capacity N] [--port 8080]
//
// A gateway that sends verification codes, so many a second (20), in the order in which they came; also those that
// nobody waits for any more. A message that comes twice under one id is sent once.
#include <set>
#include <thread>

#include "base/service.h"

namespace demo::payment {
namespace {

void work(const Options& options) {
  const auto each = std::chrono::microseconds(1'000'000 / std::max(1, options.number("capacity", 20)));
  std::mutex mutex;
  std::set<std::string> sent;
  clock::time_point next{};

  httplib::Server server;
  on_post(server, "/send", [&](const auto&, const Json& asked) -> Json {
    clock::time_point turn;
    {
      const std::lock_guard lock(mutex);
      if (!sent.insert(asked.at("id")).second) return {{"state", "SENT"}};
      turn = next = std::max(next, clock::now()) + each;
    }
    std::this_thread::sleep_until(turn);
    return {{"state", "SENT"}};
  });
  // How many messages were sent.
  on_get(server, "/sent", [&](const auto&, const Json&) -> Json {
    const std::lock_guard lock(mutex);
    return {{"sent", sent.size()}};
  });
  serve(server, options.port());
}

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::run(argc, argv, {.options = {"capacity", "port"}}, demo::payment::work);
}
