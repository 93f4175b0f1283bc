// [lab]: the rooms, hosts and links of the test bed that a plan brings with it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

// What the lab's addresses have room for: 10.77.ROOM.HOST and 10.78.LINK.0/30, hosts from .10 on.
constexpr std::size_t kMaxRooms = 254, kMaxLinks = 254, kMaxHostsOfRoom = 245;

bool is_table(const Entry& entry, std::string_view section, std::string_view example, Issues& issues) {
  if (entry.value.type == Node::Type::table) return true;
  issues.error(entry.value.at,
               fmt::format("{}.{}: expected a table, found {}", section, entry.key, describe(entry.value.type)),
               fmt::format("write [{}.{}]{}", section, entry.key, example));
  return false;
}

/// A host's name is a name on its network too.
void check_host_name(const Entry& entry, Issues& issues) {
  if (!check_name(issues, entry.at, "a host's name", entry.key, true)) return;
  const bool fit =
      entry.key.find_first_of("._") == std::string::npos && entry.key.front() != '-' && entry.key.back() != '-';
  if (!fit)
    issues.error(entry.at, fmt::format("\"{}\" cannot name a host", entry.key),
                 "letters, digits and hyphens within: web-1");
  if (entry.key == "here" || entry.key == "localhost")
    issues.error(entry.at, fmt::format("\"{}\" cannot name a host", entry.key), "it means another place already");
}

void read_room(const Entry& entry, Draft& draft) {
  check_name(draft.issues, entry.at, "a room's name", entry.key, true);
  draft.lab->lab.rooms.push_back(entry.key);
  draft.lab->room_at.push_back(entry.at);
  if (!is_table(entry, "lab.rooms", "", draft.issues)) return;
  Table(entry.value, entry.at, fmt::format("room \"{}\": a room has no keys", entry.key), draft.issues).finish();
}

void read_ready(Table& host, LabHost& result) {
  auto table = host.table("ready", "{ tcp = 8080, within = \"10s\" }");
  if (!table) return;
  Issues& issues = host.issues();
  Ready ready;
  int ways = 0;
  for (const auto& key : {"tcp", "http", "exec"}) {
    if (!table->take(key)) continue;
    if (++ways == 2)
      issues.error(table->place(key), "ready: a host has one way to be ready", "keep one of tcp, http, exec");
  }
  if (auto port = table->integer("tcp", 1, 65535)) ready.tcp = static_cast<std::uint16_t>(*port);
  if (auto url = table->text("http", "\"http://127.0.0.1:8080/\"")) {
    ready.http = *url;
    if (!url->starts_with("http://") && !url->starts_with("https://"))
      issues.error(table->take("http")->value.at, fmt::format("http: \"{}\" is not a URL", *url),
                   "write http = \"http://127.0.0.1:8080/\"");
  }
  if (auto command = table->command("exec")) ready.command = std::move(*command);
  if (auto within = table->scalar("within", "\"10s\"", read_duration)) {
    ready.within = *within;
    if (*within < kMillisecond)
      issues.error(table->take("within")->value.at, fmt::format("within: {} is too short", format_duration(*within)),
                   "at least 1ms");
  }
  const std::size_t before = issues.count();
  table->finish();
  if (ways == 0 && issues.count() == before)
    issues.error(table->at(), "ready asks nothing", "add one of tcp, http, exec");
  if (!host.has("command"))
    issues.error(table->at(), "ready: a host without a command is never ready", "add command = [\"…\"]");
  result.ready = std::move(ready);
}

void read_host(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_host_name(entry, issues);
  LabHost host;
  host.name = entry.key;
  host.at = entry.at;
  Word room;
  std::vector<Word> after;
  if (is_table(entry, "lab.hosts", " with room = \"…\" below it", issues)) {
    Table table(entry.value, entry.at, fmt::format("host \"{}\"", entry.key), issues);
    table.require("room", "\"east\"");
    if (auto name = table.text("room", "\"east\"")) room = {*name, table.take("room")->value.at};
    host.room = room.text;
    if (auto command = table.command("command")) host.command = std::move(*command);
    if (auto user = table.text("user", "\"nobody\"")) {
      host.user = *user;
      if (user->empty())
        issues.error(table.take("user")->value.at, "user: the name is empty", "leave it out to run as root");
    }
    host.environment = table.text_map("env", "{ MODE = \"demo\" }");
    for (const auto& [name, value] : host.environment)
      if (name.empty() || name.find('=') != std::string::npos)
        issues.error(table.place("env"), fmt::format("env: \"{}\" is not a variable's name", name),
                     "a name is not empty and has no = in it");
    after = table.words("after", "[\"db\"]");
    if (auto clients = table.integer("clients", 1, kMaxHostsOfRoom)) host.clients = static_cast<std::size_t>(*clients);
    read_ready(table, host);
    table.finish();
  }
  draft.lab->lab.hosts.push_back(std::move(host));
  draft.lab->host_room.push_back(std::move(room));
  draft.lab->after.push_back(std::move(after));
}

void read_link(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_name(issues, entry.at, "a link's name", entry.key, true);
  LabLink link;
  link.name = entry.key;
  link.at = entry.at;
  std::pair<Word, Word> ends;
  if (is_table(entry, "lab.links", " with between = [\"…\", \"…\"] below it", issues)) {
    Table table(entry.value, entry.at, fmt::format("link \"{}\"", entry.key), issues);
    table.require("between", "[\"east\", \"west\"]");
    const std::size_t before = issues.count();
    const auto between = table.words("between", "[\"east\", \"west\"]");
    if (between.size() == 2)
      ends = {between[0], between[1]};
    else if (table.has("between") && issues.count() == before)
      issues.error(table.take("between")->value.at,
                   fmt::format("between: a link joins two rooms, not {}", between.size()),
                   "write between = [\"east\", \"west\"]");
    if (auto delay = table.scalar("delay", "\"2ms\"", read_duration)) {
      link.delay = *delay;
      if (*delay > 60 * kSecond)
        issues.error(table.take("delay")->value.at, fmt::format("delay: {} is too long", format_duration(*delay)),
                     "at most 1m");
    }
    table.finish();
  }
  link.a = ends.first.text;
  link.b = ends.second.text;
  draft.lab->lab.links.push_back(std::move(link));
  draft.lab->between.push_back(std::move(ends));
}

/// A host that waits, through others, for itself would wait for ever.
void check_waiting(const LabDraft& draft, Issues& issues) {
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < draft.lab.hosts.size(); ++i) index.emplace(draft.lab.hosts[i].name, i);
  // Hosts that wait for nobody are taken away until none is left; what remains waits in a circle, or for one.
  std::vector<std::size_t> waits(draft.lab.hosts.size());
  std::vector<std::vector<std::size_t>> waiting_for_me(draft.lab.hosts.size());
  for (std::size_t i = 0; i < waits.size(); ++i)
    for (const auto& word : draft.after[i])
      if (const auto it = index.find(word.text); it != index.end()) {
        ++waits[i];
        waiting_for_me[it->second].push_back(i);
      }
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < waits.size(); ++i)
    if (waits[i] == 0) free.push_back(i);
  while (!free.empty()) {
    const std::size_t i = free.back();
    free.pop_back();
    for (const auto j : waiting_for_me[i])
      if (--waits[j] == 0) free.push_back(j);
  }
  // Follow the waiting from any that is left until a host comes twice: that is a circle, reported once.
  const auto stuck = std::find_if(waits.begin(), waits.end(), [](std::size_t n) { return n > 0; });
  if (stuck == waits.end()) return;
  std::vector<std::size_t> path;
  std::vector<bool> visited(waits.size());
  std::size_t at = static_cast<std::size_t>(stuck - waits.begin());
  while (!visited[at]) {
    visited[at] = true;
    path.push_back(at);
    for (const auto& word : draft.after[at]) {
      const auto next = index.find(word.text);
      if (next == index.end() || waits[next->second] == 0) continue;
      at = next->second;
      break;
    }
  }
  std::vector<std::string> names;
  for (auto it = std::find(path.begin(), path.end(), at); it != path.end(); ++it)
    names.push_back(draft.lab.hosts[*it].name);
  names.push_back(draft.lab.hosts[at].name);
  if (names.size() > 10) names.erase(names.begin() + 9, names.end() - 1);
  issues.error(draft.after[at].front().at,
               fmt::format("after: hosts wait for each other: {}", fmt::join(names, " after ")),
               "let one of them start first");
}

}  // namespace

void read_lab(Table& top, Draft& draft) {
  auto table = top.table("lab", "{ }");
  if (!table) return;
  draft.lab.emplace();
  if (auto rooms = table->table("rooms", "{ }"))
    for (const auto& entry : rooms->entries()) read_room(entry, draft);
  if (auto hosts = table->table("hosts", "{ }"))
    for (const auto& entry : hosts->entries()) read_host(entry, draft);
  if (auto links = table->table("links", "{ }"))
    for (const auto& entry : links->entries()) read_link(entry, draft);
  table->finish();
}

void resolve_lab(Draft& draft) {
  if (!draft.lab) return;
  LabDraft& lab = *draft.lab;
  Issues& issues = draft.issues;
  const auto& rooms = lab.lab.rooms;
  const std::set<std::string_view> known_rooms(rooms.begin(), rooms.end());
  const auto check_room = [&](const Word& word, std::string_view key) {
    if (word.at.line == 0 || known_rooms.contains(word.text)) return word.at.line != 0;
    issues.error(word.at, fmt::format("{}: there is no room \"{}\" in the lab", key, word.text),
                 issues.suggest(word.text, rooms,
                                rooms.empty() ? fmt::format("add [lab.rooms.{}]", word.text)
                                              : list_known("its rooms are", rooms)));
    return false;
  };
  std::vector<std::string> hosts;
  for (const auto& host : lab.lab.hosts) hosts.push_back(host.name);
  const std::set<std::string_view> known_hosts(hosts.begin(), hosts.end());
  std::map<std::string_view, std::size_t> population;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (check_room(lab.host_room[i], "room")) {
      auto& addresses = population[lab.host_room[i].text];
      const bool fitted = addresses <= kMaxHostsOfRoom;
      addresses += lab.lab.hosts[i].clients;
      if (fitted && addresses > kMaxHostsOfRoom)
        issues.error(lab.lab.hosts[i].at,
                     fmt::format("room \"{}\" has more than {} hosts", lab.host_room[i].text, kMaxHostsOfRoom),
                     "add another room; a host with clients = 30 counts as 30");
    }
    for (const auto& word : lab.after[i]) {
      if (known_hosts.contains(word.text))
        lab.lab.hosts[i].after.push_back(word.text);
      else
        issues.error(word.at, fmt::format("after: there is no host \"{}\" in the lab", word.text),
                     issues.suggest(word.text, hosts, list_known("its hosts are", hosts)));
    }
  }
  check_waiting(lab, issues);
  std::map<std::pair<std::string, std::string>, std::string> joined;
  for (std::size_t i = 0; i < lab.between.size(); ++i) {
    const auto& [a, b] = lab.between[i];
    if (const bool a_ok = check_room(a, "between"), b_ok = check_room(b, "between"); !a_ok || !b_ok) continue;
    if (a.text == b.text) {
      issues.error(b.at, fmt::format("between: \"{}\" is joined to itself", a.text),
                   "a link joins two different rooms");
      continue;
    }
    const auto [it, fresh] = joined.emplace(std::minmax(a.text, b.text), lab.lab.links[i].name);
    if (!fresh)
      issues.not_yet(a.at, fmt::format("between: \"{}\" and \"{}\" are joined by \"{}\" already; a second link is not "
                                       "yet possible in this version",
                                       a.text, b.text, it->second));
  }
  if (rooms.size() > kMaxRooms)
    issues.error(lab.room_at[kMaxRooms], fmt::format("the lab has {} rooms", rooms.size()),
                 fmt::format("at most {}", kMaxRooms));
  if (lab.lab.links.size() > kMaxLinks)
    issues.error(lab.lab.links[kMaxLinks].at, fmt::format("the lab has {} links", lab.lab.links.size()),
                 fmt::format("at most {}", kMaxLinks));
}

}  // namespace faultline::plan
