#include "injector/sketch/cast.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "injector/base/error.h"
#include "injector/plan/subjects.h"
#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

using plan::Diagnostic;
using plan::Node;
using plan::SourcePlace;
using plan::Target;
using plan::Word;

/// What the lines of a target come to, as far as it matters here; the parser has the last word.
void tell_abilities(Stand& stand) {
  for (const auto& line : stand.lines) {
    for (const auto& way : plan::ways()) {
      if (line.key != way.key) continue;
      stand.place = stand.place || way.where != Target::Where::none;
      stand.addresses = way.where != Target::Where::interface && !plan::is_by_socket(way.where);
    }
  }
}

/// Whether it is reached by lo alone, by one of its addresses at least.
bool is_local(const Stand& stand) {
  for (const auto& line : stand.lines) {
    if (line.key != "address") continue;
    std::vector<Diagnostic> mistakes;
    const Node read = plan::read_document("address = " + line.value, mistakes);
    const plan::Entry* entry = read.find("address");
    if (entry == nullptr) return false;
    if (plan::is_loopback_address(entry->value.text)) return true;
    return std::any_of(entry->value.items.begin(), entry->value.items.end(),
                       [](const Node& item) { return plan::is_loopback_address(item.text); });
  }
  return false;
}

Node text_node(const std::string& text, SourcePlace at) {
  Node node;
  node.type = Node::Type::string;
  node.text = text;
  node.at = at;
  return node;
}

plan::Entry* entry_of(Node& table, std::string_view key) {
  for (auto& entry : table.entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

/// Puts a value where the key stands, else behind the key `after`.
void put(Node& table, std::string_view key, Node value, std::string_view after) {
  if (plan::Entry* there = entry_of(table, key)) {
    there->value = std::move(value);
    return;
  }
  auto behind = std::find_if(table.entries.begin(), table.entries.end(),
                             [&](const plan::Entry& entry) { return entry.key == after; });
  if (behind != table.entries.end()) ++behind;
  const SourcePlace at = value.at;
  table.entries.insert(behind, plan::Entry{std::string(key), at, std::move(value)});
}

bool is_link(const Target& target) { return target.where == Target::Where::link; }

bool all_of(const std::vector<const Stand*>& stands, bool Stand::*able) {
  return !stands.empty() && std::all_of(stands.begin(), stands.end(), [&](const Stand* s) { return s->*able; });
}

}  // namespace

std::vector<Stand> read_stands(const std::vector<std::string>& given) {
  std::vector<Stand> stands;
  for (const auto& option : given) {
    const auto equals = option.find('=');
    Stand stand;
    stand.name = option.substr(0, equals);
    stand.option = option;
    if (!stand.name.empty() && equals != std::string::npos && equals + 1 < option.size())
      stand.lines = target_lines("--bind " + stand.name + "=", std::string_view(option).substr(equals + 1));
    if (stand.lines.empty())
      throw Failure(Exit::invalid,
                    fmt::format("--bind {}: write NAME=KEY=VALUE: a name that the outage's faults use, and how to find "
                                "your own, for example --bind payment=unit=payment.service",
                                option));
    tell_abilities(stand);
    stand.target = stand.name;
    for (int number = 2;
         std::any_of(stands.begin(), stands.end(), [&](const Stand& other) { return other.target == stand.target; });
         number++)
      stand.target = fmt::format("{}-{}", stand.name, number);
    stands.push_back(std::move(stand));
  }
  return stands;
}

struct Cast::Saying {
  const plan::Fault& fault;
  std::vector<Diagnostic>& mistakes;
  LeftOut& left;
  Stands peers;  ///< who came to be its peers
  std::set<std::string> kept, used;

  void take(const Stands& stands) {
    for (const Stand* stand : stands) used.insert(stand->name);
  }

  void say(SourcePlace at, std::string message, std::string hint) {
    mistakes.push_back({at, fmt::format("fault \"{}\": {}", fault.name, message), std::move(hint), false, {}});
  }
};

const Target& Cast::target(const std::string& name) const { return *outage_.find_target(name); }

Cast::Stands Cast::named(const std::string& name) {
  Stands found;
  for (const auto& stand : stands_)
    if (stand.name == name) found.push_back(&stand);
  if (!found.empty()) found_.insert(name);
  return found;
}

Cast::Stands Cast::find(const std::string& word, As as, std::string& hint) {
  Stands found = named(word);
  if (!found.empty()) return found;
  hint = as != As::peer
             ? fmt::format("add --bind {}=unit=NAME.service, or netns=, container=, interface=, ... of yours", word)
             : fmt::format("add --bind {}=address=10.0.3.0/24, or whatever yours is reached by", word);
  const Target& its = target(word);
  if (!its.ports.empty() || !its.protocol.empty()) return {};  // more than the place that it is at
  if (its.where == Target::Where::room) return hosts_of(its, hint);
  if (its.where != Target::Where::host) return {};
  for (const auto& host : outage_.lab->hosts) {
    if (host.name != its.subject) continue;
    hint += fmt::format("; it is a host of room {} of the lab, which may be bound as well", host.room);
    return named(host.room);
  }
  return {};
}

/// Those who stand for all hosts of a room; of those that are bound, where no more is asked.
Cast::Stands Cast::hosts_of(const Target& room, std::string& hint) {
  Stands found;
  std::vector<std::string> lacking, hosts;
  for (const auto& host : outage_.lab->hosts) {
    if (host.room != room.subject) continue;
    hosts.push_back(host.name);
    const Stands its = named(host.name);
    if (its.empty()) lacking.push_back(host.name);
    found.insert(found.end(), its.begin(), its.end());
  }
  if (!found.empty() && (lacking.empty() || bound_only_)) return found;
  if (found.empty())
    hint += hosts.empty() ? "; it is a room of the lab"
                          : fmt::format("; it is a room of the lab, with {}", fmt::join(hosts, ", "));
  else
    hint = fmt::format("it is a room, and {} is not bound: add --bind {}=..., or bind the room itself", lacking.front(),
                       lacking.front());
  return {};
}

/// A word that nobody stands for.
void Cast::miss(const Word& word, const std::string& message, const std::string& hint, Saying& saying) {
  if (!bound_only_) return saying.say(word.at, message, hint);
  auto& ends = saying.left.ends;
  if (std::find(ends.begin(), ends.end(), word.text) == ends.end()) ends.push_back(word.text);
}

std::vector<Word> Cast::words_of(const Node& value) const {
  std::vector<Word> words;
  const auto add = [&](const Node& node) { words.push_back({with_known(node.text, outage_.variables), node.at}); };
  if (value.type == Node::Type::string) add(value);
  for (const auto& item : value.items) add(item);
  return words;
}

/// An array of the targets that stand for these words.
Node Cast::list(const std::vector<Word>& words, SourcePlace at, As as, Saying& saying) {
  Node array;
  array.type = Node::Type::array;
  array.at = at;
  const auto add = [&](const std::string& name, SourcePlace place) {
    const auto same = [&](const Node& item) { return item.text == name; };
    if (std::none_of(array.items.begin(), array.items.end(), same)) array.items.push_back(text_node(name, place));
  };
  for (const auto& word : words) {
    const Target& its = target(word.text);
    if (its.where == Target::Where::none && its.addresses.empty() && named(word.text).empty()) {
      saying.kept.insert(word.text);
      add(word.text, word.at);
      continue;
    }
    asked_.insert(word.text);
    std::string hint;
    const Stands found = find(word.text, as, hint);
    if (found.empty()) miss(word, fmt::format("\"{}\" is not bound", word.text), hint, saying);
    for (const Stand* stand : found) {
      if (as == As::place && !stand->place)
        saying.say(word.at, fmt::format("it is on \"{}\", and --bind {} is no place", word.text, stand->option),
                   "a fault is on a place: a unit=, netns=, container=, interface=, ...");
      else if (as == As::peer && !stand->addresses && stand->place)
        saying.say(word.at, fmt::format("\"{}\" is its peer, and --bind {} has no addresses", word.text, stand->option),
                   fmt::format("name what it is reached by: --bind {}=address=...,port=...", word.text));
      if (as == As::peer) saying.peers.push_back(stand);
      add(stand->target, word.at);
    }
    saying.take(found);
  }
  if (array.items.empty()) saying.left.fault = true;
  if (array.items.size() == 1) return text_node(array.items.front().text, array.items.front().at);
  return array;
}

/// Links have two ends: they are a device of the user's own, or what passes between those who stand for the ends.
void Cast::put_on_links(Node& fault, const std::vector<Word>& words, Saying& saying) {
  const SourcePlace at = entry_of(fault, "on")->value.at;
  Stands by_name;
  std::vector<std::pair<Stands, Stands>> ends;  ///< of each link that is bound by its ends
  bool lacking = false;
  for (const auto& word : words) {
    asked_.insert(word.text);
    const Stands own = named(word.text);
    by_name.insert(by_name.end(), own.begin(), own.end());
    if (!own.empty()) continue;
    const auto link = std::find_if(outage_.lab->links.begin(), outage_.lab->links.end(),
                                   [&](const plan::LabLink& l) { return l.name == target(word.text).subject; });
    std::string ignored;
    const Stands a = find(link->a, As::place, ignored), b = find(link->b, As::place, ignored);
    if (!a.empty() && !b.empty()) {
      ends.emplace_back(a, b);
      continue;
    }
    lacking = true;
    miss(word, fmt::format("link \"{}\" is not bound", word.text),
         fmt::format("add --bind {}=interface=eth1, the device that is your link; or bind both its ends, one of them a "
                     "place and the other what it is reached by: --bind {}=unit=NAME.service --bind "
                     "{}=address=10.0.3.0/24",
                     word.text, link->a, link->b),
         saying);
  }
  if (lacking && (!bound_only_ || (ends.empty() && by_name.empty()))) {
    saying.left.fault = true;
    return;
  }
  if (ends.empty()) {
    put(fault, "on", list(words, at, As::place, saying), "kind");
    return;
  }
  if (!by_name.empty() || fault.find("peer") != nullptr) {
    saying.say(at, "its links are bound in different ways", "bind each link as a device, or each by its ends");
    return;
  }
  // The end that they share is where the fault is.
  for (const Stands* shared : {&ends.front().first, &ends.front().second}) {
    Stands others;
    const bool fits = all_of(*shared, &Stand::place) && std::all_of(ends.begin(), ends.end(), [&](const auto& pair) {
                        const Stands& other = pair.first == *shared ? pair.second : pair.first;
                        others.insert(others.end(), other.begin(), other.end());
                        return (pair.first == *shared || pair.second == *shared) && all_of(other, &Stand::addresses);
                      });
    if (!fits) continue;
    const auto names = [&](const Stands& stands) {
      Node array;
      array.type = Node::Type::array;
      array.at = at;
      for (const Stand* stand : stands) array.items.push_back(text_node(stand->target, at));
      return array.items.size() == 1 ? array.items.front() : array;
    };
    put(fault, "on", names(*shared), "kind");
    put(fault, "peer", names(others), "on");
    saying.peers = others;
    saying.take(*shared);
    saying.take(others);
    return;
  }
  saying.say(
      at, "no end of its links is a place whose other ends have addresses",
      "bind one end, which all its links have, as a place (unit=, netns=, ...), and the others as address=...; or "
      "bind each link as a device: interface=...");
}

void Cast::put_on(Node& fault, Saying& saying) {
  const std::vector<Word> on = words_of(entry_of(fault, "on")->value);
  if (!on.empty() && is_link(target(on.front().text))) return put_on_links(fault, on, saying);
  const As as = saying.fault.kind->parts ? As::member : As::place;
  put(fault, "on", list(on, entry_of(fault, "on")->value.at, as, saying), "kind");
  if (as == As::member && !saying.left.ends.empty()) saying.left.fault = true;  // it would be another shape
}

/// Groups without those who are not bound, edges between those who are.
void Cast::put_members(Node& groups, bool edges, Saying& saying) {
  for (auto& group : groups.items) {
    const bool before = saying.left.fault;
    Node members = list(words_of(group), group.at, As::member, saying);
    if (edges) saying.left.fault = before;
    if (members.type == Node::Type::string) {
      Node one = members;
      members = Node{};
      members.type = Node::Type::array;
      members.at = one.at;
      members.items.push_back(std::move(one));
    }
    group = std::move(members);
  }
  if (!edges || !bound_only_) return;
  std::erase_if(groups.items, [](const Node& pair) { return pair.items.size() < 2; });
  if (groups.items.empty()) saying.left.fault = true;
}

Node Cast::bound(const Node& fault, std::size_t index, std::vector<Diagnostic>& mistakes, LeftOut& left) {
  const plan::Fault& known = outage_.faults[index];
  Saying saying{known, mistakes, left, {}, {}, {}};
  Node out = fault;
  if (out.find("name") == nullptr) put(out, "name", text_node(known.name, fault.at), "kind");
  if (out.find("on") != nullptr) put_on(out, saying);
  if (const plan::Entry* peer = fault.find("peer"))  // links that are bound by their ends have none
    put(out, "peer", list(words_of(peer->value), peer->value.at, As::peer, saying), "on");
  for (const auto& key : known.kind->keys) {
    plan::Entry* entry = key.type == faults::ValueType::groups ? entry_of(out, key.name) : nullptr;
    if (entry != nullptr) put_members(entry->value, key.name == "edges", saying);
  }
  // What the outage did not do to its hosts' loopback devices is not done to those of these.
  const std::string first = known.on.empty() ? "" : known.on.front();
  const bool with_lo = !first.empty() && !is_link(target(first)) && takes_in_loopback(outage_, known, target(first));
  const bool local = std::any_of(saying.peers.begin(), saying.peers.end(), [](const Stand* s) { return is_local(*s); });
  if (!with_lo && !local && out.find("loopback") == nullptr) {
    Node no;
    no.type = Node::Type::boolean;
    no.at = fault.at;
    put(out, "loopback", std::move(no), out.find("peer") != nullptr ? "peer" : "on");
  }
  if (!left.fault) {
    kept_.merge(saying.kept);
    used_.merge(saying.used);
  }
  return out;
}

}  // namespace faultline::sketch
