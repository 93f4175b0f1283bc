// Readings that are kept until somebody else has said that he keeps them: on disk, oldest first, with the time and the
// value that the device gave them. So a reading passes from a device to its hub and from the hub to the cloud, is lost
// by neither, and comes once.
#pragma once

#include "parts.h"

namespace demo::home {

class Outbox {
 public:
  explicit Outbox(const std::string& file) : store_(file, kSchema) {}

  /// Keeps a reading {device, seq, value, taken} for `owner` to send; one that was kept before is not kept again. When
  /// it returns, the reading is on disk.
  void keep(const std::string& owner, const Json& reading) {
    store_.atomically([&] {
      const std::string device = reading.at("device");
      const std::int64_t seq = reading.at("seq");
      if (seq <= last_seq(device)) return;
      store_.run(
          "INSERT INTO latest VALUES(?, ?, ?) ON CONFLICT(device) DO UPDATE SET seq = excluded.seq,"
          " body = excluded.body",
          {device, seq, reading.dump()});
      store_.run("INSERT INTO unsent(owner, body) VALUES(?, ?)", {owner, reading.dump()});
    });
  }

  /// What `owner` is to send now: {from, upto, batch}. Null when there is nothing, or the last batch is still under
  /// way: it has 2 s.
  Json due(const std::string& owner) {
    auto& sent = sent_[owner];
    if (sent && seconds_since(*sent) < 2) return nullptr;
    Json batch = Json::array();
    std::int64_t upto = 0;
    for (const auto& row : store_.run("SELECT id, body FROM unsent WHERE owner = ? ORDER BY id LIMIT 50", {owner})) {
      upto = std::stoll(row[0]);
      batch.push_back(Json::parse(row[1]));
    }
    if (batch.empty()) return nullptr;
    sent = clock::now();
    return {{"from", owner}, {"upto", upto}, {"batch", batch}};
  }

  /// The other side keeps them.
  void kept(const std::string& owner, std::int64_t upto) {
    store_.run("DELETE FROM unsent WHERE owner = ? AND id <= ?", {owner, upto});
    sent_[owner].reset();
  }

  /// The newest of a device; null without one.
  Json latest(const std::string& device) {
    const std::string body = store_.one("SELECT body FROM latest WHERE device = ?", {device});
    return body.empty() ? Json() : Json::parse(body);
  }
  std::int64_t last_seq(const std::string& device) {
    const std::string seq = store_.one("SELECT seq FROM latest WHERE device = ?", {device});
    return seq.empty() ? 0 : std::stoll(seq);
  }

 private:
  static constexpr const char* kSchema = R"(
-- AUTOINCREMENT: a number is never given twice, so that "up to 7" cannot mean a later reading.
CREATE TABLE IF NOT EXISTS unsent(id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS latest(device TEXT PRIMARY KEY, seq INTEGER, body TEXT);
)";
  Store store_;
  std::map<std::string, std::optional<clock::time_point>> sent_;  // on the loop's thread alone
};

}  // namespace demo::home
