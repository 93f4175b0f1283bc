#include "injector/probe/http_expectation.h"

#include <fmt/format.h>

#include "injector/base/secrets.h"
#include "injector/probe/asker.h"
#include "injector/probe/json_text.h"

namespace faultline::probe {

using nlohmann::json;

HttpExpectation::HttpExpectation(std::optional<std::int64_t> status, std::string contained, const std::string& matches,
                                 Fields headers, const Fields& json)
    : status_(status), contained_(std::move(contained)), matches_text_(matches), headers_(std::move(headers)) {
  if (!matches.empty()) matches_ = Pattern::parse(matches).value;
  for (const auto& [pointer, value] : json) json_.emplace_back(nlohmann::json::json_pointer(pointer), value);
}

bool HttpExpectation::wants_body() const { return !contained_.empty() || matches_ || !json_.empty(); }

bool HttpExpectation::has_status(const HttpAnswer& answer) const {
  return status_ ? answer.status == *status_ : answer.status >= 200 && answer.status < 400;
}

std::string HttpExpectation::judge(const HttpAnswer& answer) const {
  if (!has_status(answer)) return fmt::format("status {}", answer.status);
  if (missed_header(answer)) return "header";
  if (answer.body.find(contained_) == std::string_view::npos) return "body";
  if (matches_ && !matches_->matches(answer.body)) return "matches";
  return missed_value(answer.body) ? "json" : "";
}

std::string HttpExpectation::mismatch(const HttpAnswer& answer) const {
  if (!has_status(answer))
    return mismatch_text("status", status_ ? std::to_string(*status_) : "200 to 399", std::to_string(answer.status));
  if (auto missed = missed_header(answer)) return *missed;
  if (answer.body.find(contained_) == std::string_view::npos)
    return fmt::format("body: {} wanted in it, and not there", quoted_briefly(contained_));
  if (matches_ && !matches_->matches(answer.body))
    return fmt::format("body: nothing in it matches {}", quoted_briefly(matches_text_));
  return missed_value(answer.body).value_or("");
}

std::optional<std::string> HttpExpectation::missed_header(const HttpAnswer& answer) const {
  for (const auto& [name, contained] : headers_) {
    const auto value = answer.header(name);
    if (!value) return mismatch_text("header " + name, field_text(name, contained), "no such header");
    if (value->find(contained) == std::string::npos)
      return mismatch_text("header " + name, field_text(name, contained), field_text(name, *value));
  }
  return {};
}

std::optional<std::string> HttpExpectation::missed_value(std::string_view body) const {
  if (json_.empty()) return {};
  const json document = json::parse(body, nullptr, false);
  if (document.is_discarded()) return mismatch_text("body", "a JSON document", body.empty() ? "nothing" : "no JSON");
  for (const auto& [pointer, value] : json_) {
    const json* seen = found_at(document, pointer);
    if (seen != nullptr && is_json_value(*seen, value)) continue;
    const std::string name = pointer.to_string();
    const bool text = seen != nullptr && seen->is_string();
    return mismatch_text("JSON field " + name, text || is_secret_field(name) ? field_text(name, value) : value,
                         json_text(name, seen));
  }
  return {};
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
