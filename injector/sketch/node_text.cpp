#include "injector/sketch/node_text.h"

#include <algorithm>
#include <cctype>

#include "injector/sketch/sketch.h"

namespace faultline::sketch {
namespace {

std::string list_of(const plan::Node& array) {
  const bool tables = !array.items.empty() && std::all_of(array.items.begin(), array.items.end(), [](const auto& item) {
    return item.type == plan::Node::Type::table;
  });
  std::string out = tables ? "[\n" : "[";
  for (std::size_t i = 0; i < array.items.size(); i++) {
    if (tables)
      out += "  " + toml_of(array.items[i]) + ",\n";
    else
      out += (i == 0 ? "" : ", ") + toml_of(array.items[i]);
  }
  return out + "]";
}

std::string table_of(const plan::Node& table) {
  std::string out = "{";
  for (const auto& entry : table.entries)
    out += (out.size() == 1 ? " " : ", ") + toml_key(entry.key) + " = " + toml_of(entry.value);
  return out + " }";
}

}  // namespace

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c)) || c == '-' || c == '_';
  });
  return bare ? std::string(key) : toml_text(key);
}

std::string toml_of(const plan::Node& value) {
  using Type = plan::Node::Type;
  switch (value.type) {
    case Type::string:
      return toml_text(value.text);
    case Type::integer:
      return std::to_string(value.integer);
    case Type::boolean:
      return value.boolean ? "true" : "false";
    case Type::real:
      return "0.5";
    case Type::date:
      return "1970-01-01";
    case Type::array:
      return list_of(value);
    case Type::table:
      return table_of(value);
  }
  return "\"\"";
}

}  // namespace faultline::sketch
