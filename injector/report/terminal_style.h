// How verdicts look on a terminal, with and without colours and UTF-8.
#pragma once

#include <cctype>
#include <optional>
#include <string>

#include "injector/base/visible_text.h"

namespace faultline::report {

struct Style {
  bool color;
  bool utf8;
  Visible paint(const char* code, const Visible& text) const { return color ? Visible::painted(code, text) : text; }
  /// `untested`: it held, and nothing put it to the test.
  Visible held(std::optional<bool> h, bool untested = false) const {
    if (!h) return paint("33", "?");
    if (*h && untested) return paint("33", utf8 ? "○" : "o");
    if (*h) return paint("32", utf8 ? "✓" : "+");
    return paint("31", utf8 ? "✗" : "x");
  }
};

/// "CANNOT RUN" of "cannot_run".
inline std::string upper(std::string text) {
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Of an exit status, as an SGR style.
inline const char* verdict_color(int exit) {
  switch (exit) {
    case 0:
      return "1;32";
    case 2:
      return "1;33";
    default:
      return "1;31";
  }
}

}  // namespace faultline::report
