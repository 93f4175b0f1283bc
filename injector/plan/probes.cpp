// [probes.NAME]: the keys that every probe has, and those of its kind, taken from the kind's own table.
#include <fmt/format.h>

#include <algorithm>

#include "injector/plan/passes.h"
#include "injector/probe/library.h"

namespace faultline::plan {
namespace {

using probe::Key;
using probe::Kind;

std::vector<std::string_view> probe_kind_names() {
  std::vector<std::string_view> names;
  for (const Kind& kind : probe::catalogue()) names.push_back(kind.name());
  return names;
}

/// What a plan may say for a key of a kind.
Form form_of(const Key& key) {
  Form form{.example = std::string(key.example), .doc = std::string(key.doc)};
  switch (key.type) {
    case probe::ValueType::text:
      break;
    case probe::ValueType::choice:
      form.choices.assign(key.choices.begin(), key.choices.end());
      break;
    case probe::ValueType::integer:
      form.type = Form::Type::integer;
      form.min = key.min;
      form.max = key.max;
      break;
    case probe::ValueType::boolean:
      form.type = Form::Type::boolean;
      break;
    case probe::ValueType::command:
      form.type = Form::Type::command;
      break;
    case probe::ValueType::fields:
      form.type = Form::Type::fields;
      break;
  }
  return form;
}

/// A probe's table and the tables in it: "expect.status" is the key "status" of "expect".
class KeyTables {
 public:
  struct Spot {
    Table* table;  ///< null: what should be a table is none, or is not there
    std::string_view leaf;
  };

  explicit KeyTables(Table& table) : table_(table) {
    for (const Kind& kind : probe::catalogue()) {
      for (const Key& key : kind.keys) {
        const auto [group, leaf] = parts(key.name);
        if (!group.empty() && !groups_.contains(group))
          groups_.emplace(group, table.table(group, fmt::format("{{ {} = {} }}", leaf, key.example)));
        if (const auto [owner, name] = find(key.name); owner != nullptr)
          owner->takes(name, [&] { return form_of(key); });
      }
    }
  }
  Spot find(std::string_view name) {
    const auto [group, leaf] = parts(name);
    if (group.empty()) return {&table_, leaf};
    auto& found = groups_.find(group)->second;
    return {found ? &*found : nullptr, leaf};
  }
  /// Of the tables in it.
  void finish() {
    for (auto& [name, group] : groups_)
      if (group) group->finish();
  }

 private:
  static std::pair<std::string_view, std::string_view> parts(std::string_view name) {
    const auto dot = name.find('.');
    return dot == std::string_view::npos ? std::pair{std::string_view(), name}
                                         : std::pair{name.substr(0, dot), name.substr(dot + 1)};
  }

  Table& table_;
  std::map<std::string, std::optional<Table>, std::less<>> groups_;
};

std::string hint_of(const Key& key) {
  return key.hint.empty() ? fmt::format("write {} = {}", key.name, key.example) : std::string(key.hint);
}

std::optional<probe::Value> read_text_value(Table& table, const Node& value, const Key& key) {
  if (!table.expect(value, Node::Type::string, key.name, key.example)) return std::nullopt;
  if (key.read == nullptr) return value.text;
  auto read = key.read(value.text);
  if (!read.value)
    table.issues().error(value.at, fmt::format("{}: {}", key.name, read.error),
                         read.hint.empty() ? hint_of(key) : read.hint);
  return read.value;
}

std::optional<probe::Value> read_choice_value(Table& table, const Node& value, const Key& key) {
  if (!table.expect(value, Node::Type::string, key.name, key.example)) return std::nullopt;
  const std::vector<std::string> choices(key.choices.begin(), key.choices.end());
  if (std::find(choices.begin(), choices.end(), value.text) != choices.end()) return value.text;
  table.issues().error(value.at, fmt::format("{}: unknown value \"{}\"", key.name, value.text),
                       table.issues().suggest(value.text, choices, list_known("choose one of", choices)));
  return std::nullopt;
}

std::optional<probe::Value> read_integer_value(Table& table, const Node& value, const Key& key) {
  if (!table.expect(value, Node::Type::integer, key.name, key.example)) return std::nullopt;
  if (value.integer >= key.min && value.integer <= key.max) return value.integer;
  table.issues().error(value.at, fmt::format("{}: {} is out of range", key.name, value.integer),
                       fmt::format("it is between {} and {}", key.min, key.max));
  return std::nullopt;
}

/// One value of a kind's key, which is there. `leaf` is the key's name within `table`.
std::optional<probe::Value> read_probe_value(Table& table, std::string_view leaf, const Key& key) {
  const Node& value = table.take(leaf)->value;
  switch (key.type) {
    case probe::ValueType::text:
      return read_text_value(table, value, key);
    case probe::ValueType::choice:
      return read_choice_value(table, value, key);
    case probe::ValueType::integer:
      return read_integer_value(table, value, key);
    case probe::ValueType::boolean:
      if (table.expect(value, Node::Type::boolean, key.name, key.example)) return value.boolean;
      break;
    case probe::ValueType::command:
      if (auto command = table.command(leaf)) return std::move(*command);
      break;
    case probe::ValueType::fields:
      return table.text_map(leaf, key.example);
  }
  return std::nullopt;
}

/// Reports keys that are there and belong to other kinds alone.
void refuse_keys_of_others(KeyTables& tables, const Kind& kind) {
  std::map<std::string_view, std::string> others;  // and whose they are
  for (const Kind& other : probe::catalogue())
    for (const Key& key : other.keys)
      if (kind.find(key.name) == nullptr) {
        std::string& list = others[key.name];
        list += fmt::format("{}{}", list.empty() ? "" : " and ", other.name());
      }
  for (const auto& [name, list] : others) {
    const auto [table, leaf] = tables.find(name);
    if (table == nullptr || table->take(leaf) == nullptr) continue;
    table->issues().error(table->place(leaf), fmt::format("\"{}\" is not for {} probes", name, kind.name()),
                          fmt::format("it is for {} probes", list));
  }
}

void read_kinds_keys(Table& table, Probe& probe) {
  const Kind& kind = *probe.kind;
  probe.params = probe::defaults(kind);
  if (auto subject = read_probe_value(table, kind.name(), kind.subject))
    probe.params.set(kind.name(), std::move(*subject));
  KeyTables tables(table);
  for (const Key& key : kind.keys) {
    const auto [owner, leaf] = tables.find(key.name);
    if (owner == nullptr || owner->take(leaf) == nullptr) continue;
    if (auto value = read_probe_value(*owner, leaf, key)) probe.params.set(key.name, std::move(*value));
  }
  refuse_keys_of_others(tables, kind);
  tables.finish();
  if (kind.check == nullptr) return;
  for (const auto& problem : kind.check(probe.params)) {
    const auto [owner, leaf] = tables.find(problem.key);
    const Entry* entry = owner == nullptr ? nullptr : owner->take(leaf);
    table.issues().error(entry == nullptr ? table.at() : entry->value.at,
                         fmt::format("{}: {}", problem.key, problem.message), problem.hint);
  }
}

/// Of a kind that this build is without.
void refuse_if_left_out(Table& table, const Entry& given, const Entry& entry, const Kind& kind) {
  const probe::Library* library = probe::lacking(kind);
  if (library == nullptr) return;
  table.issues().error(
      given.at,
      fmt::format("probe \"{}\" is of the kind {}, which this faultline is built without", entry.key, kind.name()),
      fmt::format("install {} and build it again, with -D{}=ON", library->package, library->option));
}

/// The kind that the table names by a key, which is left to be read; null: none.
const Kind* read_probe_kind(Table& table, const Entry& entry) {
  const Kind* first = nullptr;
  for (const Kind& kind : probe::catalogue()) {
    table.takes(kind.name(), [&] { return form_of(kind.subject); });
    const Entry* given = table.take(kind.name());
    if (given == nullptr) continue;
    if (first == nullptr) {
      first = &kind;
      refuse_if_left_out(table, *given, entry, kind);
    } else {
      table.issues().error(given->at,
                           fmt::format("probe \"{}\" is both {} and {}", entry.key, first->name(), kind.name()),
                           "a probe asks one thing: make two probes");
    }
  }
  return first;
}

/// A time between requests, or to wait for an answer.
void read_pace(Table& table, std::string_view key, std::string_view example, Ns& to, std::string_view mistake,
               std::string_view hint) {
  const auto given = table.scalar(key, example, read_duration);
  if (!given) return;
  to = *given;
  if (*given < kMillisecond)
    table.issues().error(table.take(key)->value.at, fmt::format("{}: {} {}", key, format_duration(*given), mistake),
                         std::string(hint));
}

/// When it asks, if not throughout. Whether that lies within the run is known only when the timeline is.
void read_window(Table& table, Probe& probe, const ParseOptions& options) {
  table.takes_timeline("start", "\"10s\"");
  table.takes_timeline("for", "\"20s\"");
  if (const Entry* start = table.take("start"))
    probe.start = read_timeline(table, "start", start->value, options).value_or(0);
  const Entry* length = table.take("for");
  if (!length) return;
  probe.length = read_timeline(table, "for", length->value, options);
  if (probe.length == 0) table.issues().error(length->value.at, "for: it must be longer than 0s", "for = \"20s\"");
}

void read_probe(const Entry& entry, Draft& draft) {
  Issues& issues = draft.issues;
  check_name(issues, entry.at, "a probe's name", entry.key, true);
  if (entry.value.type != Node::Type::table) {
    issues.error(entry.value.at,
                 fmt::format("probes.{}: expected a table, found {}", entry.key, describe(entry.value.type)),
                 fmt::format("write [probes.{}] with http = \"http://…\" below it", entry.key));
    return;
  }
  Table table(entry.value, entry.at, fmt::format("probe \"{}\"", entry.key), issues);
  ProbeDraft result;
  Probe& probe = result.probe;
  probe.name = entry.key;
  probe.at = entry.at;
  probe.kind = read_probe_kind(table, entry);
  read_pace(table, "every", "\"50ms\"", probe.every, "is too often",
            "at most one request a millisecond: every = \"1ms\"; for more, rate = \"5000/s\"");
  read_pace(table, "timeout", "\"1s\"", probe.timeout, "is too short", "at least 1ms");
  read_probe_rate(table, probe, draft.options);
  check_load(table, probe);
  read_window(table, probe, draft.options);
  result.from = table.word("from", "\"client\"");
  if (probe.kind != nullptr) {
    read_kinds_keys(table, probe);
  } else {  // then the keys that belong to kinds cannot be judged
    for (const Kind& kind : probe::catalogue())
      for (const Key& key : kind.keys) table.take(key.name.substr(0, key.name.find('.')));
  }
  const std::size_t before = issues.count();
  table.finish();
  if (probe.kind == nullptr && issues.count() == before)
    issues.error(entry.at, fmt::format("probe \"{}\" asks nothing", entry.key),
                 fmt::format("add one of {}", fmt::join(probe_kind_names(), ", ")));
  draft.probes.push_back(std::move(result));
}

}  // namespace

void read_probes(Table& top, Draft& draft) {
  auto probes = top.table("probes", "{ }");
  if (!probes) return;
  for (const auto& entry : probes->entries()) read_probe(entry, draft);
}

}  // namespace faultline::plan
