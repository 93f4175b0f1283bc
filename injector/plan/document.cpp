#include "injector/plan/document.h"

#include <algorithm>
#include <optional>

#include "injector/plan/hidden.h"

// Compiled in, and only here: a shared library would be one more thing for a user to install.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
// Its assertions would end the process over plans that it refuses properly right after ("x = ]").
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

namespace faultline::plan {
namespace {

SourcePlace place_of(const toml::source_region& source) { return {source.begin.line, source.begin.column}; }

Node convert(const toml::node& from);

void convert_table(const toml::table& from, Node& to) {
  to.type = Node::Type::table;
  to.entries.reserve(from.size());
  for (const auto& [key, value] : from)
    to.entries.push_back({std::string(key.str()), place_of(key.source()), convert(value)});
  std::sort(to.entries.begin(), to.entries.end(), [](const Entry& a, const Entry& b) {
    return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
  });
}

Node convert(const toml::node& from) {
  Node to;
  to.at = place_of(from.source());
  switch (from.type()) {
    case toml::node_type::string:
      to.type = Node::Type::string;
      to.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      to.type = Node::Type::integer;
      to.integer = from.as_integer()->get();
      break;
    case toml::node_type::boolean:
      to.type = Node::Type::boolean;
      to.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::floating_point:
      to.type = Node::Type::real;
      break;
    case toml::node_type::array:
      to.type = Node::Type::array;
      to.items.reserve(from.as_array()->size());
      for (const auto& item : *from.as_array()) to.items.push_back(convert(item));
      break;
    case toml::node_type::table:
      convert_table(*from.as_table(), to);
      break;
    default:
      to.type = Node::Type::date;
  }
  return to;
}

constexpr int kMaxDots = 16;

/// Where a dotted key has more than kMaxDots parts. The TOML library bounds the nesting of values but not of dotted
/// keys, and recurses once a part: a long one overflows the stack. This looks at punctuation alone, outside strings and
/// comments.
std::optional<SourcePlace> find_deep_key(std::string_view text) {
  SourcePlace at{1, 0};
  int dots = 0;
  char quote = 0;
  bool multiline = false, comment = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c & 0xc0) != 0x80) ++at.column;  // columns count characters, not bytes
    if (c == '\n') {
      ++at.line;
      at.column = 0;
      dots = 0;
      comment = false;
      if (!multiline) quote = 0;
      continue;
    }
    if (comment) continue;
    const auto is_triple = [&] { return i + 2 < text.size() && text[i + 1] == c && text[i + 2] == c; };
    if (quote) {
      if (c == '\\' && quote == '"') {
        if (i + 1 < text.size() && text[i + 1] != '\n') {
          ++i;
          ++at.column;
        }
      } else if (c == quote && (!multiline || is_triple())) {
        if (multiline) {
          i += 2;
          at.column += 2;
        }
        quote = 0;
        multiline = false;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      multiline = is_triple();
      if (multiline) {
        i += 2;
        at.column += 2;
      }
    } else if (c == '#') {
      comment = true;
    } else if (c == '=' || c == '[' || c == '{' || c == ',') {
      dots = 0;
    } else if (c == '.' && ++dots > kMaxDots) {
      return at;
    }
  }
  return std::nullopt;
}

/// The library's description without its preamble, and without the name of its own build option.
std::string tidy(std::string_view description) {
  if (description.find("exceeded maximum nested") != std::string_view::npos)
    return "values are nested more than " + std::to_string(TOML_MAX_NESTED_VALUES) + " deep";
  return "not valid TOML: " + std::string(description);
}

}  // namespace

const Entry* Node::find(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

std::string_view describe(Node::Type type) {
  switch (type) {
    case Node::Type::string:
      return "a string";
    case Node::Type::integer:
      return "an integer";
    case Node::Type::real:
      return "a decimal number";
    case Node::Type::boolean:
      return "true or false";
    case Node::Type::date:
      return "a date or time";
    case Node::Type::array:
      return "an array";
    case Node::Type::table:
      return "a table";
  }
  return "a value";
}

Node read_document(std::string_view text, std::vector<Diagnostic>& diagnostics) {
  Node document;
  document.at = {1, 1};
  if (const auto deep = find_deep_key(text)) {
    diagnostics.push_back({*deep, "this key has more than " + std::to_string(kMaxDots + 1) + " parts", "", false});
    return document;
  }
  try {
    const toml::table table = toml::parse(text, std::string_view());
    convert_table(table, document);
  } catch (const toml::parse_error& error) {
    const SourcePlace at = place_of(error.source());
    diagnostics.push_back({at, without_hidden_in_message(tidy(error.description()), text, at),
                           "a syntax error is reported alone: what follows it cannot be trusted", false});
  }
  return document;
}

}  // namespace faultline::plan
