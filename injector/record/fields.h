// A struct's fields, named once. What goes into a journal or a summary is a struct that lists its fields with the name
// that each has there and what it means; writing it, reading it back (json_fields.h) and the tables of docs/journal.md
// and docs/summary.md (checked by tests/unit/schema_test.cpp) all follow from that list. A field can therefore not be
// written and forgotten in the reader, nor be documented and gone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace faultline::record {

/// One field: its name, where its value is, what it means (in Markdown, for the docs).
template <class Struct, class Value>
struct Field {
  const char* name;
  Value Struct::*in;
  const char* means;
  bool seldom = false;  ///< left out where it has no value, which is null otherwise
};

template <class Struct, class Value>
constexpr Field<Struct, Value> field(const char* name, Value Struct::*in, const char* means = "") {
  return {name, in, means};
}
template <class Struct, class Value>
constexpr Field<Struct, std::optional<Value>> seldom(const char* name, std::optional<Value> Struct::*in,
                                                     const char* means = "") {
  return {name, in, means, true};
}

/// All fields of another struct, among one's own: those of a base.
template <class Base>
struct Among {
  const char* means;
};

/// The list of a struct: a tuple of Fields, of Among, and of functions that hand a visitor one Field after another, for
/// those that a table names. It is the struct's own `fields`, or stands in a specialization where the struct belongs
/// to a lower layer. `shape` is what the docs call a struct that is described by itself, and not where it is used.
template <class Struct>
struct FieldsOf;
template <class Struct>
requires requires { Struct::fields; }
struct FieldsOf<Struct> {
  static constexpr const auto& fields = Struct::fields;
  static constexpr const char* shape = [] {
    if constexpr (requires { Struct::shape; })
      return Struct::shape;
    else
      return static_cast<const char*>(nullptr);
  }();
};

template <class Struct>
concept Described = requires {
  FieldsOf<Struct>::fields;
};

/// What stands in a record as one word: an enum, or one of a table.
template <class Value>
struct WordOf;
/// One that a table has: pairs of values and words. An unknown word leaves the value as it is.
template <class Value, const auto& words>
struct Words {
  static constexpr std::string_view of(Value value) {
    for (const auto& [known, word] : words)
      if (known == value) return word;
    return "";
  }
  static constexpr void read(std::string_view word, Value& value) {
    for (const auto& [known, text] : words)
      if (text == word) value = known;
  }
};
template <class Value>
concept Worded = requires(Value value) {
  WordOf<Value>::of(value);
};

template <class Struct, class Visit>
void for_each_field(Visit&& visit);

template <class Struct, class Value, class Visit>
void visit_entry(const Field<Struct, Value>& entry, Visit&& visit) {
  visit(entry);
}
template <class Base, class Visit>
void visit_entry(const Among<Base>&, Visit&& visit) {
  for_each_field<Base>(visit);
}
template <class Table, class Visit>
requires std::is_class_v<Table> && requires(const Table& table, Visit& visit) { table(visit); }
void visit_entry(const Table& table, Visit&& visit) { table(visit); }

/// Calls `visit` with every Field of a struct, those of its bases and tables as well.
template <class Struct, class Visit>
void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... entry) { (visit_entry(entry, visit), ...); }, FieldsOf<Struct>::fields);
}

}  // namespace faultline::record
