// channel --name A --bank URL --orders FILE [--merchant URL] [--capacity N] [--design careful|naive] [--port 8080]
//
// A payment channel: takes a payment to the bank, and tells the merchant of it. The merchant has 5 s to say that it
// heard; if it does not, it is told again, later each time. (The naive one tells it once.) Above its capacity, in
// payments a second, it refuses at once instead of letting everyone wait.
#include <optional>

#include "admission.h"
#include "base/service.h"
#include "base/store.h"

namespace demo::payment {
namespace {

constexpr const char* kSchema = R"(
-- ASKED: the bank may have paid it. PAID, CLOSED: it said so.
CREATE TABLE IF NOT EXISTS orders(number TEXT PRIMARY KEY, purchase TEXT, state TEXT, told INTEGER DEFAULT 0, at INTEGER);
)";
constexpr milliseconds kBankPatience{1000}, kMerchantPatience{5000};

class Channel {
 public:
  explicit Channel(const Options& options)
      : name_(options.get("name")),
        naive_(options.naive()),
        store_(options.get("orders"), kSchema),
        bank_(options.url("bank"), milliseconds(800)),
        admission_(options.number("capacity", 0)) {
    if (options.has("merchant")) merchant_.emplace(options.url("merchant"), milliseconds(1000));
    in_background([this] { look_after(); });
  }

  Json pay(const Json& asked) {
    if (!admission_.lets_in()) throw Status{503, {{"state", "BUSY"}}};
    const std::string number = asked.at("number"), purchase = asked.at("purchase");
    store_.run("INSERT OR IGNORE INTO orders(number, purchase, state, at) VALUES(?, ?, 'ASKED', ?)",
               {number, purchase, now_us()});
    return settle(
        number,
        bank_.post(
            "/debit",
            {{"channel", name_}, {"number", number}, {"purchase", purchase}, {"amount", asked.value("amount", 100)}},
            kBankPatience));
  }

  /// The order query, and its end: PAID, or CLOSED and then never paid.
  Json close(const Json& asked) {
    const std::string number = asked.at("number");
    return settle(number, bank_.post("/close", {{"channel", name_}, {"number", number}}, kBankPatience));
  }

  /// The balance of who pays, as the bank has it.
  Json balance() {
    const Reply reply = bank_.get("/balance", kBankPatience);
    if (!reply.ok()) throw Status{504, {{"state", "UNKNOWN"}}};
    return reply.body;
  }

  /// What a cashier asks to see whether payments would get through: all the way to the bank.
  Json trial() {
    say("a trial request");
    if (!bank_.get("/health", kBankPatience).ok()) throw Status{504, {{"state", "UNKNOWN"}}};
    return {{"state", "WELL"}};
  }

  /// For ever: tells the merchant, and asks the bank about payments that nobody answered for.
  void look_after() {
    milliseconds wait{500};
    for (;; pause(wait)) {
      bool all_well = true;
      for (const auto& row :
           store_.run("SELECT number FROM orders WHERE state = 'ASKED' AND at < ?", {now_us() - 5'000'000})) {
        const Reply reply = bank_.get("/orders/" + name_ + "/" + row[0], kBankPatience);
        if (reply.state() == "PAID" || reply.state() == "CLOSED") keep(row[0], reply.state());
        all_well = all_well && reply.ok();
      }
      if (merchant_) all_well = tell_merchant() && all_well;
      wait = all_well ? milliseconds(500) : std::min(wait * 2, milliseconds(4000));
    }
  }

  void routes(httplib::Server& server) {
    on_post(server, "/pay", [this](const auto&, const Json& asked) { return pay(asked); });
    on_post(server, "/close", [this](const auto&, const Json& asked) { return close(asked); });
    on_get(server, "/trial", [this](const auto&, const Json&) { return trial(); });
    on_get(server, "/balance", [this](const auto&, const Json&) { return balance(); });
  }

 private:
  void keep(const std::string& number, const std::string& state) {
    store_.run("UPDATE orders SET state = ? WHERE number = ? AND state = 'ASKED'", {state, number});
  }

  /// What the bank said, kept and handed on. Without its word nobody knows: 504.
  Json settle(const std::string& number, const Reply& reply) {
    const std::string state = reply.state();
    if (state != "PAID" && state != "CLOSED") throw Status{504, {{"state", "UNKNOWN"}}};
    keep(number, state);
    return {{"state", state}};
  }

  bool tell_merchant() {
    bool heard = true;
    for (const auto& row : store_.run("SELECT number, purchase FROM orders WHERE state = 'PAID' AND told = 0")) {
      const Reply reply = merchant_->post("/callback", {{"channel", name_}, {"number", row[0]}, {"purchase", row[1]}},
                                          kMerchantPatience);
      if (reply.ok() || naive_) store_.run("UPDATE orders SET told = 1 WHERE number = ?", {row[0]});
      heard = heard && reply.ok();
      if (!heard && !naive_) break;  // the rest later, too: it does not hear
    }
    return heard;
  }

  const std::string name_;
  const bool naive_;
  Store store_;
  Peer bank_;
  std::optional<Peer> merchant_;
  Admission admission_;
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Channel>(
      argc, argv, {.options = {"name", "bank", "orders", "merchant", "capacity", "design"}});
}
