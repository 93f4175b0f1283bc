#include "injector/screen/row.h"

#include <cstdint>

namespace faultline::screen {
namespace {

struct Glyph {
  std::string_view bytes;
  int width;
};

bool is_wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
         (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

/// Takes the first character off a text that is UTF-8.
Glyph take(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t code = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
  const std::string_view bytes = text.substr(0, length);
  text.remove_prefix(length);
  if ((code >= 0x300 && code <= 0x36f) || code == 0x200c || code == 0x200d || code == 0xfe0f) return {bytes, 0};
  return {bytes, is_wide(code) ? 2 : 1};
}

}  // namespace

int columns(std::string_view text) {
  const std::string seen = visible(text);
  int n = 0;
  for (std::string_view rest = seen; !rest.empty();) n += take(rest).width;
  return n;
}

std::string clipped(std::string_view text, int width) {
  const std::string seen = visible(text);
  std::string out;
  int used = 0;
  for (std::string_view rest = seen; !rest.empty();) {
    const Glyph glyph = take(rest);
    if (used + glyph.width > width) break;
    out += glyph.bytes;
    used += glyph.width;
  }
  return out;
}

Row& Row::add(std::string_view text, const char* style) {
  const std::string part = clipped(text, room());
  if (part.empty()) return *this;
  used_ += columns(part);
  text_ += style && look_.color ? Visible::painted(style, part) : Visible(part);
  return *this;
}

Row& Row::pad_to(int column) {
  if (column > used_) add(std::string(static_cast<std::size_t>(column - used_), ' '));
  return *this;
}

}  // namespace faultline::screen
