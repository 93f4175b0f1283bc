// The number in an answer: the whole of it, or one that a JSON document has at a place. What is no number, or none that
// can be reckoned with (infinite, not a number), is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "injector/base/read.h"

namespace faultline::probe {

struct Key;
class Params;

/// The key `value` of kinds whose answers may hold a number.
Key value_key();
/// As RFC 6901 has them: "/items/0/price"; "" is the whole document.
bool is_json_pointer(const std::string& text);
/// "number", or a JSON pointer: "/queue/length".
Read<std::string> read_value_place(const std::string& text);
/// `place` as read_value_place() takes it.
std::optional<double> value_in(std::string_view answer, const std::string& place);
/// Of an answer that holds none: what was wanted, and what was seen instead (Heard).
std::string no_value_text(std::string_view answer, const std::string& place);
/// A decimal number, blanks around it left out.
std::optional<double> number_of(std::string_view text);

}  // namespace faultline::probe
