// homes --broker HOST:PORT --witness URL [--homes 200] [--design careful|naive] [--first ADDRESS] [--port 8080]
//
// Many homes, each with an address and a session of its own, from the address that FAULTLINE_ADDRESS or --first says
// on. Every 10 s, sooner after a failure, and when it has just come back, a home asks the cloud for a command, through
// the cloud's database, and does it: the home is well when its last one came within 3 s. How many are not is told to
// the witness every second, over a way that no plan faults. Sessions end after 12 to 28 s, as they do in ordinary life,
// and begin again: so there is a normal rate of them.
//
// GET /home is about the next home in turn: 200 if it is well, else 503. GET / has the numbers.
#include <arpa/inet.h>

#include "mqtt.h"

namespace demo::home {
namespace {

/// The address `n` after this one.
std::string address_after(const std::string& first, int n) {
  in_addr address{};
  if (inet_pton(AF_INET, first.c_str(), &address) != 1)
    throw WrongCommandLine("--first is an IPv4 address, not '" + first + "'");
  address.s_addr = htonl(ntohl(address.s_addr) + static_cast<std::uint32_t>(n));
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &address, text, sizeof text);
}

class Homes {
 public:
  explicit Homes(const Options& options) : teller_(options.url("witness")) {
    const char* ours = std::getenv("FAULTLINE_ADDRESS");
    const std::string first = options.get("first", ours ? ours : "");
    const Return back = Return::of(options.naive());
    for (int n = 1; n <= options.number("homes", 200); n++) {
      Home& home = *homes_.emplace_back(std::make_unique<Home>());
      home.name = "home/" + std::to_string(n);
      const std::string from = first.empty() ? "" : address_after(first, n - 1);
      home.session = std::make_unique<Session>(
          loop_,
          Session::Setting{
              options.address("broker"), "home-" + std::to_string(n), {home.name + "/command/#"}, back, false, from},
          [this, &home](const std::string&, const Json& message) { heard(home, message); });
      home.asks = clock::now() + some(0, 10'000);
      home.leaves = clock::now() + some(0, 20'000);
    }
    loop_.every(milliseconds(100), [this] { tick(); });
    loop_.every(milliseconds(1000), [this] { tell(); });
    loop_.start();
  }

  Json next() {
    const std::size_t n = next_++ % homes_.size();
    if (!homes_[n]->well) throw Status{503, {{"home", homes_[n]->name}, {"state", "dark"}}};
    return {{"home", homes_[n]->name}, {"state", "well"}};
  }
  Json numbers() const {
    const auto well = std::count_if(homes_.begin(), homes_.end(), [](const auto& home) { return home->well.load(); });
    return {{"known", homes_.size()}, {"failing", static_cast<std::int64_t>(homes_.size()) - well}};
  }

  void routes(httplib::Server& server) {
    on_get(server, "/home", [this](const auto&, const Json&) { return next(); });
    on_get(server, "/", [this](const auto&, const Json&) { return numbers(); });
    on_get(server, "/ready", [this](const auto&, const Json&) -> Json {
      Json numbers = this->numbers();
      if (numbers.at("failing").get<int>() > 4) throw Status{503, numbers};
      return numbers;
    });
  }

 private:
  struct Home {
    std::string name;
    std::unique_ptr<Session> session;
    std::string asked;  ///< the id of what it waits for; empty: nothing
    clock::time_point asks, given_up, leaves;
    bool was_connected = false;
    std::atomic<bool> well{false};
  };

  milliseconds some(int least, int most) {
    return milliseconds(std::uniform_int_distribution<int>(least, most)(chance_));
  }

  void heard(Home& home, const Json& message) {
    const std::string id = message.at("id");
    if (id != home.asked) return;  // too late: nobody waits for it any more, and it is not done
    home.session->publish(home.name + "/done", {{"id", id}, {"device", "none"}});
    home.asked.clear();
    home.well = true;
  }

  void tick() {
    const auto now = clock::now();
    for (const auto& each : homes_) {
      Home& home = *each;
      if (!home.asked.empty() && now >= home.given_up) {
        home.asked.clear();
        home.well = false;
        home.asks = std::min(home.asks, now + some(500, 1500));
      }
      const bool connected = home.session->connected(), is_back = connected && !home.was_connected && !home.well;
      home.was_connected = connected;
      if (is_back) home.asked.clear();
      // Not while it waits for an answer: nobody pulls the plug just then.
      if (home.asked.empty() && now >= home.leaves) {
        home.leaves = now + some(12'000, 28'000);
        home.session->renew();
      }
      if (home.asked.empty() && (is_back || now >= home.asks)) {
        if (now >= home.asks) home.asks = now + some(9000, 11'000);
        home.given_up = now + milliseconds(3000);
        home.asked = home.name + "." + std::to_string(now_us());
        home.session->publish(home.name + "/request", {{"id", home.asked}, {"device", "none"}, {"issued", now_us()}});
      }
    }
  }

  void tell() {
    Json numbers = this->numbers();
    numbers["kind"] = "homes";
    teller_.tell(numbers);
  }

  Teller teller_;
  std::mt19937_64 chance_{std::random_device{}()};
  std::vector<std::unique_ptr<Home>> homes_;
  std::atomic<std::size_t> next_{0};
  Loop loop_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Homes>(argc, argv, {.options = {"broker", "witness", "homes", "design", "first"}});
}
