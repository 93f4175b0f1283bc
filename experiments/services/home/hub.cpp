// hub --store FILE --witness URL --broker HOST:PORT --cloud-broker HOST:PORT [--home hub|hubless]
//     [--design careful|naive] [--count 32] [--port 8080]
//
// A home's central hub: brings commands from the phone, on the LAN, and from the cloud to the devices; keeps their
// readings, on disk before it says so, and sends them on. Whether the cloud is well it learns by asking for a command
// from one end to the other; while it is not, the hub keeps to itself. (The naive home has one and makes no use of it;
// one without a hub has it in its box.)
#include "mqtt.h"
#include "outbox.h"

namespace demo::home {
namespace {

class Hub {
 public:
  explicit Hub(const Options& options)
      : names_(device_names(options.number("count", 32))),
        outbox_(options.get("store")),
        teller_(options.url("witness")),
        devices_(
            loop_,
            {options.address("broker"), "hub", {"lan/done", "lan/readings"}, Return::of(options.naive()), false, ""},
            [this](const std::string& topic, const Json& message) { from_device(topic, message); }),
        cloud_(loop_,
               {options.address("cloud-broker"), "hub-h0",
                through_hub(options)
                    ? std::vector<std::string>{std::string(kHome) + "/command/#", std::string(kHome) + "/kept/hub"}
                    : std::vector<std::string>{},
                Return::of(options.naive()), true, ""},
               [this](const std::string& topic, const Json& message) { from_cloud(topic, message); }) {
    if (through_hub(options)) {
      loop_.every(milliseconds(500), [this] { send_readings(); });
      in_background([this] { watch_cloud(); });
    }
    loop_.start();
  }

  /// From the phone: waits until the device has done it.
  Json command(const Json& asked) {
    const std::string id = asked.at("id"), device = asked.at("device");
    const auto answer =
        answers_.of(id, milliseconds(2000), [&] { devices_.publish("lan/command/" + device, asked, 1); });
    if (!answer) throw Status{504, {{"state", "the device does not answer"}}};
    return {{"state", "done"}};
  }

  Json reading(const std::string& device) {
    Json latest = outbox_.latest(device);
    if (latest.is_null()) throw Status{404, {{"state", "no reading"}}};
    return latest;
  }

  Json devices() const { return {{"devices", names_}}; }
  bool ready() const { return devices_.connected() && cloud_.connected(); }

  void routes(httplib::Server& server) {
    on_post(server, "/command", [this](const auto&, const Json& asked) { return command(asked); });
    on_get(server, "/devices", [this](const auto&, const Json&) { return devices(); });
    on_get(server, "/reading/([^/]+)",
           [this](const auto& request, const Json&) { return reading(request.matches[1]); });
    on_ready(server, [this] { return ready(); });
  }

 private:
  void from_device(const std::string& topic, const Json& message) {
    if (topic == "lan/readings") {
      const std::string from = message.at("from");
      for (const auto& reading : message.at("batch")) outbox_.keep("hub", reading);
      return devices_.publish("lan/kept/" + from, {{"upto", message.at("upto")}});
    }
    const std::string id = message.at("id");
    answers_.came(id, message);
    if (of_cloud_.erase(id) > 0) cloud_.publish(std::string(kHome) + "/done", message);
  }

  void from_cloud(const std::string& topic, const Json& message) {
    if (topic.ends_with("/kept/hub")) return outbox_.kept("hub", message.at("upto"));
    const std::string id = message.at("id"), device = message.at("device");
    if (stale(message)) {
      teller_.tell({{"kind", "discarded"}, {"device", device}, {"command", id}});
      return say("a stale command is discarded: " + id);
    }
    if (device == "none") {
      answers_.came(id, message);
      return cloud_.publish(std::string(kHome) + "/done", message);
    }
    of_cloud_[id] = clock::now();
    std::erase_if(of_cloud_, [](const auto& each) { return seconds_since(each.second) > 10; });
    devices_.publish("lan/command/" + device, message, 1);
  }

  void send_readings() {
    if (mode_.local() || !cloud_.connected()) return;
    const Json batch = outbox_.due("hub");
    if (!batch.is_null()) cloud_.publish(std::string(kHome) + "/readings", batch);
  }

  /// For ever: whether a command that is asked for in the cloud comes.
  void watch_cloud() {
    for (;; pause(milliseconds(800))) {
      const std::string id = "hub." + std::to_string(now_us());
      const auto answer = answers_.of(id, milliseconds(1200), [&] {
        cloud_.publish(std::string(kHome) + "/request", {{"id", id}, {"device", "none"}, {"issued", now_us()}});
      });
      if (!mode_.heard(answer.has_value())) continue;
      say(mode_.local() ? "the hub goes local" : "the hub goes by the cloud");
      teller_.tell({{"kind", "switched"}, {"who", "hub"}, {"towards", mode_.local() ? "local" : "cloud"}});
    }
  }

  const std::vector<std::string> names_;
  Outbox outbox_;
  Teller teller_;
  Mode mode_{Mode::kCareful};
  Answers answers_;
  std::map<std::string, clock::time_point>
      of_cloud_;  ///< commands of the cloud's under way; on the loop's thread alone
  Loop loop_;
  Session devices_, cloud_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Hub>(
      argc, argv, {.options = {"store", "witness", "broker", "cloud-broker", "home", "design", "count"}});
}
