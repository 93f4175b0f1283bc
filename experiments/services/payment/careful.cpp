// The desk that expects answers to be lost.
//
// A purchase has one order with one number, under which every channel is asked. Without an answer the order is UNKNOWN:
// it is never sent anywhere else, the shopper reads "do not pay again", and a second tap finds the same order. Behind
// the desk it is settled with the channel that it was sent to: the channel says that it is paid, or closes it, so that
// a request which is still under way can no longer pay it. Only then is it FAILED, and the next tap a new order.
#include <thread>

#include "base/store.h"
#include "breaker.h"
#include "desk.h"

namespace demo::payment {
namespace {

constexpr const char* kSchema = R"(
-- `told`: 0 while the shopper was shown UNKNOWN and has not been told the outcome.
CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, number TEXT UNIQUE, purchase TEXT, state TEXT, channel TEXT,
                                  told INTEGER DEFAULT 1, at INTEGER);
CREATE INDEX IF NOT EXISTS orders_of ON orders(purchase);
)";
/// A tap is answered within 3 s: a connection that is not made, an answer that does not come, and a channel that is
/// well.
constexpr milliseconds kConnect{600}, kAnswer{1400}, kTap{2700};
constexpr const char* kDoNotPayAgain = "the payment's state is not clear yet: do not pay again";

struct Channel {
  Channel(const Way& way) : name(way.name), peer(way.url, kConnect) {}
  const std::string name;
  Peer peer;
  Breaker breaker;
};

class CarefulDesk : public Desk {
 public:
  CarefulDesk(const std::vector<Way>& ways, const Options& options)
      : store_(options.get("orders"), kSchema), witness_(options.url("witness"), milliseconds(1000)) {
    // Whoever was being served when this process was killed got no answer. What had not been sent anywhere is not paid,
    // for certain and from the beginning: it is never shown as UNKNOWN.
    store_.run(
        "UPDATE orders SET state = CASE WHEN channel IS NULL THEN 'FAILED' ELSE 'UNKNOWN' END, told = channel IS NULL"
        " WHERE state = 'SENDING'");
    for (const auto& way : ways) channels_.push_back(std::make_unique<Channel>(way));
    for (auto& channel : channels_) {
      channel->peer.warm(6);
      in_background([this, &channel] { look_after(*channel); });
    }
    in_background([this] { tell_outcomes(); });
  }

  Screen pay(const std::string& purchase, const std::string& chosen) override {
    const auto begun = clock::now();
    Screen screen = open_order(purchase);
    if (screen.state != "SENDING") return screen;
    for (Channel* channel : in_order(chosen)) {
      const auto left = kTap - since(begun);
      if (left < milliseconds(300) || screen.attempts == 3) break;
      if (!channel->breaker.lets_in()) continue;
      screen.attempts++;
      screen.channel = channel->name;
      store_.run("UPDATE orders SET channel = ? WHERE number = ?", {channel->name, screen.number});
      const Json asked{{"number", screen.number}, {"purchase", purchase}, {"amount", kPrice}};
      const Reply reply = channel->peer.post("/pay", asked, std::min(left, kAnswer));
      const std::string state = reply.state();
      const bool busy = reply.status == 503;
      if (channel->breaker.ended(busy || !state.empty())) say("channel " + channel->name + " is greyed out");
      if (state == "PAID") return show(screen, "PAID", "paid by " + channel->name);
      if (busy || state == "CLOSED" || reply.fate == Fate::not_sent) continue;  // certainly not paid: another way
      return show(screen, "UNKNOWN", kDoNotPayAgain);
    }
    return show(screen, "FAILED", "not paid: please choose another way");
  }

  bool offered(const std::string& name) override {
    for (const auto& channel : channels_)
      if (channel->name == name) return channel->breaker.offered();
    return false;
  }

  /// Those, too, that were on their way when something of ours went wrong.
  int unknown() override {
    constexpr std::int64_t kSending = 5'000'000;  // us: longer than any answer is waited for
    return std::stoi(store_.one("SELECT count(*) FROM orders WHERE state = 'UNKNOWN' OR (state = 'SENDING' AND at < ?)",
                                {now_us() - kSending}));
  }

 private:
  /// The purchase's order: the one there is, or a new one (SENDING) if there is none or it is certainly not paid.
  /// Before a new one the shopper must have been told so: a message "you may pay again" that comes after the new one is
  /// paid does harm.
  Screen open_order(const std::string& purchase) {
    return store_.atomically([&]() -> Screen {
      const auto rows =
          store_.run("SELECT number, state, channel, told FROM orders WHERE purchase = ? ORDER BY id", {purchase});
      if (!rows.empty()) {
        const std::string &number = rows.back()[0], &state = rows.back()[1], &channel = rows.back()[2];
        if (state == "PAID") return {"PAID", number, channel, "paid by " + channel, 0};
        if (state != "FAILED" || rows.back()[3] == "0") return {"UNKNOWN", number, channel, kDoNotPayAgain, 0};
      }
      const std::string number = purchase + "-" + std::to_string(rows.size() + 1);
      store_.run("INSERT INTO orders(number, purchase, state, at) VALUES(?, ?, 'SENDING', ?)",
                 {number, purchase, now_us()});
      return {"SENDING", number, "", "", 0};
    });
  }

  Screen show(Screen screen, const std::string& state, const std::string& text) {
    screen.state = state;
    screen.text = text;
    store_.run("UPDATE orders SET state = ?, told = ? WHERE number = ?",
               {state, std::int64_t{state != "UNKNOWN"}, screen.number});
    return screen;
  }

  std::vector<Channel*> in_order(const std::string& chosen) {
    std::vector<Channel*> all;
    for (auto& channel : channels_)
      if (channel->name == chosen) all.push_back(channel.get());
    for (auto& channel : channels_)
      if (channel->name != chosen) all.push_back(channel.get());
    return all;
  }

  /// For ever: one trial request at a time while the channel is greyed out or has orders to settle, further apart while
  /// it does not answer. So a channel that comes back meets one question, and not all who wait for it.
  void look_after(Channel& channel) {
    milliseconds wait{500};
    for (;; pause(wait)) {
      const auto unknown =
          store_.run("SELECT number FROM orders WHERE state = 'UNKNOWN' AND channel = ?", {channel.name});
      if (channel.breaker.offered() && unknown.empty()) {
        wait = milliseconds(500);
        continue;
      }
      bool well = channel.peer.get("/trial", milliseconds(1000)).ok();
      for (const auto& row : unknown) well = well && settle(channel, row[0]);
      if (channel.breaker.tried(well)) say("channel " + channel.name + " is offered again");
      wait = well ? milliseconds(500) : std::min(wait * 3 / 2, milliseconds(2000));
    }
  }

  /// Asks for the outcome; false if there was no answer.
  bool settle(Channel& channel, const std::string& number) {
    const std::string state = channel.peer.post("/close", {{"number", number}}, milliseconds(1000)).state();
    if (state != "PAID" && state != "CLOSED") return false;
    store_.run("UPDATE orders SET state = ? WHERE number = ?", {state == "PAID" ? "PAID" : "FAILED", number});
    say("order " + number + ": channel " + channel.name + " says " + (state == "PAID" ? "paid" : "not paid"));
    return true;
  }

  /// For ever: a message to those who were shown UNKNOWN, once it is known.
  void tell_outcomes() {
    for (;; pause(milliseconds(300))) {
      for (const auto& row :
           store_.run("SELECT number, purchase, state FROM orders WHERE told = 0 AND state IN ('PAID', 'FAILED')")) {
        const Json message{{"number", row[0]},
                           {"purchase", row[1]},
                           {"state", row[2]},
                           {"text", row[2] == "PAID" ? "paid after all" : "not paid: you may pay again"},
                           {"who", "message"}};
        if (!witness_.post("/screens", message, milliseconds(2000)).ok()) break;
        store_.run("UPDATE orders SET told = 1 WHERE number = ?", {row[0]});
      }
    }
  }

  Store store_;
  Peer witness_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace

std::unique_ptr<Desk> careful_desk(const std::vector<Way>& ways, const Options& options) {
  return std::make_unique<CarefulDesk>(ways, options);
}

}  // namespace demo::payment
