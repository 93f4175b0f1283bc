#include "injector/probe/json_text.h"

#include "injector/base/secrets.h"
#include "injector/probe/asker.h"

namespace faultline::probe {

using nlohmann::json;

const json* found_at(const json& document, const json::json_pointer& place) {
  try {
    return document.contains(place) ? &document.at(place) : nullptr;
  } catch (const json::exception&) {  // an index beyond any number
    return nullptr;
  }
}

std::string json_text(const std::string& name, const json* seen) {
  if (seen == nullptr) return "no such field";
  // dump() of a structure calls itself for each level.
  if (seen->is_array()) return "an array";
  if (seen->is_object()) return "an object";
  if (seen->is_string()) return field_text(name, seen->get_ref<const std::string&>());
  return is_secret_field(name) ? "***" : seen->dump();
}

}  // namespace faultline::probe
