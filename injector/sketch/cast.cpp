#include "injector/sketch/cast.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "injector/plan/subjects.h"
#include "injector/sketch/references.h"

namespace faultline::sketch {
namespace {

using plan::Diagnostic;
using plan::Node;
using plan::SourcePlace;
using plan::Target;
using plan::Word;
using Ends = std::pair<Stands, Stands>;

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

Node array_at(SourcePlace at) {
  Node array;
  array.type = Node::Type::array;
  array.at = at;
  return array;
}

/// Once, however often it is added.
void add_name(Node& array, const std::string& name, SourcePlace at) {
  const auto same = [&](const Node& item) { return item.text == name; };
  if (std::none_of(array.items.begin(), array.items.end(), same)) array.items.push_back(text_node(name, at));
}

Node names_of(const Stands& stands, SourcePlace at) {
  Node array = array_at(at);
  for (const Stand* stand : stands) add_name(array, stand->target, at);
  return array;
}

/// An array of one is that one.
Node one_or_all(Node array) { return array.items.size() == 1 ? array.items.front() : array; }

bool is_link(const Target& target) { return target.where == Target::Where::link; }

}  // namespace

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

void Cast::leave_out(const std::string& end, Saying& saying) {
  auto& ends = saying.left.ends;
  if (std::find(ends.begin(), ends.end(), end) == ends.end()) ends.push_back(end);
}

/// A word that nobody stands for.
void Cast::miss(const Word& word, const std::string& message, const std::string& hint, Saying& saying) {
  bound_only_ ? leave_out(word.text, saying) : saying.say(word.at, message, hint);
}

std::vector<Word> Cast::words_of(const Node& value) const {
  std::vector<Word> words;
  const auto add = [&](const Node& node) { words.push_back({with_known(node.text, outage_.variables), node.at}); };
  if (value.type == Node::Type::string) add(value);
  for (const auto& item : value.items) add(item);
  return words;
}

/// Those who stand for a word and can be what is asked. What is wrong with the others is said, or they are left out.
Stands Cast::fit_for(const Word& word, As as, Saying& saying) {
  std::string hint;
  const Stands found = roles_.find(word.text, as, hint);
  if (found.empty()) miss(word, fmt::format("\"{}\" is not bound", word.text), hint, saying);
  Stands fit;
  for (const Stand* stand : found) {
    if (as == As::member || (as == As::place ? stand->place : stand->addresses || !stand->place))
      fit.push_back(stand);
    else if (bound_only_)
      continue;
    else if (as == As::place)
      saying.say(word.at, fmt::format("it is on \"{}\", and --bind {} is no place", word.text, stand->option),
                 "a fault is on a place: a unit=, netns=, container=, interface=, ...");
    else
      saying.say(word.at, fmt::format("\"{}\" is its peer, and --bind {} has no addresses", word.text, stand->option),
                 fmt::format("name what it is reached by: --bind {}=address=...,port=...", word.text));
  }
  if (fit.empty() && !found.empty() && bound_only_)
    leave_out(word.text + (as == As::place ? " (as a place)" : " (by an address)"), saying);
  return fit;
}

/// An array of the targets that stand for these words.
Node Cast::list(const std::vector<Word>& words, SourcePlace at, As as, Saying& saying) {
  Node array = array_at(at);
  for (const auto& word : words) {
    const Target& its = roles_.target(word.text);
    if (its.where == Target::Where::none && its.addresses.empty() && roles_.named(word.text).empty()) {
      saying.kept.insert(word.text);
      add_name(array, word.text, word.at);
      continue;
    }
    asked_.insert(word.text);
    const Stands fit = fit_for(word, as, saying);
    for (const Stand* stand : fit) add_name(array, stand->target, word.at);
    if (as == As::peer) saying.peers.insert(saying.peers.end(), fit.begin(), fit.end());
    saying.take(fit);
  }
  if (array.items.empty()) saying.left.fault = true;
  return array;
}

/// Links have two ends: they are a device of the user's own, or what passes between those who stand for the ends.
void Cast::put_on_links(Node& fault, const std::vector<Word>& words, Saying& saying) {
  const SourcePlace at = entry_of(fault, "on")->value.at;
  bool by_name = false, lacking = false;
  std::vector<Ends> ends;  // of each link that is bound by its ends
  std::vector<std::string> names;
  for (const auto& word : words) {
    asked_.insert(word.text);
    if (!roles_.named(word.text).empty()) {
      by_name = true;
      continue;
    }
    const plan::LabLink& link = roles_.link(roles_.target(word.text));
    std::string ignored;
    const Stands a = roles_.find(link.a, As::place, ignored), b = roles_.find(link.b, As::place, ignored);
    if (!a.empty() && !b.empty()) {
      ends.emplace_back(a, b);
      names.push_back(word.text);
      continue;
    }
    lacking = true;
    miss(word, fmt::format("link \"{}\" is not bound", word.text),
         fmt::format("add --bind {}=interface=eth1, the device that is your link; or bind both its ends, one of them a "
                     "place and the other what it is reached by: --bind {}=unit=NAME.service --bind "
                     "{}=address=10.0.3.0/24",
                     word.text, link.a, link.b),
         saying);
  }
  if (lacking && (!bound_only_ || (ends.empty() && !by_name))) {
    saying.left.fault = true;
    return;
  }
  if (ends.empty()) return put(fault, "on", one_or_all(list(words, at, As::place, saying)), "kind");
  if (by_name || fault.find("peer") != nullptr)
    return saying.say(at, "its links are bound in different ways", "bind each link as a device, or each by its ends");
  if (put_between(fault, ends, saying)) return;
  if (bound_only_) {
    saying.left.fault = true;
    for (const auto& name : names) leave_out(name + " (between a place and an address)", saying);
    return;
  }
  saying.say(
      at, "no end of its links is a place whose other ends have addresses",
      "bind one end, which all its links have, as a place (unit=, netns=, ...), and the others as address=...; or "
      "bind each link as a device: interface=...");
}

/// On the end that the links share, with the others as peers. False: there is no such end.
bool Cast::put_between(Node& fault, const std::vector<Ends>& links, Saying& saying) {
  const SourcePlace at = entry_of(fault, "on")->value.at;
  for (const Stands* shared : {&links.front().first, &links.front().second}) {
    Stands others;
    const bool fits = all_of(*shared, &Stand::place) && std::all_of(links.begin(), links.end(), [&](const Ends& ends) {
                        const Stands& other = ends.first == *shared ? ends.second : ends.first;
                        others.insert(others.end(), other.begin(), other.end());
                        return (ends.first == *shared || ends.second == *shared) && all_of(other, &Stand::addresses);
                      });
    if (!fits) continue;
    put(fault, "on", one_or_all(names_of(*shared, at)), "kind");
    put(fault, "peer", one_or_all(names_of(others, at)), "on");
    saying.peers = others;
    saying.take(*shared);
    saying.take(others);
    return true;
  }
  return false;
}

void Cast::put_on(Node& fault, Saying& saying) {
  const std::vector<Word> on = words_of(entry_of(fault, "on")->value);
  if (!on.empty() && is_link(roles_.target(on.front().text))) return put_on_links(fault, on, saying);
  const As as = saying.fault.kind->parts ? As::member : As::place;
  put(fault, "on", one_or_all(list(on, entry_of(fault, "on")->value.at, as, saying)), "kind");
  if (as == As::member && !saying.left.ends.empty()) saying.left.fault = true;  // it would be another shape
}

/// Groups without those who are not bound, edges between those who are.
void Cast::put_members(Node& groups, bool edges, Saying& saying) {
  for (auto& group : groups.items) {
    const bool before = saying.left.fault;
    group = list(words_of(group), group.at, As::member, saying);
    if (edges) saying.left.fault = before;
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
    put(out, "peer", one_or_all(list(words_of(peer->value), peer->value.at, As::peer, saying)), "on");
  for (const auto& key : known.kind->keys) {
    plan::Entry* entry = key.type == faults::ValueType::groups ? entry_of(out, key.name) : nullptr;
    if (entry != nullptr) put_members(entry->value, key.name == "edges", saying);
  }
  // What the outage did not do to its hosts' loopback devices is not done to those of these.
  const std::string first = known.on.empty() ? "" : known.on.front();
  const bool with_lo =
      !first.empty() && !is_link(roles_.target(first)) && takes_in_loopback(outage_, known, roles_.target(first));
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
