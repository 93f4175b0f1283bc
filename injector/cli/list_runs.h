// The runs under way, for `faultline list`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace faultline::cli {

/// A table for people, or a line that says that there is none.
std::string runs_text();
/// An array; docs/control.md has its fields.
nlohmann::json runs_json();

}  // namespace faultline::cli
