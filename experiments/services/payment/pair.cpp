#include "pair.h"

namespace demo::payment {
namespace {

constexpr milliseconds kCopyPatience{700};
constexpr std::int64_t kBatch = 200, kNaiveBatch = 50;

}  // namespace

Pair::Pair(Store& store, const Options& options, Apply apply)
    : store_(store), apply_(std::move(apply)), naive_(options.naive()) {
  if (!options.has("copy")) return;
  copy_.emplace(options.url("copy"), milliseconds(500));
  store_.run("INSERT OR IGNORE INTO role VALUES(1, 1, ?, 0)", {std::int64_t{options.has("leads")}});
}

Pair::Role Pair::read_role() {
  const auto row = store_.run("SELECT epoch, leads, alone FROM role").at(0);
  return {std::stoll(row[0]), row[1] == "1", row[2] == "1"};
}

void Pair::keep_role(const Role& role) {
  // What was never shipped goes with the leadership, whichever way that goes.
  store_.run("DELETE FROM log WHERE applied = 0");
  store_.run("UPDATE role SET epoch = ?, leads = ?, alone = ?",
             {role.epoch, std::int64_t{role.leads}, std::int64_t{role.alone}});
}

void Pair::follow(std::int64_t epoch) {
  const auto struck = store_.one("SELECT count(*) FROM log WHERE applied = 0");
  keep_role({epoch, false, false});
  say("follows from epoch " + std::to_string(epoch) + " on; " + struck + " entries that the copy never had are void");
}

std::int64_t Pair::append(const Json& entry, const std::optional<Json>& result) {
  store_.run("INSERT INTO log(entry, result, applied) VALUES(?, ?, ?)",
             {entry.dump(), result ? result->dump() : "", std::int64_t{result.has_value()}});
  return std::stoll(store_.one("SELECT last_insert_rowid()"));
}

std::int64_t Pair::last_applied() {
  return std::stoll(store_.one("SELECT coalesce(max(seq), 0) FROM log WHERE applied = 1"));
}

Json Pair::agree(const Json& entry) {
  if (!copy_) return store_.atomically([&] { return apply_(entry); });
  std::int64_t seq = 0;
  const auto at_once = store_.atomically([&]() -> std::optional<Json> {
    const Role role = read_role();
    if (!naive_ && !role.leads) throw Status{503, {{"state", "NOT LEADING"}}};
    if (!naive_ && !role.alone) {
      seq = append(entry, std::nullopt);
      return std::nullopt;
    }
    Json result = apply_(entry);
    append(entry, result);
    return result;
  });
  std::unique_lock lock(mutex_);
  changed_.notify_all();
  if (at_once) return *at_once;

  std::string result;
  const auto applied = [&] {
    // The entry's text, too: one that was struck out has left its number to another.
    result = store_.one("SELECT result FROM log WHERE seq = ? AND applied = 1 AND entry = ?", {seq, entry.dump()});
    return !result.empty();
  };
  if (!changed_.wait_for(lock, kCopyPatience, applied)) throw Status{504, {{"state", "UNKNOWN"}}};
  return Json::parse(result);
}

Json Pair::take(const Json& shipment) {
  return store_.atomically([&]() -> Json {
    const Role role = read_role();
    const std::int64_t epoch = shipment.at("epoch");
    std::int64_t last = naive_ ? 0 : last_applied();
    if (!naive_ && (epoch < role.epoch || (epoch == role.epoch && role.leads)))
      throw Status{409, {{"state", "NOT LEADING"}, {"epoch", role.epoch}}};
    if (!naive_ && epoch > role.epoch) follow(epoch);
    for (const auto& each : shipment.at("entries")) {
      const std::int64_t seq = each.at(0);
      const Json entry = Json::parse(each.at(1).get<std::string>());
      if (naive_) {
        apply_(entry);
        last = seq;
      } else if (seq == last + 1) {
        append(entry, apply_(entry));
        last = seq;
      }
    }
    return {{"state", "TAKEN"}, {"last", last}};
  });
}

Json Pair::lead(const Json& asked) {
  return store_.atomically([&]() -> Json {
    const Role role = read_role();
    const std::int64_t epoch = asked.at("epoch");
    if (epoch < role.epoch || (epoch == role.epoch && !role.leads)) throw Status{409, {{"epoch", role.epoch}}};
    if (epoch > role.epoch) {
      keep_role({epoch, true, true});
      say("leads from epoch " + std::to_string(epoch) + " on, alone");
    }
    return {{"state", "LEADS"}, {"epoch", epoch}};
  });
}

Json Pair::role() {
  if (!copy_) return {{"epoch", 1}, {"leads", true}};
  const Role role = read_role();
  return {{"epoch", role.epoch}, {"leads", role.leads}};
}

void Pair::ship() {
  if (!copy_) return;
  for (;;) {
    const bool well = ship_once();
    if (naive_) {
      pause(milliseconds(5000));
      continue;
    }
    const auto waiting = [&] {
      return !store_.one("SELECT seq FROM log WHERE seq > ? LIMIT 1", {shipped_}).empty() && read_role().leads;
    };
    std::unique_lock lock(mutex_);
    if (well)
      changed_.wait_for(lock, milliseconds(200), waiting);
    else
      changed_.wait_for(lock, milliseconds(200));
  }
}

/// What there is, or nothing at all: so a leader hears now and then whether it still is one.
bool Pair::ship_once() {
  const Role role = read_role();
  if (!naive_ && !role.leads) {
    shipped_ = 0;
    return true;
  }
  Json entries = Json::array();
  for (const auto& row : store_.run("SELECT seq, entry FROM log WHERE seq > ? ORDER BY seq LIMIT ?",
                                    {shipped_, naive_ ? kNaiveBatch : kBatch}))
    entries.push_back({std::stoll(row[0]), row[1]});
  if (naive_ && entries.empty()) return true;
  const Reply reply = copy_->post("/log", {{"epoch", role.epoch}, {"entries", entries}}, kCopyPatience);
  if (reply.fate == Fate::answered && reply.status == 409 && reply.body.contains("epoch")) {
    const std::int64_t newer = reply.body.at("epoch");
    store_.atomically([&] {
      if (newer > read_role().epoch) follow(newer);
    });
    return true;
  }
  if (!reply.ok() || !reply.body.contains("last")) return false;
  shipped_ = reply.body.at("last");
  if (!naive_) apply_shipped(shipped_);
  return true;
}

void Pair::apply_shipped(std::int64_t last) {
  store_.atomically([&] {
    for (const auto& row :
         store_.run("SELECT seq, entry FROM log WHERE applied = 0 AND seq <= ? ORDER BY seq", {last})) {
      const Json result = apply_(Json::parse(row[1]));
      store_.run("UPDATE log SET applied = 1, result = ? WHERE seq = ?", {result.dump(), std::stoll(row[0])});
    }
  });
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

}  // namespace demo::payment
