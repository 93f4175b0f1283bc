#include "injector/probe/value.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "injector/probe/asker.h"
#include "injector/probe/json_text.h"
#include "injector/probe/kind.h"

namespace faultline::probe {

constexpr std::string_view kWhole = "number";

Key value_key() {
  return {.name = "value",
          .type = ValueType::text,
          .doc =
              "The answer holds a number, which hypotheses and guards may bound: the whole answer is one "
              "(`\"number\"`), or a JSON document has one at this pointer.",
          .example = "\"/queue/length\"",
          .otherwise = "no number",
          .read = read_value_place,
          .hint = "write value = \"number\", or where a JSON document has it: value = \"/queue/length\""};
}

Read<std::string> read_value_place(const std::string& text) {
  if (text == kWhole) return {text, {}, {}};
  if (!text.starts_with('/')) return unfit(text, "\"number\" or a JSON pointer");  // "" points at the whole document
  if (!is_json_pointer(text)) return unfit(text, "a JSON pointer: ~ is written ~0");
  return {text, {}, {}};
}

bool is_json_pointer(const std::string& text) {
  try {
    static_cast<void>(nlohmann::json::json_pointer(text));
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

std::optional<double> number_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  if (text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::string no_value_text(std::string_view answer, const std::string& place) {
  using nlohmann::json;
  const char* wanted = "a number";
  if (place == kWhole) return mismatch_text("answer", wanted, answer.empty() ? "nothing" : quoted_briefly(answer));
  const json document = json::parse(answer, nullptr, false);
  if (document.is_discarded())
    return mismatch_text("answer", "a JSON document", answer.empty() ? "nothing" : "no JSON");
  return mismatch_text("JSON field " + place, wanted, json_text(place, found_at(document, json::json_pointer(place))));
}

std::optional<double> value_in(std::string_view answer, const std::string& place) {
  if (place == kWhole) return number_of(answer);
  try {
    const auto document = nlohmann::json::parse(answer);
    const auto& found = document.at(nlohmann::json::json_pointer(place));
    if (found.is_string()) return number_of(found.get_ref<const std::string&>());
    if (!found.is_number()) return {};
    const double value = found.get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
  } catch (const nlohmann::json::exception&) {  // no document, or nothing there
    return {};
  }
}

}  // namespace faultline::probe
