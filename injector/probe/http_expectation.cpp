#include "injector/probe/http_expectation.h"

#include <fmt/format.h>

namespace faultline::probe {

using nlohmann::json;

HttpExpectation::HttpExpectation(std::optional<std::int64_t> status, std::string contained, const std::string& matches,
                                 Fields headers, const Fields& json)
    : status_(status), contained_(std::move(contained)), headers_(std::move(headers)) {
  if (!matches.empty()) matches_ = Pattern::parse(matches).value;
  for (const auto& [pointer, value] : json) json_.emplace_back(nlohmann::json::json_pointer(pointer), value);
}

bool HttpExpectation::wants_body() const { return !contained_.empty() || matches_ || !json_.empty(); }

std::string HttpExpectation::judge(const HttpAnswer& answer) const {
  const bool right = status_ ? answer.status == *status_ : answer.status >= 200 && answer.status < 400;
  if (!right) return fmt::format("status {}", answer.status);
  if (!has_headers(answer)) return "header";
  if (answer.body.find(contained_) == std::string_view::npos) return "body";
  if (matches_ && !matches_->matches(answer.body)) return "matches";
  return json_.empty() || has_json(answer.body) ? "" : "json";
}

bool HttpExpectation::has_headers(const HttpAnswer& answer) const {
  for (const auto& [name, contained] : headers_) {
    const auto value = answer.header(name);
    if (!value || value->find(contained) == std::string::npos) return false;
  }
  return true;
}

bool HttpExpectation::has_json(std::string_view body) const {
  const json document = json::parse(body, nullptr, false);
  if (document.is_discarded()) return false;
  for (const auto& [pointer, value] : json_)
    if (!document.contains(pointer) || !is_json_value(document.at(pointer), value)) return false;
  return true;
}

Read<std::string> read_pattern(const std::string& text) {
  const auto pattern = Pattern::parse(text);
  if (pattern.value) return {text, {}, {}};
  return {std::nullopt, pattern.error, pattern.hint};
}

bool is_json_value(const json& value, const std::string& text) {
  if (value.is_string()) return value.get_ref<const std::string&>() == text;
  const json expected = json::parse(text, nullptr, false);
  return !expected.is_discarded() && expected == value;
}

}  // namespace faultline::probe
