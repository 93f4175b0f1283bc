// A place in a service's JSON document, and what is told of it. The document is a stranger's: a place may not be in it
// in any way, and what is there may be nested as deeply as its bytes allow.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace faultline::probe {

/// What stands there; null: nothing, or the place is none that such a document could have ("/a/999999999999999999999").
const nlohmann::json* found_at(const nlohmann::json& document, const nlohmann::json::json_pointer& place);

/// What was seen at a field of this name: a text in quotation marks, a number, "an array"; "***" where the name
/// announces a secret. Null: no such field.
std::string json_text(const std::string& name, const nlohmann::json* seen);

}  // namespace faultline::probe
