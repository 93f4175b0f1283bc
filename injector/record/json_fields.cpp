#include "injector/record/json_fields.h"

#include "injector/base/visible_text.h"

namespace faultline::record {

void append_json(std::string& out, const nlohmann::json& value) {
  out += visible_json(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void append_text(std::string& out, const std::string& text) {
  for (const unsigned char c : text)
    if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') return append_json(out, text);
  out += '"';
  out += text;
  out += '"';
}

std::string json_document(const nlohmann::json& value) {
  return visible_json(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)) + "\n";
}

}  // namespace faultline::record
