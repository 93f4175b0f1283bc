#include "injector/base/shell.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "injector/base/visible_text.h"

namespace faultline {
namespace {

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("%+,-./:=@_").find(c) != std::string_view::npos;
}

bool is_no_ascii(char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f; }

}  // namespace

std::string shell_quoted(const std::string& word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  const bool control = find_invisible(word) != std::string::npos;  // which no page and no terminal shows as it is
  std::string out = control ? "$'" : "'";
  for (const char c : word) {
    if (control && is_no_ascii(c))
      out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    else if (control && (c == '\'' || c == '\\'))
      out += std::string("\\") + c;
    else if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return line;
}

}  // namespace faultline
