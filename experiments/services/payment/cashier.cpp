// cashier --channels A=URL,B=URL,… [--design careful|naive] [--orders FILE --witness URL] [--most N] [--merchant URL]
//         [--campaign N] [--port 8080]
//
// The application's front and its till: the home page, the balance, the list of channels, and "pay". What a tap on
// "pay" becomes is the desk's, careful (careful.cpp; it keeps its orders in FILE, and tells outcomes to the witness,
// the bank) or naive (naive.cpp). More than N taps at a time (100) are refused at once: those who are let in are
// served. That goods were received is confirmed to the merchant.
//
// It also has a campaign's page, with a large picture. The careful one lets so many a second in to it (all of them, if
// nothing is said), and refuses the others at once and in few bytes: a page that is wanted by everybody takes nothing
// from the others. The naive one serves whoever comes.
#include <atomic>
#include <optional>

#include "admission.h"
#include "desk.h"

namespace demo::payment {
namespace {

constexpr std::size_t kPicture = 60'000;  ///< bytes of the campaign's

Json json_of(const Screen& screen) {
  return {{"state", screen.state}, {"number", screen.number},     {"channel", screen.channel},
          {"text", screen.text},   {"attempts", screen.attempts}, {"amount", screen.amount}};
}

class Cashier {
 public:
  explicit Cashier(const Options& options)
      : most_(options.number("most", 100)),
        unreadable_(options.naive() ? Json(0) : Json("unavailable")),
        ways_(options.ways("channels")),
        desk_(options.naive() ? naive_desk(ways_) : careful_desk(ways_, options)),
        account_(ways_.at(0).url, milliseconds(600)),
        campaign_(options.naive() ? 0 : options.number("campaign", 0)) {
    if (options.has("merchant")) merchant_.emplace(options.url("merchant"), milliseconds(600));
  }

  Json pay(const Json& asked) {
    struct Counted {
      std::atomic<int>& taps;
      int now = ++taps;
      ~Counted() { --taps; }
    } const counted{taps_};
    if (counted.now > most_) throw busy();
    return json_of(desk_->pay(asked.at("purchase"), asked.value("channel", ways_.at(0).name)));
  }

  /// 200: it is offered. 503: greyed out, "temporary fault".
  Json channel(const std::string& name) {
    if (!desk_->offered(name)) throw Status{503, {{"state", "temporary fault"}}};
    return {{"state", "offered"}};
  }

  /// 200: every order has an outcome. 503: some have not, so many.
  Json unknown() {
    const int unknown = desk_->unknown();
    if (unknown != 0) throw Status{503, {{"unknown", unknown}}};
    return {{"unknown", 0}};
  }

  /// By the first channel. A balance that cannot be read is not 0, though the naive page says so.
  Json balance() {
    const Reply reply = account_.get("/balance", milliseconds(1400));
    return {{"balance", reply.ok() ? reply.body.value("balance", unreadable_) : unreadable_}};
  }

  Json receipt(const Json& asked) {
    const Reply reply = merchant_ ? merchant_->post("/receipt", asked, milliseconds(1400)) : Reply();
    if (!reply.ok()) throw Status{503, {{"state", "UNKNOWN"}, {"text", "please try again later"}}};
    return reply.body;
  }

  /// Made beforehand: a crowd costs bandwidth, and no more of the CPU than it must.
  void campaign(httplib::Response& response) {
    if (campaign_.lets_in()) return response.set_content(page_, "text/html");
    const Status refusal = busy();
    response.status = refusal.status;
    response.set_content(refusal.body.dump(), "application/json");
  }

  void routes(httplib::Server& server) {
    on_post(server, "/pay", [this](const auto&, const Json& asked) { return pay(asked); });
    on_get(server, "/channels/([^/]+)",
           [this](const auto& request, const Json&) { return channel(request.matches[1]); });
    on_get(server, "/unknown", [this](const auto&, const Json&) { return unknown(); });
    on_get(server, "/balance", [this](const auto&, const Json&) { return balance(); });
    on_post(server, "/receipt", [this](const auto&, const Json& asked) { return receipt(asked); });
    server.Get("/red-packet", [this](const httplib::Request&, httplib::Response& response) { campaign(response); });
    on_get(server, "/", [](const auto&, const Json&) -> Json { return {{"page", "home"}}; });
  }

 private:
  static Status busy() { return {503, {{"state", "BUSY"}, {"text", "too many people: please try again"}}}; }

  const std::string page_ = "<h1>A red packet of 13.14 yuan</h1>" + std::string(kPicture, '*');
  const int most_;
  const Json unreadable_;
  const std::vector<Way> ways_;
  const std::unique_ptr<Desk> desk_;
  Peer account_;
  std::optional<Peer> merchant_;
  Admission campaign_;
  std::atomic<int> taps_{0};
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Cashier>(
      argc, argv, {.options = {"channels", "design", "orders", "witness", "most", "merchant", "campaign"}});
}
