// bank --ledger FILE [--port 8080]
//
// Has the money, and the only ledger that counts. Channels debit shoppers here. It also keeps what people were shown,
// told by themselves over ways that no plan faults, so that `ledger audit` can compare the two; what that
// finds it writes to its log.
#include "bank.h"

#include <set>

#include "http.h"
#include "options.h"
#include "store.h"

namespace payment {
namespace {

class Bank {
 public:
  explicit Bank(const std::string& file) : store_(file, kLedgerSchema) {}

  /// One payment for one order number of a channel, however often it is asked for.
  Json debit(const Json& asked) {
    const std::string channel = asked.at("channel"), number = asked.at("number"), purchase = asked.at("purchase");
    const std::int64_t amount = asked.at("amount");
    return store_.atomically([&]() -> Json {
      store_.run("INSERT INTO attempts(channel, number, purchase, amount, at) VALUES(?, ?, ?, ?, ?)",
                 {channel, number, purchase, amount, now_us()});
      const std::string before = state_of(channel, number);
      if (before != "NONE") return {{"state", before}};
      store_.run("INSERT INTO payments(channel, number, purchase, amount, at) VALUES(?, ?, ?, ?, ?)",
                 {channel, number, purchase, amount, now_us()});
      const std::int64_t id = std::stoll(store_.one("SELECT last_insert_rowid()"));
      store_.run("INSERT INTO postings(payment, account, amount) VALUES(?, 'shopper', ?), (?, 'merchant', ?)",
                 {id, -amount, id, amount});
      return {{"state", "PAID"}};
    });
  }

  /// PAID if it is; else CLOSED from now on: a request that is still under way will be refused.
  Json close(const Json& asked) {
    const std::string channel = asked.at("channel"), number = asked.at("number");
    return store_.atomically([&]() -> Json {
      const std::string before = state_of(channel, number);
      if (before == "NONE")
        store_.run("INSERT INTO closed(channel, number, at) VALUES(?, ?, ?)", {channel, number, now_us()});
      return {{"state", before == "PAID" ? "PAID" : "CLOSED"}};
    });
  }

  Json order(const std::string& channel, const std::string& number) {
    return store_.atomically([&]() -> Json { return {{"state", state_of(channel, number)}}; });
  }

  Json note_screen(const Json& screen) {
    store_.run(
        "INSERT INTO screens(purchase, number, state, text, who, spinner_ms, attempts, amount, at)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {screen.value("purchase", ""), screen.value("number", ""), screen.value("state", ""), screen.value("text", ""),
         screen.value("who", ""), screen.value("spinner_ms", std::int64_t{0}),
         screen.value("attempts", std::int64_t{0}), screen.value("amount", std::int64_t{0}), now_us()});
    return {{"state", "NOTED"}};
  }

  /// Each finding of an audit once, however often it is found.
  Json log_findings(const Json& findings) {
    const std::lock_guard lock(mutex_);
    for (const std::string finding : findings)
      if (logged_.insert(finding).second) say("violation: " + finding);
    return {{"state", "NOTED"}};
  }

 private:
  std::string state_of(const std::string& channel, const std::string& number) {
    if (!store_.one("SELECT id FROM payments WHERE channel = ? AND number = ?", {channel, number}).empty())
      return "PAID";
    if (!store_.one("SELECT at FROM closed WHERE channel = ? AND number = ?", {channel, number}).empty())
      return "CLOSED";
    return "NONE";
  }

  Store store_;
  std::mutex mutex_;
  std::set<std::string> logged_;
};

void work(const Options& options) {
  Bank bank(options.get("ledger"));
  httplib::Server server;
  on_post(server, "/debit", [&](const auto&, const Json& asked) { return bank.debit(asked); });
  on_post(server, "/close", [&](const auto&, const Json& asked) { return bank.close(asked); });
  on_post(server, "/screens", [&](const auto&, const Json& screen) { return bank.note_screen(screen); });
  on_post(server, "/findings", [&](const auto&, const Json& findings) { return bank.log_findings(findings); });
  on_get(server, "/orders/([^/]+)/([^/]+)",
         [&](const auto& request, const Json&) { return bank.order(request.matches[1], request.matches[2]); });
  serve(server, options.number("port", 8080));
}

}  // namespace
}  // namespace payment

int main(int argc, char** argv) {
  using namespace payment;
  return run(argc, argv, {.options = {"ledger", "port"}}, work);
}
