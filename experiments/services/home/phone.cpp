// phone --cloud URL --hub URL --camera URL --witness URL --cache FILE [--home hub|hubless] [--design careful|naive]
//       [--port 8080]
//
// The application on a phone, at home. What its user taps is what probes ask: POST /press/DEVICE, GET /list,
// GET /reading/DEVICE, GET /camera; what the user was shown then is told to the witness. It asks all the time whether a
// command goes through the cloud from one end to the other. While none does, it goes by the hub; without a hub it says
// "cloud unavailable" within 3 s. The list of devices is the one that it saw last.
//
// (The naive one knows the cloud alone, waits for it for ever, shows the list that the cloud gives now or none, and is
// "offline" as soon as one question takes longer than 200 ms.)
#include "parts.h"

namespace demo::home {
namespace {

constexpr milliseconds kCloudOrHub{600}, kCloudAlone{3000}, kHub{2500}, kHurried{200};

class Phone {
 public:
  explicit Phone(const Options& options)
      : naive_(options.naive()),
        hub_there_(through_hub(options)),
        cloud_(options.url("cloud"), naive_ ? kForEver : milliseconds(hub_there_ ? 300 : 1500)),
        check_(options.url("cloud"), naive_ ? kHurried : milliseconds(1000)),
        hub_(options.url("hub"), milliseconds(500)),
        camera_(options.url("camera"), milliseconds(1000)),
        cache_(options.get("cache"), "CREATE TABLE IF NOT EXISTS seen(what TEXT PRIMARY KEY, body TEXT)"),
        teller_(options.url("witness")),
        mode_(naive_ ? Mode::kNaive : Mode::kCareful) {
    in_background([this] { check(); });
  }

  struct Shown {
    bool done;
    std::string what, way;
  };

  Json press(const std::string& device) {
    const auto begun = clock::now();
    const std::string id = "phone." + std::to_string(now_us());
    const Json command{{"id", id}, {"device", device}, {"action", "switch"}, {"issued", now_us()}};
    const Shown shown = naive_ ? by_cloud(command, kForEver) : by_either(command);
    const auto ms = since(begun).count();
    teller_.tell({{"kind", "shown"}, {"device", device}, {"command", id}, {"what", shown.what}, {"ms", ms}});
    return {{"shown", shown.what}, {"way", shown.way}};
  }

  Json list() {
    if (naive_) {
      const Reply reply = check_.get("/devices", kHurried);
      const Json devices = reply.ok() ? reply.body.at("devices") : Json::array();
      return {{"devices", devices}, {"count", devices.size()}};
    }
    const Json devices = seen("devices");
    return {{"devices", devices}, {"count", devices.is_array() ? devices.size() : 0}};
  }

  /// The newest reading that can be had; 200 if it is of the last 5 s. An older one is shown with its own time.
  Json reading(const std::string& device) {
    const std::string path = "/reading/" + device;
    Reply reply = hub_there_ ? hub_.get(path, kHub) : cloud_.get(path, naive_ ? kForEver : kCloudAlone);
    if (reply.ok()) keep(path, reply.body);
    Json shown = seen(path);
    if (!shown.is_object()) throw Status{503, {{"shown", "no reading yet"}}};
    if (now_us() - shown.at("taken").get<std::int64_t>() > 5'000'000) throw Status{503, shown};
    return shown;
  }

  Json camera() {
    const Reply reply = naive_ ? cloud_.get("/camera", kForEver) : camera_.get("/stream", milliseconds(3000));
    if (!reply.ok() || !reply.body.is_array()) throw Status{503, {{"shown", "no picture"}}};
    return {{"frames", reply.body.size()}};
  }

  /// Everything that is needed at the beginning is there.
  bool ready() {
    if (naive_) return through_cloud() && list().at("count") > 0;
    return list().at("count") > 0 && through_cloud() &&
           (!hub_there_ || hub_.post("/command", no_op(), kHub).status == 200);
  }

  void routes(httplib::Server& server) {
    on_post(server, "/press/([^/]+)", [this](const auto& request, const Json&) { return press(request.matches[1]); });
    on_get(server, "/list", [this](const auto&, const Json&) { return list(); });
    on_get(server, "/reading/([^/]+)",
           [this](const auto& request, const Json&) { return reading(request.matches[1]); });
    on_get(server, "/camera", [this](const auto&, const Json&) { return camera(); });
    on_ready(server, [this] { return ready(); });
  }

 private:
  static Json no_op() {
    return {{"id", "check." + std::to_string(now_us())}, {"device", "none"}, {"action", ""}, {"issued", now_us()}};
  }
  bool through_cloud() { return check_.post("/command", no_op(), milliseconds(1500)).ok(); }

  Shown by_cloud(const Json& command, milliseconds patience) {
    if (cloud_.post("/command", command, patience).ok()) return {true, "done", "cloud"};
    return {false, "cloud unavailable", "none"};
  }

  /// Under one id, so that it is done once even where both ways are open.
  Shown by_either(const Json& command) {
    if (!hub_there_) return by_cloud(command, kCloudAlone);
    if (!mode_.local()) {
      Shown shown = by_cloud(command, kCloudOrHub);
      heard(shown.done);
      if (shown.done) return shown;
    }
    if (hub_.post("/command", command, kHub).ok()) return {true, "done", "hub"};
    return {false, "the device does not answer", "none"};
  }

  void heard(bool well) {
    if (!mode_.heard(well)) return;
    const char* local = naive_ ? "offline" : hub_there_ ? "local" : "without the cloud";
    const std::string now = mode_.local() ? local : naive_ ? "online" : "by the cloud";
    say("the phone goes " + now);
    teller_.tell({{"kind", "switched"}, {"who", "phone"}, {"towards", now}});
  }

  /// For ever.
  void check() {
    for (;; pause(milliseconds(naive_ ? 500 : 1000))) {
      if (naive_) {
        heard(check_.get("/devices", kHurried).ok());
        continue;
      }
      heard(through_cloud());
      Reply reply = hub_there_ ? hub_.get("/devices", milliseconds(1000)) : check_.get("/devices", milliseconds(1000));
      if (reply.ok()) keep("devices", reply.body.at("devices"));
    }
  }

  void keep(const std::string& what, const Json& body) {
    cache_.run("INSERT INTO seen VALUES(?, ?) ON CONFLICT(what) DO UPDATE SET body = excluded.body",
               {what, body.dump()});
  }
  Json seen(const std::string& what) {
    const std::string body = cache_.one("SELECT body FROM seen WHERE what = ?", {what});
    return body.empty() ? Json() : Json::parse(body);
  }

  const bool naive_, hub_there_;
  Peer cloud_, check_, hub_, camera_;
  Store cache_;
  Teller teller_;
  Mode mode_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Phone>(
      argc, argv, {.options = {"cloud", "hub", "camera", "witness", "cache", "home", "design"}});
}
