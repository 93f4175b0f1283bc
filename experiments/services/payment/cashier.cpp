// cashier --channels A=URL,B=URL,… [--design careful|naive] [--orders FILE --witness URL] [--most N] [--port 8080]
//
// The application's front and its till: the home page, the balance, the list of channels, and "pay". What a tap on
// "pay" becomes is the desk's, careful (careful.cpp; it keeps its orders in FILE, and tells outcomes to the witness,
// the bank) or naive (naive.cpp). More than N taps at a time (100) are refused at once: those who are let in are
// served.
#include <atomic>

#include "desk.h"

namespace payment {
namespace {

Json json_of(const Screen& screen) {
  return {{"state", screen.state}, {"number", screen.number},     {"channel", screen.channel},
          {"text", screen.text},   {"attempts", screen.attempts}, {"amount", screen.amount}};
}

void work(const Options& options) {
  const std::vector<Way> ways = ways_in("channels", options.get("channels"));
  const std::unique_ptr<Desk> desk = options.naive() ? naive_desk(ways) : careful_desk(ways, options);
  const int most = options.number("most", 100);
  std::atomic<int> taps{0};

  httplib::Server server;
  on_post(server, "/pay", [&](const auto&, const Json& asked) {
    struct Counted {
      std::atomic<int>& taps;
      int now = ++taps;
      ~Counted() { --taps; }
    } const counted{taps};
    if (counted.now > most) throw Status{503, {{"state", "BUSY"}, {"text", "too many people: please try again"}}};
    return json_of(desk->pay(asked.at("purchase"), asked.value("channel", ways.at(0).name)));
  });
  // 200: it is offered. 503: greyed out, "temporary fault".
  on_get(server, "/channels/([^/]+)", [&](const auto& request, const Json&) -> Json {
    if (!desk->offered(request.matches[1])) throw Status{503, {{"state", "temporary fault"}}};
    return {{"state", "offered"}};
  });
  // 200: every order has an outcome. 503: some have not, so many.
  on_get(server, "/unknown", [&](const auto&, const Json&) -> Json {
    const int unknown = desk->unknown();
    if (unknown != 0) throw Status{503, {{"unknown", unknown}}};
    return {{"unknown", 0}};
  });
  // The balance, by the first channel. One that cannot be read is not 0, though the naive page says so.
  Peer account(ways.at(0).url, milliseconds(600));
  const Json unreadable = options.naive() ? Json(0) : Json("unavailable");
  on_get(server, "/balance", [&](const auto&, const Json&) -> Json {
    const Reply reply = account.get("/balance", milliseconds(1400));
    return {{"balance", reply.ok() ? reply.body.value("balance", unreadable) : unreadable}};
  });
  on_get(server, "/", [](const auto&, const Json&) -> Json { return {{"page", "home"}}; });
  serve(server, options.number("port", 8080));
}

}  // namespace
}  // namespace payment

int main(int argc, char** argv) {
  using namespace payment;
  return run(argc, argv, {.options = {"channels", "design", "orders", "witness", "most", "port"}}, work);
}
