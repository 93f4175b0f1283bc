#include "injector/probe/kind.h"

#include <fmt/format.h>

#include <array>

#include "injector/base/secrets.h"
#include "injector/probe/kinds.h"

namespace faultline::probe {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '"' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
  return "\"" + out + "\"";
}

struct Written {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(const std::string& value) const { return in_quotes(value); }
  std::string operator()(const Command& value) const {
    std::string list;
    for (const auto& word : value) list += (list.empty() ? "" : ", ") + in_quotes(word);
    return "[" + list + "]";
  }
  std::string operator()(const Fields& value) const {
    std::string list;
    for (const auto& [name, text] : value)
      list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", name, in_quotes(text));
    return "{ " + list + " }";
  }
};

}  // namespace

const Key* Kind::find(std::string_view key) const {
  if (subject.name == key) return &subject;
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == key; });
  return found == keys.end() ? nullptr : &*found;
}

std::span<const Kind> catalogue() {
#define FAULTLINE_MAKE(kind) kinds::kind(),
  static const std::array all{FAULTLINE_PROBE_KINDS(FAULTLINE_MAKE)};
#undef FAULTLINE_MAKE
  return all;
}

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : catalogue())
    if (kind.name() == name) return &kind;
  return nullptr;
}

Params defaults(const Kind& kind) {
  Params params;
  for (const Key& key : kind.keys)
    if (key.fallback) params.set(key.name, *key.fallback);
  return params;
}

std::string written(const Value& value) { return std::visit(Written{}, value); }

std::string Probe::shown_subject() const { return without_values(without_passwords(subject()), hidden); }

Command Probe::command() const {
  if (kind->runs_program()) return params.command(kind->name());
  for (const Key& key : kind->keys)
    if (key.type == ValueType::command) return params.command(key.name);
  return {};
}

Command Probe::shown_command() const {
  Command words = without_secrets(command());
  for (auto& word : words) word = without_values(std::move(word), hidden);
  return words;
}

std::string Probe::shown() const {
  if (!kind->runs_program()) return shown_subject();
  return fmt::format("{}", fmt::join(shown_command(), " "));
}

}  // namespace faultline::probe
