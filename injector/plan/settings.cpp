// --set FAULT.KEY=VALUE: a fault's value other than the plan's, put into the document before it is read, so that it is
// checked as if the plan had said it.
#include <fmt/format.h>

#include <charconv>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

/// What a fault is called: its name, or its kind's.
std::string name_of(const Node& fault) {
  for (const char* key : {"name", "kind"})
    if (const Entry* entry = fault.find(key); entry != nullptr && entry->value.type == Node::Type::string)
      return entry->value.text;
  return "";
}

/// A value of a type, with nothing in it yet.
Node made(Node::Type type, SourcePlace at) {
  Node node;
  node.type = type;
  node.at = at;
  return node;
}

/// The entry for a dotted key, made where it is not there.
Entry& entry_at(Node& table, std::string_view key) {
  const auto dot = key.find('.');
  const std::string own(key.substr(0, dot));
  Entry* found = nullptr;
  for (auto& entry : table.entries)
    if (entry.key == own) found = &entry;
  if (found == nullptr) {
    found = &table.entries.emplace_back(Entry{own, table.at, made(Node::Type::table, table.at)});
  }
  if (dot == std::string_view::npos) return *found;
  if (found->value.type != Node::Type::table) found->value = made(Node::Type::table, found->value.at);
  return entry_at(found->value, key.substr(dot + 1));
}

void set(Node& node, const std::string& value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  const bool is_boolean = value == "true" || value == "false";
  node = made(is_number ? Node::Type::integer : is_boolean ? Node::Type::boolean : Node::Type::string, node.at);
  node.integer = number;
  node.boolean = value == "true";
  if (node.type == Node::Type::string) node.text = value;
}

}  // namespace

void apply_settings(Node& document, Draft& draft) {
  for (const auto& [path, value] : draft.options.settings) {
    std::vector<std::string> names;
    Node* chosen = nullptr;
    std::string_view key;
    std::string best;  // of two names that both begin the path ("a", "a.b") the longer is meant
    bool twice = false;
    for (auto& entry : document.entries) {
      if (entry.key != "faults") continue;
      for (auto& fault : entry.value.items) {
        const std::string name = name_of(fault);
        names.push_back(name);
        if (name.empty() || !path.starts_with(name + ".") || name.size() < best.size()) continue;
        twice = name == best;
        best = name;
        chosen = &fault;
        key = std::string_view(path).substr(name.size() + 1);
      }
    }
    if (twice)
      draft.issues.error({}, fmt::format("--set {}: several faults are called \"{}\"", path, best),
                         "give each a name of its own");
    else if (chosen == nullptr || key.empty())
      draft.issues.error(
          {}, fmt::format("--set {}: the plan has no such fault", path),
          names.empty() ? "the plan has no [[faults]]" : list_known("write FAULT.KEY=VALUE; faults are", names));
    else
      set(entry_at(*chosen, key).value, value);
  }
}

}  // namespace faultline::plan
