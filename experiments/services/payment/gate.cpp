// gate --cashier URL --witness URL --rides FILE [--design careful|naive] [--port 8080]
//
// A metro gate: POST /ride is a passenger with a card. Who cannot pay within a second passes all the same: the gate
// keeps the ride, and asks for its money later, for the same purchase, until it is paid. What it shows is "payment
// channel fault". (The naive one says "device fault", and stays shut.)
#include "base/service.h"
#include "base/store.h"

namespace demo::payment {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS rides(purchase TEXT PRIMARY KEY, paid INTEGER, at INTEGER)";  // those let pass offline

class Gate {
 public:
  explicit Gate(const Options& options)
      : naive_(options.naive()),
        store_(options.get("rides"), kSchema),
        cashier_(options.url("cashier"), milliseconds(1000)),
        witness_(options.url("witness"), milliseconds(1000)) {
    in_background([this] { bill(); });
  }

  Json ride() {
    const std::string purchase = "ride." + std::to_string(now_us());
    if (pay(purchase, milliseconds(1000)).state() == "PAID") return {{"state", "OPEN"}};
    if (naive_) {
      show(purchase, "SHUT", "device fault");
      throw Status{503, {{"state", "SHUT"}, {"text", "device fault"}}};
    }
    store_.run("INSERT INTO rides VALUES(?, 0, ?)", {purchase, now_us()});
    show(purchase, "OFFLINE", "payment channel fault: pass, you will be billed later");
    return {{"state", "OPEN OFFLINE"}};
  }

  /// For ever: asks for the money of those who passed offline.
  void bill() {
    milliseconds wait{1000};
    for (;; pause(wait)) {
      bool all_paid = true;
      for (const auto& row : store_.run("SELECT purchase FROM rides WHERE paid = 0")) {
        const bool paid = pay(row[0], milliseconds(3000)).state() == "PAID";
        if (paid) store_.run("UPDATE rides SET paid = 1 WHERE purchase = ?", {row[0]});
        all_paid = all_paid && paid;
      }
      wait = all_paid ? milliseconds(1000) : std::min(wait * 3 / 2, milliseconds(4000));
    }
  }

  void routes(httplib::Server& server) {
    on_post(server, "/ride", [this](const auto&, const Json&) { return ride(); });
  }

 private:
  Reply pay(const std::string& purchase, milliseconds patience) {
    return cashier_.post("/pay", {{"purchase", purchase}}, patience);
  }

  void show(const std::string& purchase, const std::string& state, const std::string& text) {
    const Json screen{{"purchase", purchase}, {"state", state}, {"text", text}, {"who", "gate"}};
    for (int i = 0; i < 10 && !witness_.post("/screens", screen, milliseconds(1000)).ok(); i++)
      pause(milliseconds(100));
  }

  const bool naive_;
  Store store_;
  Peer cashier_, witness_;
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Gate>(argc, argv, {.options = {"cashier", "witness", "rides", "design"}});
}
