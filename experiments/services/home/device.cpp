// device --state FILE --witness URL --hub-broker HOST:PORT --cloud-broker HOST:PORT [--home hub|hubless]
//        [--design careful|naive] [--count 32] [--port 8080]
//
// The devices of a home: lamps, a scale, televisions, thermometers, a camera. Each has a session of its own with its
// hub's broker, or with the cloud's where the home has no hub. A command is done once, by its id, however often it
// comes, and not at all when it is older than 10 s. A reading is kept until the other side has it, with its own time.
// The port is what is not network: POST /switch/DEVICE is a finger at the device, GET /stream the camera's picture on
// the LAN.
//
// (The naive one does each command that comes, sends a reading and forgets it, and asks the cloud what a finger meant.)
#include "mqtt.h"
#include "outbox.h"

namespace demo::home {
namespace {

constexpr const char* kSchema = "CREATE TABLE IF NOT EXISTS done(device TEXT, id TEXT, PRIMARY KEY(device, id))";

/// The camera's picture, as it comes: ten frames, a JSON array of them.
void stream(httplib::Response& response) {
  response.set_chunked_content_provider("application/json", [](std::size_t sent, httplib::DataSink& sink) {
    for (int frame = 1; sent == 0 && frame <= 10; frame++) {
      const std::string text = (frame == 1 ? "[" : ",") + std::to_string(now_us());
      if (!sink.write(text.data(), text.size())) return false;
      std::this_thread::sleep_for(milliseconds(20));
    }
    sink.write("]", 1);
    sink.done();
    return true;
  });
}

class Devices {
 public:
  explicit Devices(const Options& options)
      : naive_(options.naive()),
        prefix_(through_hub(options) ? kLan : kHome),
        names_(device_names(options.number("count", 32))),
        done_(options.get("state"), kSchema),
        outbox_(options.get("state") + ".readings"),
        teller_(options.url("witness")) {
    const Address broker = options.address(through_hub(options) ? "hub-broker" : "cloud-broker");
    for (const auto& name : names_) {
      std::vector<std::string> topics{prefix_ + "/command/" + name, prefix_ + "/kept/" + name};
      if (name == names_[0]) topics.push_back(prefix_ + "/command/none");
      sessions_.push_back(std::make_unique<Session>(
          loop_, Session::Setting{broker, "device-" + name, topics, Return::of(naive_), true, ""},
          [this, i = sessions_.size()](const std::string& topic, const Json& message) { heard(i, topic, message); }));
    }
    loop_.every(milliseconds(2000), [this] { take_readings(); });
    loop_.every(milliseconds(300), [this] { send_readings(); });
    loop_.start();
  }

  /// Somebody presses the switch at the device.
  Json press(const std::string& device) {
    const std::string id = "hand." + std::to_string(now_us());
    const Json command{{"id", id}, {"device", device}, {"action", "switch"}, {"issued", now_us()}};
    if (!naive_) {
      apply(command, "hand");
      return {{"state", "done"}};
    }
    const auto answer = answers_.of(id, kForEver, [&] { sessions_[0]->publish(prefix_ + "/request", command); });
    if (!answer) throw Status{503, {{"state", "offline"}}};
    return {{"state", "done"}};
  }

  bool ready() const {
    for (const auto& session : sessions_)
      if (!session->connected()) return false;
    return true;
  }

  void routes(httplib::Server& server) {
    on_post(server, "/switch/([^/]+)", [this](const auto& request, const Json&) { return press(request.matches[1]); });
    server.Get("/stream", [](const httplib::Request&, httplib::Response& response) { stream(response); });
    on_ready(server, [this] { return ready(); });
  }

 private:
  void heard(std::size_t i, const std::string& topic, const Json& message) {
    if (topic.find("/kept/") != std::string::npos) return outbox_.kept(names_[i], message.at("upto"));
    const std::string device = message.at("device"), id = message.at("id");
    if (!naive_ && stale(message)) {
      teller_.tell({{"kind", "discarded"}, {"device", device}, {"command", id}});
      return say("a stale command is discarded: " + id);
    }
    if (device != "none" && (naive_ || is_new(device, id))) apply(message, prefix_);
    answers_.came(id, message);
    sessions_[i]->publish(prefix_ + "/done", {{"id", id}, {"device", device}});
  }

  bool is_new(const std::string& device, const std::string& id) {
    return done_.atomically([&] {
      if (!done_.one("SELECT id FROM done WHERE device = ? AND id = ?", {device, id}).empty()) return false;
      done_.run("INSERT INTO done VALUES(?, ?)", {device, id});
      return true;
    });
  }

  /// It happens: a lamp goes on or off.
  void apply(const Json& command, const std::string& way) {
    teller_.tell({{"kind", "applied"},
                  {"device", command.at("device")},
                  {"command", command.at("id")},
                  {"way", way},
                  {"issued", command.at("issued")}});
  }

  void take_readings() {
    for (std::size_t i = 0; i < names_.size(); i++) {
      if (!takes_readings(names_[i])) continue;
      const std::int64_t seq = outbox_.last_seq(names_[i]) + 1;
      const std::int64_t value = 1000 * static_cast<std::int64_t>(i + 1) + seq % 100;
      Json reading{{"device", names_[i]}, {"seq", seq}, {"value", value}, {"taken", now_us()}};
      Json told = reading;
      told["kind"] = "taken";
      teller_.tell(told);
      outbox_.keep(names_[i], reading);
      if (!naive_) continue;
      reading.erase("taken");  // whoever gets it has a clock
      sessions_[i]->publish(prefix_ + "/readings", {{"from", names_[i]}, {"upto", 0}, {"batch", {reading}}}, 1);
    }
  }

  void send_readings() {
    for (std::size_t i = 0; i < names_.size() && !naive_; i++) {
      if (!takes_readings(names_[i]) || !sessions_[i]->connected()) continue;
      const Json batch = outbox_.due(names_[i]);
      if (!batch.is_null()) sessions_[i]->publish(prefix_ + "/readings", batch);
    }
  }

  const bool naive_;
  const std::string prefix_;
  const std::vector<std::string> names_;
  Store done_;
  Outbox outbox_;
  Teller teller_;
  Answers answers_;
  Loop loop_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Devices>(
      argc, argv, {.options = {"state", "witness", "hub-broker", "cloud-broker", "home", "design", "count"}});
}
