// shopper --cashier URL --witness URL [--channel A] [--by-hand B]
//
// One shopper who buys one thing, as people do: taps "pay", looks at the spinner for at most 10 s, and taps again if
// nothing is clear. Who reads that the payment has failed pays by hand through another channel. What was shown is told
// to the witness, the bank, over ways that no plan faults; there `ledger audit` finds it. The shopper is the same in
// every arm.
//
// Prints what the first screen said, as JSON. Exit status: 0 paid, 2 wrong command line, 3 no answer in 10 s, 4
// unknown, 5 failed.
#include <unistd.h>
#include <thread>

#include "base/service.h"

namespace demo::payment {
namespace {

class Shopper {
 public:
  explicit Shopper(const Options& options)
      : cashier_(options.url("cashier"), milliseconds(3000)),
        witness_(options.url("witness"), milliseconds(1000)),
        purchase_(std::to_string(now_us()) + "." + std::to_string(getpid())) {}

  struct Seen {
    std::string state = "NONE", number, channel, text;
    std::int64_t spinner_ms = 0, attempts = 0, amount = 0;
    Json json() const {
      return {{"state", state},           {"number", number},     {"channel", channel}, {"text", text},
              {"spinner_ms", spinner_ms}, {"attempts", attempts}, {"amount", amount}};
    }
  };

  Seen tap(const std::string& channel, milliseconds patience) {
    const auto begun = clock::now();
    const Reply reply = cashier_.post("/pay", {{"purchase", purchase_}, {"channel", channel}}, patience);
    Seen seen;
    seen.spinner_ms = since(begun).count();
    if (reply.fate == Fate::answered && reply.body.is_object()) {
      seen.state = reply.body.value("state", "NONE");
      seen.number = reply.body.value("number", "");
      seen.channel = reply.body.value("channel", "");
      seen.text = reply.body.value("text", "");
      seen.attempts = reply.body.value("attempts", 0);
      seen.amount = reply.body.value("amount", 0);
    }
    return seen;
  }

  /// Until the witness has it: what was seen is never lost.
  void tell(const Seen& seen) {
    Json screen = seen.json();
    screen["purchase"] = purchase_;
    screen["who"] = "shopper";
    while (!witness_.post("/screens", screen, milliseconds(2000)).ok()) pause(milliseconds(300));
  }

 private:
  Peer cashier_, witness_;
  const std::string purchase_;
};

int status_of(const std::string& state) {
  return state == "PAID" ? 0 : state == "UNKNOWN" ? 4 : state == "NONE" ? 3 : 5;
}

int shop(const Options& options) {
  Shopper shopper(options);
  const std::string chosen = options.get("channel", "A");
  const auto first = shopper.tap(chosen, milliseconds(10'000));
  shopper.tell(first);
  if (first.state != "PAID") {
    std::this_thread::sleep_for(milliseconds(500));
    const bool failed = first.state == "FAILED";
    shopper.tell(shopper.tap(failed ? options.get("by-hand", "B") : chosen, milliseconds(10'000)));
  }
  std::cout << first.json().dump() << std::endl;
  return status_of(first.state);
}

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::run(argc, argv, {.options = {"cashier", "witness", "channel", "by-hand"}}, demo::payment::shop);
}
