// channel --name A --bank URL --orders FILE [--merchant URL] [--capacity N] [--design careful|naive] [--port 8080]
//
// A payment channel: takes a payment to the bank, and tells the merchant of it. The merchant has 5 s to say that it
// heard; if it does not, it is told again, later each time. (The naive one tells it once.) Above its capacity, in
// payments a second, it refuses at once instead of letting everyone wait.
#include <thread>

#include "http.h"
#include "options.h"
#include "store.h"

namespace payment {
namespace {

constexpr const char* kSchema = R"(
-- ASKED: the bank may have paid it. PAID, CLOSED: it said so.
CREATE TABLE IF NOT EXISTS orders(number TEXT PRIMARY KEY, purchase TEXT, state TEXT, told INTEGER DEFAULT 0, at INTEGER);
)";
constexpr milliseconds kBankPatience{1000}, kMerchantPatience{5000};

/// How much is let in: as many a second as its capacity, a second's worth at once.
class Admission {
 public:
  explicit Admission(int per_second) : per_second_(per_second), tokens_(per_second) {}
  bool lets_in() {
    if (per_second_ == 0) return true;
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    tokens_ = std::min<double>(per_second_, tokens_ + std::chrono::duration<double>(now - last_).count() * per_second_);
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  std::mutex mutex_;
  double per_second_, tokens_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

class Channel {
 public:
  explicit Channel(const Options& options)
      : name_(options.get("name")),
        naive_(options.naive()),
        store_(options.get("orders"), kSchema),
        bank_(options.get("bank"), milliseconds(800)),
        merchant_(options.get("merchant", "http://127.0.0.1:1"), milliseconds(1000)),
        tells_merchant_(options.has("merchant")),
        admission_(options.number("capacity", 0)) {}

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
      if (tells_merchant_) all_well = tell_merchant() && all_well;
      wait = all_well ? milliseconds(500) : std::min(wait * 2, milliseconds(4000));
    }
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
      const Reply reply = merchant_.post("/callback", {{"channel", name_}, {"number", row[0]}, {"purchase", row[1]}},
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
  Peer bank_, merchant_;
  const bool tells_merchant_;
  Admission admission_;
};

void work(const Options& options) {
  Channel channel(options);
  httplib::Server server;
  on_post(server, "/pay", [&](const auto&, const Json& asked) { return channel.pay(asked); });
  on_post(server, "/close", [&](const auto&, const Json& asked) { return channel.close(asked); });
  on_get(server, "/trial", [&](const auto&, const Json&) { return channel.trial(); });
  on_get(server, "/balance", [&](const auto&, const Json&) { return channel.balance(); });
  std::thread([&] { channel.look_after(); }).detach();
  serve(server, options.number("port", 8080));
}

}  // namespace
}  // namespace payment

int main(int argc, char** argv) {
  using namespace payment;
  return run(argc, argv, {.options = {"name", "bank", "orders", "merchant", "capacity", "design", "port"}}, work);
}
