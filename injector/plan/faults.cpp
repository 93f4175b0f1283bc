// [[faults]]: the keys that every fault has, and those of its kind, taken from the kind's own table.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"

namespace faultline::plan {
namespace {

using faults::Key;
using faults::ValueType;

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : faults::catalogue()) names.emplace_back(kind.name);
  return names;
}

void read_kind(Table& table, FaultDraft& draft) {
  const std::string example = fmt::format("\"{}\"", faults::usual_kind().name);
  table.require("kind", example);
  table.takes("kind", [] { return Form{.choices = kind_names()}; });
  const Entry* given = table.take("kind");
  if (given == nullptr || !table.expect(given->value, Node::Type::string, "kind", example)) return;
  const std::string& name = given->value.text;
  draft.kind_name = name;
  draft.fault.kind = faults::find_kind(name);
  if (draft.fault.kind) return;
  table.issues().error(given->value.at, fmt::format("kind: unknown kind \"{}\"", name),
                       table.issues().suggest(name, kind_names(), list_known("kinds are", kind_names())));
}

std::vector<std::string> strings(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

bool in_range(Issues& issues, SourcePlace at, const Key& key, Ns value) {
  if (value < key.min) {
    issues.error(at, fmt::format("{}: {} is too short", key.name, format_duration(value)),
                 fmt::format("at least {}", format_duration(key.min)));
    return false;
  }
  if (key.max > 0 && value > key.max) {
    issues.error(at, fmt::format("{}: {} is too long", key.name, format_duration(value)),
                 fmt::format("at most {}", format_duration(key.max)));
    return false;
  }
  return true;
}

/// What a plan may say for a key.
Form form_of(const Key& key) {
  const auto read_by = [](auto* reader) { return std::string(pattern_of(reader)); };
  Form form{.example = std::string(key.example), .doc = std::string(key.doc)};
  switch (key.type) {
    case ValueType::duration:
      form.pattern = read_by(read_duration);
      break;
    case ValueType::timeline:
      form.type = Form::Type::timeline;
      break;
    case ValueType::probability:
      form.pattern = read_by(read_probability);
      break;
    case ValueType::choice:
      form.choices = strings(key.choices);
      break;
    case ValueType::boolean:
      form.type = Form::Type::boolean;
      break;
    case ValueType::rate:
      form.pattern = read_by(read_rate);
      break;
    case ValueType::queue:
      form.pattern = read_by(read_queue);
      break;
    case ValueType::texts:
      form.type = Form::Type::texts;
      break;
    case ValueType::profile:
      form.type = Form::Type::points;
      break;
    case ValueType::trace:
    case ValueType::samples:
      break;
    case ValueType::groups:
      form.type = Form::Type::groups;
      break;
  }
  return form;
}

/// One value of a kind's key. `leaf` is the key's name within `table`.
std::optional<faults::Value> read_value(Table& table, std::string_view leaf, const Key& key, FaultDraft& fault,
                                        Draft& draft) {
  const ParseOptions& options = draft.options;
  const Entry& entry = *table.take(leaf);
  switch (key.type) {
    case ValueType::duration:
    case ValueType::timeline: {
      const auto value = key.type == ValueType::timeline
                             ? read_timeline(table, key.name, entry.value, options)
                             : table.scalar(key.name, entry.value, key.example, read_duration);
      if (value && in_range(table.issues(), entry.value.at, key, *value)) return faults::Value(*value);
      return std::nullopt;
    }
    case ValueType::probability:
      if (const auto value = table.scalar(key.name, entry.value, key.example, read_probability))
        return faults::Value(*value);
      return std::nullopt;
    case ValueType::choice: {
      if (!table.expect(entry.value, Node::Type::string, key.name, key.example)) return std::nullopt;
      const auto& text = entry.value.text;
      if (std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end()) return faults::Value(text);
      const auto choices = strings(key.choices);
      table.issues().error(entry.value.at, fmt::format("{}: unknown value \"{}\"", key.name, text),
                           table.issues().suggest(text, choices, list_known("choose one of", choices)));
      return std::nullopt;
    }
    case ValueType::boolean:
      if (const auto value = table.boolean(leaf)) return faults::Value(*value);
      return std::nullopt;
    case ValueType::rate:
      if (const auto value = table.scalar(key.name, entry.value, key.example, read_rate)) return faults::Value(*value);
      return std::nullopt;
    case ValueType::queue:
      if (const auto value = table.scalar(key.name, entry.value, key.example, read_queue)) return faults::Value(*value);
      return std::nullopt;
    case ValueType::texts: {
      const std::size_t before = table.issues().count();
      std::vector<std::string> texts;
      for (auto& word : table.words(leaf, key.example)) texts.push_back(std::move(word.text));
      if (table.issues().count() != before) return std::nullopt;
      if (texts.empty()) {
        table.issues().error(entry.value.at, fmt::format("{}: the array is empty", key.name),
                             fmt::format("write {} = {}, or take it out", key.name, key.example));
        return std::nullopt;
      }
      return faults::Value(std::move(texts));
    }
    case ValueType::profile:
      if (auto value = read_profile(table, key, entry.value, options, fault.key_places))
        return faults::Value(std::move(*value));
      return std::nullopt;
    case ValueType::trace:
      if (auto value = read_trace_file(table, key, entry.value, draft)) return faults::Value(std::move(*value));
      return std::nullopt;
    case ValueType::samples:
      if (auto value = read_samples_file(table, key, entry.value, draft)) return faults::Value(std::move(*value));
      return std::nullopt;
    case ValueType::groups: {
      auto words = read_groups(table, key, entry.value);
      if (!words) return std::nullopt;
      faults::Groups groups;
      for (const auto& group : *words) {
        groups.emplace_back();
        for (const auto& word : group) groups.back().push_back(word.text);
      }
      fault.groups.emplace(key.name, std::move(*words));
      return faults::Value(std::move(groups));
    }
  }
  return std::nullopt;
}

/// A default, which its kind's table gives as it would stand in a plan.
std::optional<faults::Value> default_value(const Key& key) {
  std::string_view text = key.fallback;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const auto wrap = [](const auto& read) -> std::optional<faults::Value> {
    if (!read.value) return std::nullopt;
    return faults::Value(*read.value);
  };
  switch (key.type) {
    case ValueType::duration:
    case ValueType::timeline:
      return wrap(read_duration(text));
    case ValueType::probability:
      return wrap(read_probability(text));
    case ValueType::choice:
      return faults::Value(std::string(text));
    case ValueType::boolean:
      return faults::Value(text == "true");
    case ValueType::rate:
      return wrap(read_rate(text));
    case ValueType::queue:
      return wrap(read_queue(text));
    case ValueType::texts:
      return faults::Value(std::vector<std::string>{std::string(text)});
    case ValueType::profile:
    case ValueType::trace:
    case ValueType::samples:
    case ValueType::groups:
      break;
  }
  return std::nullopt;
}

/// The values of these keys, with the defaults of those that are not there.
void read_keys(Table& table, std::span<const Key> keys, faults::Params& params, FaultDraft& draft, Draft& all) {
  // Sub-tables are made on the way: "episodes.every" is the key "every" of "episodes".
  std::map<std::string, std::optional<Table>, std::less<>> groups;
  for (const Key& key : keys) {
    const auto dot = key.name.find('.');
    Table* owner = &table;
    std::string_view leaf = key.name;
    if (dot != std::string_view::npos) {
      const std::string group(key.name.substr(0, dot));
      leaf = key.name.substr(dot + 1);
      auto it = groups.find(group);
      if (it == groups.end())
        it = groups.emplace(group, table.table(group, fmt::format("{{ {} = {} }}", leaf, key.example))).first;
      if (!it->second) {
        if (key.required && !table.has(group))
          table.issues().error(table.at(), fmt::format("{} has no \"{}\"", table.owner(), key.name),
                               fmt::format("add {} = {}", key.name, key.example));
        if (!table.has(group) && !key.fallback.empty())
          if (auto value = default_value(key)) params.set(key.name, std::move(*value));
        continue;
      }
      owner = &*it->second;
    }
    owner->takes(leaf, [&] { return form_of(key); });
    if (!owner->has(leaf)) {
      if (key.required) owner->require(leaf, key.example);
      owner->take(leaf);
      if (!key.fallback.empty())
        if (auto value = default_value(key)) params.set(key.name, std::move(*value));
      continue;
    }
    draft.key_places.emplace(key.name, owner->place(leaf));
    if (auto value = read_value(*owner, leaf, key, draft, all)) params.set(key.name, std::move(*value));
  }
  for (auto& [name, group] : groups)
    if (group) group->finish();
}

void read_params(Table& table, FaultDraft& draft, Draft& all) {
  const std::size_t before = table.issues().count();
  read_keys(table, draft.fault.kind->keys, draft.fault.params, draft, all);
  draft.params_ok = table.issues().count() == before;
}

void read_direction(Table& table, Fault& fault) {
  static const std::vector<std::string> kDirections{"both", "egress", "ingress"};
  const bool egress_only = fault.kind && fault.kind->egress_only;
  if (egress_only) fault.direction = Direction::egress;
  const auto text = table.choice("direction", "\"both\"", kDirections, "direction", "seen from \"on\", directions are");
  if (!text) return;
  if (egress_only && *text != "egress") {
    table.issues().error(table.take("direction")->value.at,
                         fmt::format("direction: {} acts on what leaves its target", fault.kind->name),
                         "take direction out");
    return;
  }
  if (*text == "both")
    fault.direction = Direction::both;
  else if (*text == "egress")
    fault.direction = Direction::egress;
  else
    fault.direction = Direction::ingress;
}

void read_window(Table& table, FaultDraft& draft, const ParseOptions& options) {
  table.takes_timeline("start", "\"20s\"");
  table.takes_timeline("for", "\"40s\"");
  table.takes("for", [] { return Form{.choices = {"run"}}; });
  table.require("start", "\"20s\"");
  if (const Entry* start = table.take("start")) {
    draft.start_at = start->value.at;
    draft.start = read_timeline(table, "start", start->value, options);
  }
  table.require("for", "\"40s\"");
  const Entry* length = table.take("for");
  if (!length) return;
  draft.for_at = length->value.at;
  if (length->value.type == Node::Type::string && length->value.text == "run") {
    draft.for_run = true;
    return;
  }
  draft.length = read_timeline(table, "for", length->value, options);
  if (draft.length && *draft.length == 0) {
    table.issues().error(length->value.at, "for: a fault must end after it starts",
                         "write for = \"40s\", or \"run\" to last to the end of the run");
    draft.length.reset();
  }
}

void read_fault(const Node& node, std::size_t number, Draft& draft) {
  std::string owner = fmt::format("fault {}", number);
  if (const Entry* name = node.find("name");
      name && name->value.type == Node::Type::string && name->value.text.size() < 80)
    owner = fmt::format("fault \"{}\"", name->value.text);
  Table table(node, node.at, std::move(owner), draft.issues);
  FaultDraft result;
  result.fault.at = node.at;
  result.name_at = node.at;
  if (auto name = table.word("name", "\"room-jitter\"")) {
    result.named = true;
    result.name_at = name->at;
    result.fault.name = name->text;
    check_name(draft.issues, result.name_at, "a fault's name", name->text, false);
    if (name->text == "run" || name->text == "baseline" || name->text == "recovery")
      draft.issues.error(result.name_at, fmt::format("name: \"{}\" is a phase of every run", name->text),
                         "choose another name");
  }
  read_kind(table, result);
  const bool parts = result.fault.kind != nullptr && result.fault.kind->parts;
  const bool named = table.has("groups") || table.has("edges");
  if (!parts || (table.has("shape") && !named)) table.require("on", "\"payment\"");  // else they are the targets
  result.on = table.words("on", "\"payment\"");
  result.peer = table.words("peer", "\"bank\"");
  read_direction(table, result.fault);
  if (table.has("direction")) result.direction_at = table.place("direction");
  read_keys(table, fault_keys(), result.fault.common, result, draft);
  read_window(table, result, draft.options);
  if (result.fault.kind) {
    read_params(table, result, draft);
    const std::size_t before = draft.issues.count();
    table.finish();
    result.params_ok = result.params_ok && draft.issues.count() == before;
  }  // else the keys of an unknown kind cannot be judged
  draft.faults.push_back(std::move(result));
}

}  // namespace

void read_faults(Table& top, Draft& draft) {
  top.each_table("faults", [&](const Node& node, std::size_t number) { read_fault(node, number, draft); });
}

}  // namespace faultline::plan
