// A value of a plan that has been read, written as TOML again: what is put together from parts of other plans is text,
// as every plan is.
#pragma once

#include <string>
#include <string_view>

#include "injector/plan/document.h"

namespace faultline::sketch {

/// It reads back as the same value, in the same order of keys. A decimal number and a date, which no key of a plan
/// takes and whose values are therefore not kept, become one of that type. An array of tables has a line for each.
std::string toml_of(const plan::Node& value);

/// A key, in quotes where TOML wants some.
std::string toml_key(std::string_view key);

}  // namespace faultline::sketch
