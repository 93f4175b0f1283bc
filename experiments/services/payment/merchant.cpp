// merchant --goods FILE [--design careful|naive] [--port 8080]
//
// Hands out goods when a channel calls back that they are paid. A callback may come twice, when its answer was lost:
// goods are handed out once for a purchase. (The naive one hands them out at each.)
#include "http.h"
#include "options.h"
#include "store.h"

namespace payment {
namespace {
constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS goods(purchase TEXT PRIMARY KEY, handed_out INTEGER, at INTEGER)";

void work(const Options& options) {
  Store store(options.get("goods"), kSchema);
  const std::string again = options.naive() ? "handed_out + 1" : "handed_out";
  httplib::Server server;
  on_post(server, "/callback", [&](const auto&, const Json& asked) -> Json {
    const std::string purchase = asked.at("purchase");
    if (!store.one("SELECT at FROM goods WHERE purchase = ?", {purchase}).empty())
      say("a callback has come again: " + purchase);
    store.run("INSERT INTO goods VALUES(?, 1, ?) ON CONFLICT(purchase) DO UPDATE SET handed_out = " + again,
              {purchase, now_us()});
    return {{"state", "HEARD"}};
  });
  // The purchases whose goods were handed out, and how often: {"p1": 1, …}.
  on_get(server, "/goods", [&](const auto&, const Json&) {
    Json goods = Json::object();
    for (const auto& row : store.run("SELECT purchase, handed_out FROM goods")) goods[row[0]] = std::stoi(row[1]);
    return goods;
  });
  serve(server, options.number("port", 8080));
}

}  // namespace
}  // namespace payment

int main(int argc, char** argv) {
  using namespace payment;
  return run(argc, argv, {.options = {"goods", "design", "port"}}, work);
}
