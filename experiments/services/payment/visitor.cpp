// visitor --auth URL --wants login|code
//
// Somebody who logs in, or wants a verification code, for exec probes: taps, waits two seconds, and taps again, five
// times in all. The same in every arm. Exit status: 0 served, 2 wrong command line, 3 nobody served them.
#include <unistd.h>

#include <thread>

#include "base/service.h"

namespace demo::payment {
namespace {

int visit(const Options& options) {
  const std::string wants = options.choice("wants", {"login", "code"});
  const Json asked{{"person", std::to_string(now_us()) + "." + std::to_string(getpid())}};
  for (int tap = 0; tap < 5; tap++) {
    const auto begun = clock::now();
    Peer auth(options.url("auth"), milliseconds(1000));
    const Reply reply = auth.post("/" + wants, asked, milliseconds(2000));
    if (reply.ok()) {
      std::cout << reply.body.dump() << std::endl;
      return 0;
    }
    std::this_thread::sleep_until(begun + milliseconds(2000));
  }
  return 3;
}

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) { return demo::run(argc, argv, {.options = {"auth", "wants"}}, demo::payment::visit); }
