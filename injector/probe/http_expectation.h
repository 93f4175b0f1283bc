// What an answer over HTTP must be for a request to be well, and by which name it is not.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "injector/base/pattern.h"
#include "injector/probe/kind.h"

namespace faultline::probe {

/// Of a body no more is looked at.
inline constexpr std::size_t kMostBody = 1 << 20;

struct HttpAnswer {
  std::uint64_t n = 0;  ///< to which request
  long status = 0;
  std::string_view body;
  /// A header's value, or a trailer's; none: it has no such header.
  std::function<std::optional<std::string>(const std::string& name)> header;
};

class HttpExpectation {
 public:
  /// `matches` and the pointers of `json` have passed read_pattern() and is_json_pointer() (value.h).
  HttpExpectation(std::optional<std::int64_t> status, std::string contained, const std::string& matches, Fields headers,
                  const Fields& json);

  bool wants_body() const;
  /// "": all is well; else the request's error: "status 503", "header", "body", "matches", "json". The first of these.
  std::string judge(const HttpAnswer& answer) const;
  /// Of an answer that is not well: what was wanted, and what it was instead (Heard).
  std::string mismatch(const HttpAnswer& answer) const;

 private:
  bool has_status(const HttpAnswer& answer) const;
  /// In words, the first header that is not there or does not hold what it should; nothing: there is none.
  std::optional<std::string> missed_header(const HttpAnswer& answer) const;
  /// The same of the JSON document's values.
  std::optional<std::string> missed_value(std::string_view body) const;

  std::optional<std::int64_t> status_;  ///< none: any 2xx or 3xx
  std::string contained_, matches_text_;
  std::optional<Pattern> matches_;
  Fields headers_;
  std::vector<std::pair<nlohmann::json::json_pointer, std::string>> json_;
};

/// A regular expression as RE2 has them.
Read<std::string> read_pattern(const std::string& text);
/// Whether a value of a JSON document is what `text` says: a string as it is, anything else as JSON writes it.
bool is_json_value(const nlohmann::json& value, const std::string& text);

}  // namespace faultline::probe
