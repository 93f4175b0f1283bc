// auth --bank URL --sms URL [--design careful|naive] [--port 8080]
//
// Logs people in (POST /login: it asks the bank for their account) and has verification codes sent to them (POST /code,
// by the gateway), each under the name of who asks: {"person": "…"}.
//
// The careful one asks three times at most, for 900 ms each, and names a person's code the same each time, so that it
// is sent once however often they tap. Twelve people at a time are served; who comes then is told at once to try later.
//
// The naive one has one session with what is behind it, for logins and codes alike: one request at a time, in order,
// and whoever waits is served in the end, also if they have long gone, or tapped again: each tap is one more.
#include <atomic>
#include <condition_variable>

#include "base/service.h"

namespace demo::payment {
namespace {

/// So many at a time, and no queue.
constexpr int kMost = 12;

class Auth {
 public:
  explicit Auth(const Options& options)
      : naive_(options.naive()),
        bank_(options.url("bank"), milliseconds(500)),
        sms_(options.url("sms"), milliseconds(500)) {
    bank_.warm(naive_ ? 1 : 6);
    sms_.warm(naive_ ? 1 : 6);
  }

  Json login(const Json& asked) {
    const std::string person = asked.at("person");
    answered([&](milliseconds patience) { return bank_.get("/balance", patience); });
    return {{"state", "WELCOME"}, {"person", person}};
  }

  Json code(const Json& asked) {
    std::string id = asked.at("person");
    if (naive_) id += "-" + std::to_string(++taps_);
    answered([&](milliseconds patience) { return sms_.post("/send", {{"id", id}}, patience); });
    return {{"state", "SENT"}};
  }

  void routes(httplib::Server& server) {
    on_post(server, "/login", [this](const auto&, const Json& asked) { return login(asked); });
    on_post(server, "/code", [this](const auto&, const Json& asked) { return code(asked); });
  }

 private:
  /// Returns when `ask` was answered. Throws Status 503 for who may try again.
  template <class Ask>
  void answered(const Ask& ask) {
    if (naive_) {
      const Turn turn(*this);
      if (ask(milliseconds(10'000)).ok()) return;
      throw Status{503, {{"state", "BUSY"}, {"text", "system busy"}}};
    }
    struct Counted {
      std::atomic<int>& people;
      int now = ++people;
      ~Counted() { --people; }
    } const counted{people_};
    for (int i = 0; i < 3 && counted.now <= kMost; i++)
      if (ask(milliseconds(900)).ok()) return;
    throw Status{503, {{"state", "BUSY"}, {"text", "system busy: please try again"}}};
  }

  /// First come, first served.
  struct Turn {
    explicit Turn(Auth& auth) : auth(auth) {
      std::unique_lock lock(auth.mutex_);
      auth.turns_.wait(lock, [&, mine = auth.came_++] { return auth.served_ == mine; });
    }
    ~Turn() {
      const std::lock_guard lock(auth.mutex_);
      auth.served_++;
      auth.turns_.notify_all();
    }
    Auth& auth;
  };

  const bool naive_;
  Peer bank_, sms_;
  std::mutex mutex_;
  std::condition_variable turns_;
  std::int64_t came_ = 0, served_ = 0;  ///< who came, and who was served, so far
  std::atomic<int> people_{0}, taps_{0};
};

}  // namespace
}  // namespace demo::payment

int main(int argc, char** argv) {
  return demo::serve_as<demo::payment::Auth>(argc, argv, {.options = {"bank", "sms", "design"}});
}
