// Text on its way to a person. Plans, services, other processes, file names and records of other machines are
// strangers' text: a control character, an escape sequence or a character that reorders its neighbours could make a
// terminal or a browser show something else than what is written, or obey it. Whatever leaves Faultline for somebody's
// eyes is therefore a Visible, and a Visible is made in two ways only: from any text, whose invisible characters are
// then written out as TOML would write them (\u001b, \u202e), or by this program's own code, which adds colours and
// moves the cursor. print() is the one way to standard output and standard error
// (docs/decisions/0027-strangers-text.md).
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace faultline {

/// `text` as one line in which each character can be seen: controls, line breaks too, and characters that reorder,
/// join or hide others become \n, \u001b or \u202e, bytes that are not UTF-8 become \xff.
std::string visible(std::string_view text);
/// The same, but line breaks and tabs stay: for messages that have several lines of their own.
std::string visible_lines(std::string_view text);
/// A JSON document in UTF-8 with the same characters escaped as JSON does it. It reads as the same values.
std::string visible_json(std::string document);
/// What somebody else said, as it is recorded and shown: one visible line of at most `most` bytes, then "...". A
/// service may answer with any length.
std::string bounded(std::string_view text, std::size_t most);
/// Where the first character stands that visible() would write out; npos: there is none.
std::size_t find_invisible(std::string_view text);

class Visible;
namespace visible_text {
Visible composed(fmt::string_view format, fmt::format_args arguments);
}

class Visible {
 public:
  Visible() = default;
  Visible(std::string_view text) : bytes_(visible_lines(text)) {}        // NOLINT: any text may become visible
  Visible(const std::string& text) : Visible(std::string_view(text)) {}  // NOLINT
  Visible(const char* text) : Visible(std::string_view(text)) {}         // NOLINT

  /// `text` in an SGR style such as "1;31".
  static Visible painted(const char* style, const Visible& text);
  /// An escape sequence of our own, such as "\x1b[2K". Never of what somebody else wrote.
  template <std::size_t n>
  static Visible sequence(const char (&literal)[n]) {
    Visible out;
    out.bytes_ = literal;
    return out;
  }
  /// Cursor up by so many rows.
  static Visible up(int rows);

  Visible& operator+=(const Visible& more) {
    bytes_ += more.bytes_;
    return *this;
  }
  friend Visible operator+(Visible a, const Visible& b) { return std::move(a += b); }
  /// Replaces each `what` by `with`.
  void replace_all(std::string_view what, std::string_view with);
  bool empty() const { return bytes_.empty(); }
  void clear() { bytes_.clear(); }
  /// As they go out.
  const std::string& bytes() const { return bytes_; }
  bool operator==(const Visible&) const = default;

 private:
  friend Visible visible_text::composed(fmt::string_view format, fmt::format_args arguments);
  std::string bytes_;
};

namespace visible_text {

inline const std::string& part(const Visible& text) { return text.bytes(); }
template <class T>
auto part(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return visible(value);
  } else {
    static_assert(std::is_arithmetic_v<T>, "make it a string first, so that it can be made visible");
    return value;
  }
}

}  // namespace visible_text

/// As fmt::format. Strings among the arguments become one visible line each; a Visible stays as it is.
template <class... Args>
Visible shown(fmt::format_string<decltype(visible_text::part(std::declval<const Args&>()))...> format,
              const Args&... arguments) {
  return [&](const auto&... parts) {
    return visible_text::composed(fmt::string_view(format), fmt::make_format_args(parts...));
  }(visible_text::part(arguments)...);
}

/// Writes to standard output or standard error, at once.
void print(std::FILE* to, const Visible& text);

}  // namespace faultline
