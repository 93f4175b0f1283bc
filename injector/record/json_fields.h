// Structs with fields (fields.h) as JSON, and back: the one place where a record's names meet JSON. Reading is lenient
// as an older or newer version needs it: a field that is absent or null keeps its default, one that is unknown is left
// alone. What is there and is something else throws nlohmann::json::exception, when all the rest has been read.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "injector/record/fields.h"

namespace faultline::record {

template <class Value>
nlohmann::json to_json(const Value& value);
template <class Value>
void read_json(const nlohmann::json& from, Value& to);

/// `text` as a JSON string, `value` as JSON, put behind `out`: in one line, what cannot be seen written out.
void append_text(std::string& out, const std::string& text);
void append_json(std::string& out, const nlohmann::json& value);

/// As a file or standard output has it: indented, what cannot be seen written out, a line break at its end.
std::string json_document(const nlohmann::json& value);

namespace as_json {

template <class T>
nlohmann::json written(const std::optional<T>& value) {
  return value ? to_json(*value) : nlohmann::json();
}
template <class T>
nlohmann::json written(const std::vector<T>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& value : values) list.push_back(to_json(value));
  return list;
}
template <class T>
nlohmann::json written(const std::map<std::string, T>& values) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, value] : values) object[key] = to_json(value);
  return object;
}
template <class T>
nlohmann::json written(const T& value) {
  return value;
}

/// Goes on after a part that cannot be read, and tells of the first such part in the end.
class Parts {
 public:
  /// False: this part could not be read, or not all of it.
  template <class T>
  bool read(const nlohmann::json& from, T& to) {
    try {
      read_json(from, to);
      return true;
    } catch (const nlohmann::json::exception&) {
      if (!first_) first_ = std::current_exception();
      return false;
    }
  }
  void tell() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::exception_ptr first_;
};

template <class T>
void read(const nlohmann::json& from, std::optional<T>& to) {
  Parts parts;
  if (!parts.read(from, to.emplace()) && !Described<T>) to.reset();
  parts.tell();
}
template <class T>
void read(const nlohmann::json& from, std::vector<T>& to) {
  to.clear();
  Parts parts;
  for (const auto& one : from.get_ref<const nlohmann::json::array_t&>()) {
    T value{};
    if (!parts.read(one, value) && !Described<T>) continue;
    if constexpr (std::is_pointer_v<T>)
      if (!value) continue;  // a word of another version
    to.push_back(std::move(value));
  }
  parts.tell();
}
template <class T>
void read(const nlohmann::json& from, std::map<std::string, T>& to) {
  to.clear();
  Parts parts;
  for (const auto& [key, one] : from.get_ref<const nlohmann::json::object_t&>()) {
    T value{};
    if (parts.read(one, value) || Described<T>) to[key] = std::move(value);
  }
  parts.tell();
}
/// Whether a real number is in the range of an integer type. Its upper end need not be a double, the next power of two
/// is.
template <class T>
bool holds(double value) {
  return value >= static_cast<double>(std::numeric_limits<T>::min()) &&
         value < std::ldexp(1.0, std::numeric_limits<T>::digits);
}

/// A whole number that `T` can hold; with a fraction it loses that. What it cannot would become any number.
template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) void read(const nlohmann::json& from, T& to) {
  using json = nlohmann::json;
  const bool fits = from.is_number_unsigned()  ? std::in_range<T>(from.get<std::uint64_t>())
                    : from.is_number_integer() ? std::in_range<T>(from.get<std::int64_t>())
                    : from.is_number_float()   ? holds<T>(from.get<double>())
                                               : true;  // no number at all: get_to() throws
  if (!fits) throw json::other_error::create(501, "a number is out of range", &from);
  from.get_to(to);
}
template <class T>
void read(const nlohmann::json& from, T& to) {
  from.get_to(to);
}

template <class T>
bool has_value(const T&) {
  return true;
}
template <class T>
bool has_value(const std::optional<T>& value) {
  return value.has_value();
}

template <class T>
void append(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    append_text(out, value);
  else if constexpr (std::is_same_v<T, bool>)
    out += value ? "true" : "false";
  else if constexpr (std::is_integral_v<T>)
    out += fmt::format_int(value).c_str();
  else
    append_json(out, to_json(value));
}
template <class T>
void append(std::string& out, const std::optional<T>& value) {
  if (value)
    append(out, *value);
  else
    out += "null";
}

}  // namespace as_json

template <class Value>
nlohmann::json to_json(const Value& value) {
  if constexpr (Worded<Value>) {
    return std::string(WordOf<Value>::of(value));
  } else if constexpr (Described<Value>) {
    nlohmann::json object = nlohmann::json::object();
    for_each_field<Value>([&](const auto& field) {
      const auto& member = value.*field.in;
      if (!field.seldom || as_json::has_value(member)) object[field.name] = to_json(member);
    });
    return object;
  } else {
    return as_json::written(value);
  }
}

template <class Value>
void read_json(const nlohmann::json& from, Value& to) {
  if constexpr (Worded<Value>) {
    WordOf<Value>::read(from.get_ref<const std::string&>(), to);
  } else if constexpr (Described<Value>) {
    const auto& object = from.get_ref<const nlohmann::json::object_t&>();
    as_json::Parts parts;
    for_each_field<Value>([&](const auto& field) {
      const auto it = object.find(field.name);
      if (it != object.end() && !it->second.is_null()) parts.read(it->second, to.*field.in);
    });
    parts.tell();
  } else {
    as_json::read(from, to);
  }
}

template <class Value>
Value from_json(const nlohmann::json& from) {
  Value value{};
  read_json(from, value);
  return value;
}

/// The fields of `value` as they stand inside a JSON object, in the order of its list: `,"probe":"pay","due":20000000`.
template <class Value>
void append_fields(std::string& out, const Value& value) {
  for_each_field<Value>([&](const auto& field) {
    const auto& member = value.*field.in;
    if (field.seldom && !as_json::has_value(member)) return;
    out += ",\"";
    out += field.name;
    out += "\":";
    as_json::append(out, member);
  });
}

}  // namespace faultline::record
