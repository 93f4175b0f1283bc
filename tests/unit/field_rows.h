// The fields of structs (record/fields.h) as rows of a table in the docs.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "injector/record/fields.h"

namespace faultline::record::testing {

/// The struct in a value, in an optional one, in a list of them.
template <class T>
struct Within {
  using Inner = T;
  static constexpr const char* brackets = "";
};
template <class T>
struct Within<std::optional<T>> : Within<T> {};
template <class T>
struct Within<std::vector<T>> {
  using Inner = T;
  static constexpr const char* brackets = "[]";
};

class FieldRows {
 public:
  template <class Event>
  void event() {
    begin(fmt::format("`{}`", Event::event), Event::means);
    fields<Event>("");
  }
  template <class Request>
  void request() {
    part<Request>(fmt::format("`{}`", Request::verb), Request::means);
    part<typename Request::Answer>(fmt::format("to `{}`", Request::verb), "the answer");
  }
  template <class Struct>
  void part(const std::string& name, const std::string& means) {
    begin(name, means);
    fields<Struct>("");
  }
  template <class Struct>
  void shape(const std::string& means) {
    described.insert(FieldsOf<Struct>::shape);
    part<Struct>(fmt::format("*{}*", FieldsOf<Struct>::shape), means);
  }

  std::vector<std::string> rows;
  std::set<std::string> described, used;  ///< shapes
  std::vector<std::string> wrong;         ///< fields without a meaning, or with a name that the struct has already

 private:
  void begin(const std::string& name, const std::string& means) {
    rows.push_back(fmt::format("| {} | | {} |", name, means));
    names_.clear();
  }
  void row(const std::string& name, const std::string& means) {
    if (means.empty() || !names_.insert(name).second) wrong.push_back(rows.back() + " " + name);
    rows.push_back(fmt::format("| | {} | {} |", name, means));
  }
  template <class Struct>
  void fields(const std::string& prefix) {
    std::apply([&](const auto&... entry) { (entry_rows(entry, prefix), ...); }, FieldsOf<Struct>::fields);
  }
  template <class Base>
  void entry_rows(const Among<Base>& among, const std::string& prefix) {
    used.insert(FieldsOf<Base>::shape);
    const std::string inside = prefix.empty() ? "" : fmt::format("`{}…`: ", prefix);
    row(fmt::format("{}the *{}*", inside, FieldsOf<Base>::shape), among.means);
  }
  template <class Struct, class Value>
  void entry_rows(const Field<Struct, Value>& field, const std::string& prefix) {
    using Inner = typename Within<Value>::Inner;
    const std::string path = prefix + field.name + Within<Value>::brackets;
    if constexpr (!Described<Inner>) {
      row(fmt::format("`{}`", path), field.means);
    } else if (FieldsOf<Inner>::shape) {
      used.insert(FieldsOf<Inner>::shape);
      const bool list = *Within<Value>::brackets != 0;
      row(fmt::format("`{}`", path),
          fmt::format("{} ({}*{}*)", field.means, list ? "each: " : "", FieldsOf<Inner>::shape));
    } else {
      row(fmt::format("`{}`", path), field.means);
      fields<Inner>(path + ".");
    }
  }
  template <class Table>
  void entry_rows(const Table& table, const std::string& prefix) {
    table([&](const auto& field) { entry_rows(field, prefix); });
  }
  std::set<std::string> names_;
};

}  // namespace faultline::record::testing
