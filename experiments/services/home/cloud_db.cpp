// cloud-db --file FILE [--design careful|naive] [--homes 200] [--count 32] [--port 8080]
//
// The cloud's database: which homes there are and which devices are in them, and the readings that arrived. A reading
// is kept once, with the time that its device gave it. (The naive one writes down whatever comes, at the time that it
// comes.)
#include "parts.h"

namespace demo::home {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS readings(id INTEGER PRIMARY KEY, device TEXT, seq INTEGER, value INTEGER, taken INTEGER,
                                    at INTEGER);
CREATE INDEX IF NOT EXISTS readings_of ON readings(device, seq);
)";

class Database {
 public:
  explicit Database(const Options& options)
      : naive_(options.naive()),
        homes_(options.number("homes", 200)),
        names_(device_names(options.number("count", 32))),
        store_(options.get("file"), kSchema) {}

  Json devices() const { return {{"devices", names_}}; }

  /// Whether there is this home. What a command needs before it is passed on.
  Json home(const std::string& name) const {
    if (name != "h0" && std::atoi(name.c_str()) > homes_) throw Status{404, {{"state", "no such home"}}};
    return {{"state", "known"}};
  }

  Json keep(const Json& batch) {
    store_.atomically([&] {
      for (const auto& reading : batch) {
        const std::string device = reading.at("device");
        const std::int64_t seq = reading.at("seq"), value = reading.at("value");
        if (!naive_ && !store_.one("SELECT id FROM readings WHERE device = ? AND seq = ?", {device, seq}).empty())
          continue;
        store_.run("INSERT INTO readings(device, seq, value, taken, at) VALUES(?, ?, ?, ?, ?)",
                   {device, seq, value, naive_ ? now_us() : reading.at("taken").get<std::int64_t>(), now_us()});
      }
    });
    return {{"state", "kept"}};
  }

  /// All of them, in the order in which they arrived.
  Json readings() {
    Json all = Json::array();
    for (const auto& row : store_.run("SELECT device, seq, value, taken, at FROM readings ORDER BY id"))
      all.push_back({{"device", row[0]},
                     {"seq", std::stoll(row[1])},
                     {"value", std::stoll(row[2])},
                     {"taken", std::stoll(row[3])},
                     {"at", std::stoll(row[4])}});
    return all;
  }

  Json latest(const std::string& device) {
    const auto rows =
        store_.run("SELECT seq, value, taken FROM readings WHERE device = ? ORDER BY id DESC LIMIT 1", {device});
    if (rows.empty()) throw Status{404, {{"state", "no reading"}}};
    return {{"device", device},
            {"seq", std::stoll(rows[0][0])},
            {"value", std::stoll(rows[0][1])},
            {"taken", std::stoll(rows[0][2])}};
  }

  void routes(httplib::Server& server) {
    on_get(server, "/devices", [this](const auto&, const Json&) { return devices(); });
    on_get(server, "/homes/([^/]+)", [this](const auto& request, const Json&) { return home(request.matches[1]); });
    on_post(server, "/readings", [this](const auto&, const Json& batch) { return keep(batch); });
    on_get(server, "/readings", [this](const auto&, const Json&) { return readings(); });
    on_get(server, "/reading/([^/]+)", [this](const auto& request, const Json&) { return latest(request.matches[1]); });
  }

 private:
  const bool naive_;
  const int homes_;
  const std::vector<std::string> names_;
  Store store_;
};

}  // namespace
}  // namespace demo::home

int main(int argc, char** argv) {
  return demo::serve_as<demo::home::Database>(argc, argv, {.options = {"file", "design", "homes", "count"}});
}
