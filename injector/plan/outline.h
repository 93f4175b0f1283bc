// What the parser takes, as a tree: of each table of a plan its keys, and of each key the forms that its value may
// have. The parser fills it in itself: while it reads a plan of blank tables, Table notes each key that it is asked
// for. So there is no second list of the language's keys that could fall behind. schema.h makes a JSON Schema of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "injector/plan/document.h"

namespace faultline::plan {

/// One form that a key's value may have.
struct Form {
  enum class Type {
    text,      ///< one of `choices`, if there are any; else what `pattern` matches
    integer,   ///< `min` to `max`
    boolean,   ///< true or false
    texts,     ///< a text, or an array of them
    command,   ///< an array of texts
    fields,    ///< a table of texts by name
    timeline,  ///< a duration, or { true = …, scaled = … }
    ports,     ///< a port, a text of ports and ranges, or an array of both
    groups,    ///< an array of arrays of texts
    points,    ///< an array of tables: a profile (faults::figures())
    load,      ///< an array of tables: at an instant, a rate that `pattern` matches
    table,     ///< what is in it is another Outline, as is what is in
    tables,    ///< an array of tables
  };
  Type type = Type::text;
  std::string example = {};  ///< as written in a plan
  std::string pattern = {};  ///< ECMA 262; empty: any text
  std::int64_t min = 0, max = 0;
  std::vector<std::string> choices = {};
  std::string doc = {};  ///< one sentence; empty: none

  bool operator==(const Form&) const = default;
};

class Outline {
 public:
  struct Key {
    std::vector<Form> forms;  ///< its value has one of them; empty: nobody said which
    int required = 0;         ///< by how many of the tables that were read
    std::unique_ptr<Outline> inner;
  };

  const std::map<std::string, Key, std::less<>>& keys() const { return keys_; }
  /// Of a table whose keys are names: what is in each. Null: its keys are not names.
  const Outline* named() const;
  /// Whether every table of this sort must have the key.
  bool requires_key(const Key& key) const { return tables_ > 0 && key.required == tables_; }

  // ---- for Table ----
  void add_table() { ++tables_; }
  void add_key(std::string_view key) { find(key); }
  void add_form(std::string_view key, Form form);
  void require(std::string_view key) { ++find(key).required; }
  /// What is in the tables under this key.
  Outline& inner(std::string_view key);
  /// A table without keys, and one with a single blank table in it, for a parser that asks for some.
  const Node& blank() const { return blank_; }
  const Node& one() const { return one_; }

 private:
  Key& find(std::string_view key);

  std::map<std::string, Key, std::less<>> keys_;
  int tables_ = 0;
  Node blank_;
  Node one_ = [] {
    Node node;
    node.entries.emplace_back().key = "name";
    return node;
  }();
};

/// Of the whole language.
const Outline& outline();

}  // namespace faultline::plan
