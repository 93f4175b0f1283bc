// A probe kind: the keys it takes in a plan, the checks of their values, how a command line names it, and how it asks.
// This table is the one definition that the parser, the options of `inject`, `new`, completion, man pages and the tests
// of docs/probes.md are made from. A new kind is one file with a Kind in it and a line in kinds.h
// (docs/adding-a-probe.md). Kinds know neither TOML nor the plan.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "injector/base/read.h"
#include "injector/base/units.h"
#include "injector/probe/pace.h"

namespace faultline::probe {

class Asker;
struct Setting;

enum class ValueType {
  text,     ///< std::string; what Key::read makes of it
  choice,   ///< std::string, one of Key::choices
  integer,  ///< std::int64_t, Key::min to Key::max
  boolean,  ///< bool
  command,  ///< Command; an array: a command and its arguments
  fields,   ///< Fields; { Accept = "text/plain" }: texts by name
};

using Command = std::vector<std::string>;
using Fields = std::map<std::string, std::string>;
using Value = std::variant<bool, std::int64_t, std::string, Command, Fields>;

/// A text that a table must give: a table without it does not compile.
class Said : public std::string_view {
 public:
  constexpr Said(const char* text) : std::string_view(text) {}
};

/// The same of a type.
class Typed {
 public:
  constexpr Typed(ValueType type) : type_(type) {}
  constexpr operator ValueType() const { return type_; }

 private:
  ValueType type_;
};

/// One key of a probe's TOML table. A dotted name ("expect.status") is a key of a sub-table. Kinds may share a key: it
/// is then of the same type in each.
struct Key {
  Said name;
  Typed type;
  Said doc;                            ///< one sentence for the reference
  Said example;                        ///< as written in a plan, quotes included
  std::optional<Value> fallback = {};  ///< none: the key does nothing when absent
  std::string_view otherwise = {};     ///< what holds without the key where no value says it: "any 2xx or 3xx"
  std::int64_t min = 0, max = 0;       ///< of integers, inclusive
  std::vector<std::string_view> choices = {};
  Read<std::string> (*read)(const std::string&) = nullptr;  ///< of texts: the check, and the text as it is to be kept
  std::string_view hint = {};  ///< what would be right, where `read` does not say; empty: NAME = EXAMPLE
};

/// The values that a plan gave, by key name, and the defaults of the rest.
class Params {
 public:
  void set(std::string_view name, Value value) { values_[std::string(name)] = std::move(value); }
  bool has(std::string_view name) const { return values_.contains(name); }
  std::string text(std::string_view name) const { return get<std::string>(name); }
  bool boolean(std::string_view name) const { return get<bool>(name); }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  Command command(std::string_view name) const { return get<Command>(name); }
  Fields fields(std::string_view name) const { return get<Fields>(name); }
  bool operator==(const Params&) const = default;

 private:
  template <class T>
  T get(std::string_view name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? T{} : std::get<T>(it->second);
  }
  std::map<std::string, Value, std::less<>> values_;
};

/// A mistake in the values that no single key's check can find.
struct Problem {
  std::string key;      ///< the key to point at
  std::string message;  ///< what is wrong
  std::string hint;     ///< what would be right
};

/// An error that requests of a kind can have, beyond those of every kind and of the network (errors.h).
struct OwnError {
  Said name;            ///< "body", "status 503"
  bool chosen = false;  ///< what stands behind its first word is the service's, or the system's, choice
};

struct Kind {
  Key subject;  ///< what is asked: the key that every probe of this kind has, and whose name is the kind's
  std::vector<Key> keys;
  Said request;                                       ///< what a request is, for docs/probes.md
  Said option;                                        ///< what `inject --probe-KIND` does: "Ask this URL meanwhile"
  Said value;                                         ///< what stands there for the subject: "URL"
  std::unique_ptr<Asker> (&make)(const Setting&);     ///< who asks; on the probe's thread (asker.h)
  std::vector<Problem> (*check)(const Params&) = {};  ///< of the values together
  bool (*meant)(std::string_view text) = {};          ///< whether a command line without a kind means this one
  std::vector<OwnError> errors = {};                  ///< so that a bound on one that never comes is refused
  std::string_view behind_at = {};                    ///< the key of what stands behind an "@" there: "NAME@SERVER"
  bool always_value = false;                          ///< each answer is a number, or a failure

  std::string_view name() const { return subject.name; }
  const Key* find(std::string_view key) const;
  /// Whether a request is a program of this machine: it needs the nursery, and the program must be there.
  bool runs_program() const { return subject.type == ValueType::command; }
  /// Whether answers hold a number, with these values of its keys.
  bool has_values(const Params& params) const { return always_value || params.has("value"); }
};

/// Every kind, in the order of the reference. An explicit list: nothing registers itself.
std::span<const Kind> catalogue();
const Kind* find_kind(std::string_view name);

/// What holds when a plan says nothing but the subject.
Params defaults(const Kind& kind);
/// As a plan has it: "\"GET\"", "[\"PING\"]".
std::string written(const Value& value);

/// What is asked, of whom, and when.
struct Probe {
  std::string name;
  const Kind* kind = nullptr;  ///< null only in a plan with mistakes
  Params params;               ///< by the kind's keys, its subject among them
  Ns every = kSecond;  ///< open loop: the nth request is due at start + n * every, whatever became of the others
  Rate rate = {};      ///< of a load, which asks at this rate; `every` is then the time between requests at its peak
  Ns timeout = kSecond;
  Ns start = 0;              ///< when the first request is due, since T0; scaled
  std::optional<Ns> length;  ///< requests are due in [start, start + length); none: to the end of the run; scaled

  /// Whether it is there to make load. Latencies then count from when a request was due, not from when it was sent.
  bool is_load() const { return !rate.empty(); }
  /// When it stops asking, in a run of this length.
  Ns end(Ns duration) const { return length ? std::min(duration, start + *length) : duration; }

  /// What is asked, where that is a text; else empty.
  std::string subject() const { return kind->runs_program() ? std::string() : params.text(kind->name()); }
  /// The same for people and the record, without a password and what is `hidden`.
  std::string shown_subject() const;
  /// The command that it runs, or sends; else empty.
  Command command() const;
  /// The same for people and the record.
  Command shown_command() const;
  /// The program that it runs on this machine, and its arguments; else empty.
  Command program() const { return kind->runs_program() ? command() : Command{}; }
  /// What is asked, in one line for people.
  std::string shown() const;

  std::vector<std::string> hidden = {};  ///< values of the plan's variables that are secrets
};

}  // namespace faultline::probe
