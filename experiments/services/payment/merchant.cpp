// merchant --goods FILE [--design careful|naive] [--port 8080]
//
// Hands out goods when a channel calls back that they are paid. A callback may come twice, when its answer was lost:
// goods are handed out once for a purchase. (The naive one hands them out at each.)
#include "base/service.h"
#include "base/store.h"

namespace demo::payment {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS goods(purchase TEXT PRIMARY KEY, handed_out INTEGER, at INTEGER, received INTEGER "
    "DEFAULT 0)";

class Merchant {
 public:
  explicit Merchant(const Options& options) : naive_(options.naive()), store_(options.get("goods"), kSchema) {}

  Json called_back(const std::string& purchase) {
    if (!store_.one("SELECT at FROM goods WHERE purchase = ?", {purchase}).empty())
      say("a callback has come again: " + purchase);
    store_.run(std::string("INSERT INTO goods(purchase, handed_out, at) VALUES(?, 1, ?) ON CONFLICT(purchase)"
                           " DO UPDATE SET handed_out = handed_out") +
                   (naive_ ? " + 1" : ""),
               {purchase, now_us()});
    return {{"state", "HEARD"}};
  }

  /// Whoever has waited longest for their goods has them.
  Json received() {
    store_.run(
        "UPDATE goods SET received = 1 WHERE purchase = (SELECT purchase FROM goods WHERE received = 0"
        " ORDER BY at LIMIT 1)");
    return {{"state", "RECEIVED"}};
  }

  /// The purchases whose goods were handed out, and how often: {"p1": 1, …}.
  Json goods() {
    Json goods = Json::object();
    for (const auto& row : store_.run("SELECT purchase, handed_out FROM goods")) goods[row[0]] = std::stoi(row[1]);
    return goods;
  }

  void routes(httplib::Server& server) {
    on_post(server, "/callback", [this](const auto&, const Json& asked) { return called_back(asked.at("purchase")); });
    on_post(server, "/receipt", [this](const auto&, const Json&) { return received(); });
    on_get(server, "/goods", [this](const auto&, const Json&) { return goods(); });
  }

 private:
  const bool naive_;
  Store store_;
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Merchant>(argc, argv, {.options = {"goods", "design"}});
}
