#include "injector/plan/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/base/secrets.h"

namespace faultline::plan {
namespace {

std::string cut(std::string_view text) {
  if (text.size() <= 80) return std::string(text);
  std::size_t end = 77;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

/// A message that quotes something very long loses its middle.
std::string shorten(std::string message) {
  constexpr std::size_t kFront = 200, kBack = 120;
  if (message.size() <= kFront + kBack + 80) return message;
  std::size_t front = kFront, back = message.size() - kBack;
  while (front > 0 && (message[front] & 0xc0) == 0x80) --front;
  while (back < message.size() && (message[back] & 0xc0) == 0x80) ++back;
  return message.substr(0, front) + " ... " + message.substr(back);
}

/// What a wrongly typed value probably should have been.
std::string type_hint(const Node& value, Node::Type wanted, std::string_view key, std::string_view example) {
  if (wanted == Node::Type::string && value.type == Node::Type::integer && example.ends_with("s\"") &&
      example[1] >= '0' && example[1] <= '9')
    return fmt::format("a duration needs a unit, and quotes: {} = {}", key, example);
  if (wanted == Node::Type::string && value.type == Node::Type::integer && example.ends_with("B\""))
    return fmt::format("a number of bytes needs a unit, and quotes: {} = {}", key, example);
  return fmt::format("write {} = {}", key, example);
}

}  // namespace

std::string Issues::told(std::string text) const { return shorten(without_values(std::move(text), secrets_)); }

std::string Issues::told_of_values(std::string text) const {
  return told(without_passwords_of_refused(std::move(text)));
}

void Issues::hide(std::string secret) {
  if (secret.size() >= kShortestSecret) secrets_.push_back(std::move(secret));
}

void Issues::error(SourcePlace at, std::string message, std::string hint) {
  list_.push_back({at, told_of_values(std::move(message)), told(std::move(hint)), false, {}});
}

void Issues::remark(SourcePlace at, std::string message) {
  remarks_.push_back({at, told_of_values(std::move(message)), {}, false, {}});
}

void Issues::not_yet(SourcePlace at, std::string message, std::string hint) {
  list_.push_back({at, told_of_values(std::move(message)), told(std::move(hint)), true, {}});
}

void Issues::error_in(const std::string& file, SourcePlace at, std::string message, std::string hint) {
  list_.push_back({at, told_of_values(std::move(message)), told(std::move(hint)), false, file});
}

std::string Issues::suggest(std::string_view word, const std::vector<std::string>& known, std::string fallback) {
  if (known.size() > comparisons_left_) return fallback;
  comparisons_left_ -= known.size();
  const std::string meant = did_you_mean(word, known);
  return meant.empty() ? fallback : fmt::format("did you mean \"{}\"?", meant);
}

std::vector<Diagnostic> Issues::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    if (a.file != b.file) return a.file < b.file;
    return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
  });
  return std::move(list_);
}

std::string list_known(std::string_view what, const std::vector<std::string>& known) {
  constexpr std::size_t kShown = 60;  // more than any table of the plan has keys, a fault's apart
  if (known.empty()) return {};
  std::string list =
      fmt::format("{}: {}", what, fmt::join(known.begin(), known.begin() + std::min(kShown, known.size()), ", "));
  if (known.size() > kShown) list += fmt::format(" and {} more", known.size() - kShown);
  return list;
}

Table::Table(const Node& node, SourcePlace at, std::string owner, Issues& issues)
    : node_(&node),
      at_(at),
      owner_(std::move(owner)),
      issues_(&issues),
      outline_(issues.outline_of(node)),
      used_(node.entries.size()) {
  if (outline_) outline_->add_table();
}

const Entry* Table::take(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
    known_.emplace_back(key);
    if (outline_) outline_->add_key(key);
  }
  const Entry* entry = node_->find(key);
  if (entry) used_[entry - node_->entries.data()] = true;
  return entry;
}

void Table::add_form(std::string_view key, Form form) { outline_->add_form(key, std::move(form)); }

void Table::takes_text(std::string_view key, std::string_view example, std::string_view pattern) {
  if (outline_)
    outline_->add_form(key,
                       {.type = Form::Type::text, .example = std::string(example), .pattern = std::string(pattern)});
}

void Table::takes_timeline(std::string_view key, std::string_view example) {
  if (outline_) outline_->add_form(key, {.type = Form::Type::timeline, .example = std::string(example)});
}

SourcePlace Table::place(std::string_view key) const {
  const Entry* entry = node_->find(key);
  return entry ? entry->at : at_;
}

void Table::require(std::string_view key, std::string_view example) {
  if (outline_) outline_->require(key);
  if (!take(key))
    issues_->error(at_, fmt::format("{} has no \"{}\"", owner_, key), fmt::format("add {} = {}", key, example));
}

bool Table::expect(const Node& value, Node::Type type, std::string_view key, std::string_view example) {
  if (value.type == type) return true;
  issues_->error(value.at, fmt::format("{}: expected {}, found {}", key, describe(type), describe(value.type)),
                 type_hint(value, type, key, example));
  return false;
}

std::optional<std::string> Table::text(std::string_view key, std::string_view example) {
  takes_text(key, example);
  const Entry* entry = take(key);
  if (!entry || !expect(entry->value, Node::Type::string, key, example)) return std::nullopt;
  return entry->value.text;
}

std::optional<std::string> Table::choice(std::string_view key, std::string_view example,
                                         const std::vector<std::string>& choices, std::string_view what,
                                         std::string_view lead) {
  takes(key, [&] { return Form{.choices = choices}; });
  const Entry* entry = take(key);
  if (!entry || !expect(entry->value, Node::Type::string, key, example)) return std::nullopt;
  const std::string& text = entry->value.text;
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return text;
  issues_->error(entry->value.at, fmt::format("{}: unknown {} \"{}\"", key, what, text),
                 issues_->suggest(text, choices, list_known(lead, choices)));
  return std::nullopt;
}

std::optional<Word> Table::word(std::string_view key, std::string_view example) {
  auto string = text(key, example);
  if (!string) return std::nullopt;
  return Word{std::move(*string), take(key)->value.at};
}

void Table::each_table(std::string_view key, const std::function<void(const Node& node, std::size_t number)>& read) {
  const Entry* array = take(key);
  if (outline_) {
    Outline& inner = outline_->inner(key);
    outline_->add_form(key, {.type = Form::Type::tables});
    if (!array) {
      issues_->describe(inner.blank(), inner);
      return read(inner.blank(), 1);
    }
    for (const auto& item : array->value.items) issues_->describe(item, inner);
  }
  if (!array) return;
  const std::string hint = fmt::format("write [[{}]], with two brackets", key);
  if (array->value.type != Node::Type::array) {
    issues_->error(array->at,
                   fmt::format("{}: expected an array of tables, found {}", key, describe(array->value.type)), hint);
    return;
  }
  std::size_t number = 0;
  for (const auto& item : array->value.items) {
    ++number;
    if (item.type == Node::Type::table)
      read(item, number);
    else
      issues_->error(item.at, fmt::format("{}: expected a table, found {}", key, describe(item.type)), hint);
  }
}

std::optional<bool> Table::boolean(std::string_view key) {
  if (outline_) outline_->add_form(key, {.type = Form::Type::boolean});
  const Entry* entry = take(key);
  if (!entry || !expect(entry->value, Node::Type::boolean, key, "true")) return std::nullopt;
  return entry->value.boolean;
}

std::optional<std::int64_t> Table::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  if (outline_) outline_->add_form(key, {.type = Form::Type::integer, .min = min, .max = max});
  const Entry* entry = take(key);
  if (!entry || !expect(entry->value, Node::Type::integer, key, std::to_string(std::max<std::int64_t>(min, 1))))
    return std::nullopt;
  if (entry->value.integer < min || entry->value.integer > max) {
    issues_->error(entry->value.at, fmt::format("{}: {} is out of range", key, entry->value.integer),
                   fmt::format("it is between {} and {}", min, max));
    return std::nullopt;
  }
  return entry->value.integer;
}

std::vector<Word> Table::words(std::string_view key, std::string_view example) {
  std::vector<Word> words;
  if (outline_) outline_->add_form(key, {.type = Form::Type::texts, .example = std::string(example)});
  const Entry* entry = take(key);
  if (!entry) return words;
  if (entry->value.type == Node::Type::string) {
    words.push_back({entry->value.text, entry->value.at});
    return words;
  }
  if (entry->value.type != Node::Type::array) {
    issues_->error(
        entry->value.at,
        fmt::format("{}: expected a string or an array of strings, found {}", key, describe(entry->value.type)),
        fmt::format("write {} = {}", key, example));
    return words;
  }
  if (entry->value.items.empty())
    issues_->error(entry->value.at, fmt::format("{}: the array is empty", key),
                   fmt::format("write {} = {}", key, example));
  for (const auto& item : entry->value.items)
    if (expect(item, Node::Type::string, key, example)) words.push_back({item.text, item.at});
  return words;
}

std::optional<std::vector<std::string>> Table::command(std::string_view key) {
  if (outline_) outline_->add_form(key, {.type = Form::Type::command});
  const Entry* entry = take(key);
  if (!entry) return std::nullopt;
  if (entry->value.type == Node::Type::string) {
    std::vector<std::string> parts;
    std::size_t start = 0;
    const std::string& line = entry->value.text;
    while ((start = line.find_first_not_of(' ', start)) != std::string::npos) {
      const auto end = std::min(line.find(' ', start), line.size());
      parts.push_back(fmt::format("\"{}\"", line.substr(start, end - start)));
      start = end;
    }
    issues_->error(
        entry->value.at, fmt::format("{}: a command is an array, not a string", key),
        fmt::format("no shell splits it: write {} = [{}]", key, cut(fmt::format("{}", fmt::join(parts, ", ")))));
    return std::nullopt;
  }
  if (!expect(entry->value, Node::Type::array, key, "[\"command\", \"argument\"]")) return std::nullopt;
  std::vector<std::string> argv;
  for (const auto& item : entry->value.items) {
    if (!expect(item, Node::Type::string, key, "[\"command\", \"argument\"]")) return std::nullopt;
    argv.push_back(item.text);
  }
  if (argv.empty() || argv.front().empty()) {
    issues_->error(entry->value.at, fmt::format("{}: the command is empty", key),
                   fmt::format("write {} = [\"command\", \"argument\"]", key));
    return std::nullopt;
  }
  return argv;
}

std::map<std::string, std::string> Table::text_map(std::string_view key, std::string_view example) {
  std::map<std::string, std::string> map;
  if (outline_) outline_->add_form(key, {.type = Form::Type::fields, .example = std::string(example)});
  const Entry* entry = take(key);
  if (!entry || !expect(entry->value, Node::Type::table, key, example)) return map;
  for (const auto& item : entry->value.entries)
    if (expect(item.value, Node::Type::string, fmt::format("{}.{}", key, item.key), "\"text\""))
      map[item.key] = item.value.text;
  return map;
}

std::optional<Table> Table::table(std::string_view key, std::string_view example) {
  const Entry* entry = take(key);
  if (outline_) {
    outline_->add_form(key, {.type = Form::Type::table});
    Outline& inner = outline_->inner(key);
    const Node& node = entry ? entry->value : inner.blank();
    issues_->describe(node, inner);
    return Table(node, at_, std::string(key), *issues_);
  }
  if (!entry || !expect(entry->value, Node::Type::table, key, example)) return std::nullopt;
  return Table(entry->value, entry->at, fmt::format("\"{}\" of {}", key, owner_), *issues_);
}

const std::vector<Entry>& Table::entries() {
  used_.assign(used_.size(), true);
  if (outline_) {
    Outline& inner = outline_->inner({});
    const Node& node = node_->entries.empty() ? inner.one() : *node_;
    for (const auto& entry : node.entries) issues_->describe(entry.value, inner);
    return node.entries;
  }
  return node_->entries;
}

void Table::finish() {
  const auto fallback = list_known("its keys are", known_);
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (used_[i]) continue;
    const Entry& entry = node_->entries[i];
    issues_->error(entry.at, fmt::format("unknown key \"{}\" in {}", cut(entry.key), owner_),
                   issues_->suggest(entry.key, known_, fallback));
  }
}

}  // namespace faultline::plan
