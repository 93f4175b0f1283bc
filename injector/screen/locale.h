// Whether the user's terminal can show more than ASCII, by the usual environment variables.
#pragma once

#include <cstdlib>
#include <string>

namespace faultline::screen {

/// LC_ALL, else LC_CTYPE, else LANG names UTF-8.
inline bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (!value || !*value) continue;
    const std::string text = value;
    for (const char* mark : {"UTF-8", "utf-8", "UTF8", "utf8"})
      if (text.find(mark) != std::string::npos) return true;
    return false;
  }
  return false;
}

}  // namespace faultline::screen
