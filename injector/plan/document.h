// A TOML document as plain data: every key and value with its place, keys in the order of the file. It hides the TOML
// library from the rest of the parser (one translation unit compiles it), and keeps what that library loses: the order
// of a table's keys, which gives lab hosts their addresses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "injector/plan/parse.h"

namespace faultline::plan {

struct Entry;

/// A TOML value.
struct Node {
  enum class Type { string, integer, real, boolean, date, array, table };
  Type type = Type::table;
  SourcePlace at;
  std::string text;  ///< of a string
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> items;     ///< of an array
  std::vector<Entry> entries;  ///< of a table, in the order of the file

  const Entry* find(std::string_view key) const;
};

/// A key of a table with its value.
struct Entry {
  std::string key;
  SourcePlace at;  ///< of the key
  Node value;
};

/// "a string", "an integer", …
std::string_view describe(Node::Type type);

/// Parses TOML. A syntax error is the only diagnostic, and the table is empty then.
Node read_document(std::string_view text, std::vector<Diagnostic>& diagnostics);

}  // namespace faultline::plan
