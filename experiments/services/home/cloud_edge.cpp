// cloud-edge --broker HOST:PORT --db URL [--camera URL] [--design careful|naive] [--homes 200] [--timer 2] [--port
// 8080]
//
// The cloud's front: takes commands from phones (POST /command), looks the home up in the database, sends them to its
// hub or device through the broker, and waits until they are done. It also has people's timers, one of which switches
// lamp-3 every few seconds; gives readings to the database; and does for a home what the home asks for, to see whether
// all the way is well. A command that is not done is sent again, under its id, until it is stale.
//
// (The naive one waits 10 s for the database and for ever for devices, and sends a command again until it is done, an
// hour late if need be.)
#include "mqtt.h"
#include "workers.h"

namespace demo::home {
namespace {

class Edge {
 public:
  explicit Edge(const Options& options)
      : naive_(options.naive()),
        homes_(options.number("homes", 200)),
        db_patience_(naive_ ? 10'000 : 800),
        db_(options.url("db"), milliseconds(naive_ ? 10'000 : 400)),
        workers_(8, milliseconds(naive_ ? 10'000 : 2000)),
        broker_(loop_,
                {options.address("broker"),
                 "cloud-edge",
                 {"home/+/done", "home/+/request", "home/+/readings"},
                 Return::of(naive_),
                 false,
                 ""},
                [this](const std::string& topic, const Json& message) { heard(topic, message); }) {
    if (options.has("camera")) camera_.emplace(options.url("camera"), naive_ ? kForEver : milliseconds(1000));
    loop_.every(milliseconds(3000), [this] { send_again(); });
    const milliseconds timer(1000 * options.number("timer", 2));
    loop_.every(timer, [this] { workers_.add([this] { timer_rings(); }); });
    loop_.start();
  }

  /// Waits until it is done.
  Json command(const Json& asked) {
    const std::string id = asked.at("id");
    if (!known("h0")) throw Status{503, {{"state", "cloud unavailable"}}};
    const auto answer = answers_.of(id, naive_ ? kForEver : milliseconds(2000),
                                    [&] { send(kHome, asked, asked.at("device") != "none"); });
    if (!answer) throw Status{504, {{"state", "the device does not answer"}}};
    return {{"state", "done"}};
  }

  /// What the database says, and its word for it that there is none.
  Json from_database(const std::string& path) {
    const Reply reply = db_.get(path, db_patience_);
    if (!reply.ok()) throw Status{503, {{"state", "cloud unavailable"}}};
    return reply.body;
  }

  Json camera() {
    const Reply reply = camera_ ? camera_->get("/stream", naive_ ? kForEver : milliseconds(2000)) : Reply();
    if (!reply.ok()) throw Status{503, {{"state", "camera unavailable"}}};
    return reply.body;
  }

  /// How many homes have lately done a command that went all the way, of how many; and how long ago anything came from
  /// any.
  Json homes() {
    const std::lock_guard lock(mutex_);
    const auto well = std::count_if(done_.begin(), done_.end(), [](const auto& home) {
      return home.first != kHome && seconds_since(home.second) < 14;
    });
    return {{"known", homes_}, {"well", well}, {"silent_s", seconds_since(last_message_)}};
  }
  bool ready() const { return broker_.connected(); }

  void routes(httplib::Server& server) {
    on_post(server, "/command", [this](const auto&, const Json& asked) { return command(asked); });
    on_get(server, "/devices", [this](const auto&, const Json&) { return from_database("/devices"); });
    on_get(server, "/reading/([^/]+)", [this](const auto& request, const Json&) {
      return from_database("/reading/" + std::string(request.matches[1]));
    });
    on_get(server, "/camera", [this](const auto&, const Json&) { return camera(); });
    on_get(server, "/homes", [this](const auto&, const Json&) { return homes(); });
    on_ready(server, [this] { return ready(); });
  }

 private:
  void heard(const std::string& topic, const Json& message) {
    const auto slash = topic.rfind('/');
    const std::string home = topic.substr(0, slash), what = topic.substr(slash + 1);
    if (what == "done") {
      const std::string id = message.at("id");
      answers_.came(id, message);
      undone_.erase(id);
    }
    {
      const std::lock_guard lock(mutex_);
      last_message_ = clock::now();
      if (what == "done") done_[home] = last_message_;
    }
    if (what == "request")
      workers_.add([this, home, message] {
        if (known(home.substr(home.find('/') + 1))) send(home, message, false);
      });
    if (what == "readings")
      workers_.add([this, home, message] {
        const std::string from = message.at("from");
        if (db_.post("/readings", message.at("batch"), db_patience_).ok())
          broker_.publish(home + "/kept/" + from, {{"upto", message.at("upto")}});
      });
  }

  bool known(const std::string& home) { return db_.get("/homes/" + home, db_patience_).ok(); }

  void send(const std::string& home, const Json& command, bool until_done) {
    const std::string topic = home + "/command/" + command.value("device", "none");
    if (until_done) loop_.post([this, topic, command] { undone_[command.at("id")] = {topic, command}; });
    broker_.publish(topic, command, 1);
  }

  void send_again() {
    if (!naive_) std::erase_if(undone_, [](const auto& each) { return stale(each.second.second); });
    for (const auto& [id, what] : undone_) broker_.publish(what.first, what.second, 1);
  }

  void timer_rings() {
    if (!known("h0")) return;
    const std::string id = "timer." + std::to_string(now_us());
    send(kHome, {{"id", id}, {"device", "lamp-3"}, {"action", "switch"}, {"issued", now_us()}}, true);
  }

  const bool naive_;
  const int homes_;
  const milliseconds db_patience_;
  Peer db_;
  std::optional<Peer> camera_;
  Answers answers_;
  Workers workers_;
  std::mutex mutex_;
  std::map<std::string, clock::time_point> done_;  ///< when a home last did what it was told
  clock::time_point last_message_ = clock::now();
  std::map<std::string, std::pair<std::string, Json>>
      undone_;  ///< topic and command, by id; on the loop's thread alone
  Loop loop_;
  Session broker_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Edge>(argc, argv,
                                          {.options = {"broker", "db", "camera", "design", "homes", "timer"}});
}
