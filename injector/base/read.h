// What reading a text comes to: every reader of what a person wrote (a duration, an address, whom a probe asks) says in
// the same way what is wrong and what would be right, and leaves it to the caller where that stood.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace faultline {

/// A value, or what is wrong with the text and what would be right.
template <class T>
struct Read {
  std::optional<T> value;
  std::string error, hint;
};

/// The plain error: the text is not `what` it should be.
inline Read<std::string> unfit(const std::string& text, std::string_view what) {
  return {std::nullopt, "\"" + text + "\" is not " + std::string(what), {}};
}

}  // namespace faultline
