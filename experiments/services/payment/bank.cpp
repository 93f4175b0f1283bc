// bank --ledger FILE [--copy URL [--leads] [--design careful|naive]] [--port 8080]
//
// Has the money, and the only ledger that counts. Channels debit shoppers here. It also keeps what people were shown,
// told by themselves over ways that no plan faults, so that `ledger audit` can compare the two; what that
// finds it writes to its log. With --copy it is one of two with one ledger (pair.h), and with --leads the one that
// leads.
#include "bank.h"

#include "base/audit.h"
#include "base/store.h"
#include "pair.h"

namespace demo::payment {
namespace {

/// What the shoppers' account began with, in cents.
constexpr std::int64_t kOpening = 100'000'000;

class Bank {
 public:
  explicit Bank(const Options& options)
      : store_(options.get("ledger"), kLedgerSchema),
        pair_(store_, options, [this](const Json& entry) { return apply(entry); }) {
    in_background([this] { pair_.ship(); });
  }

  /// One payment for one order number of a channel, however often it is asked for.
  Json debit(const Json& asked) {
    return pair_.agree({{"do", "debit"},
                        {"channel", asked.at("channel")},
                        {"number", asked.at("number")},
                        {"purchase", asked.at("purchase")},
                        {"amount", asked.at("amount")},
                        {"at", now_us()}});
  }

  /// PAID if it is; else CLOSED from now on: a request that is still under way will be refused.
  Json close(const Json& asked) {
    return pair_.agree(
        {{"do", "close"}, {"channel", asked.at("channel")}, {"number", asked.at("number")}, {"at", now_us()}});
  }

  Json balance() {
    return {{"state", "READ"},
            {"balance", kOpening + std::stoll(store_.one("SELECT coalesce(sum(amount), 0) FROM postings"
                                                         " WHERE account = 'shopper'"))}};
  }

  /// What was paid, and when, for `ledger same`: {"A n1": 1700000000000000, …}
  Json payments() {
    Json all = Json::object();
    for (const auto& row : store_.run(kPaymentsMade)) all[row[0]] = std::stoll(row[1]);
    return all;
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

  void routes(httplib::Server& server) {
    on_post(server, "/debit", [this](const auto&, const Json& asked) { return debit(asked); });
    on_post(server, "/close", [this](const auto&, const Json& asked) { return close(asked); });
    on_post(server, "/screens", [this](const auto&, const Json& screen) { return note_screen(screen); });
    on_post(server, "/findings", [this](const auto&, const Json& findings) { return findings_.note(findings); });
    on_get(server, "/orders/([^/]+)/([^/]+)",
           [this](const auto& request, const Json&) { return order(request.matches[1], request.matches[2]); });
    on_get(server, "/balance", [this](const auto&, const Json&) { return balance(); });
    on_get(server, "/payments", [this](const auto&, const Json&) { return payments(); });
    on_post(server, "/log", [this](const auto&, const Json& shipment) { return pair_.take(shipment); });
    on_post(server, "/lead", [this](const auto&, const Json& asked) { return pair_.lead(asked); });
    on_get(server, "/role", [this](const auto&, const Json&) { return pair_.role(); });
  }

 private:
  Json apply(const Json& entry) {
    const std::string channel = entry.at("channel"), number = entry.at("number"), before = state_of(channel, number);
    const std::int64_t at = entry.at("at");
    if (entry.at("do") == "close") {
      if (before == "NONE")
        store_.run("INSERT INTO closed(channel, number, at) VALUES(?, ?, ?)", {channel, number, at});
      return {{"state", before == "PAID" ? "PAID" : "CLOSED"}};
    }
    const std::string purchase = entry.at("purchase");
    const std::int64_t amount = entry.at("amount");
    store_.run("INSERT INTO attempts(channel, number, purchase, amount, at) VALUES(?, ?, ?, ?, ?)",
               {channel, number, purchase, amount, at});
    if (before != "NONE") return {{"state", before}};
    store_.run("INSERT INTO payments(channel, number, purchase, amount, at) VALUES(?, ?, ?, ?, ?)",
               {channel, number, purchase, amount, at});
    const std::int64_t id = std::stoll(store_.one("SELECT last_insert_rowid()"));
    store_.run("INSERT INTO postings(payment, account, amount) VALUES(?, 'shopper', ?), (?, 'merchant', ?)",
               {id, -amount, id, amount});
    return {{"state", "PAID"}};
  }

  std::string state_of(const std::string& channel, const std::string& number) {
    if (!store_.one("SELECT id FROM payments WHERE channel = ? AND number = ?", {channel, number}).empty())
      return "PAID";
    if (!store_.one("SELECT at FROM closed WHERE channel = ? AND number = ?", {channel, number}).empty())
      return "CLOSED";
    return "NONE";
  }

  Store store_;
  Pair pair_;
  FindingsLog findings_;
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Bank>(argc, argv, {.options = {"ledger", "copy", "design"}, .flags = {"leads"}});
}
