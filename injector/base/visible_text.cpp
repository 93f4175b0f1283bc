#include "injector/base/visible_text.h"

#include <algorithm>
#include <cstdint>

namespace faultline {
namespace {

struct Character {
  std::size_t bytes;   ///< that it takes
  std::uint32_t code;  ///< meaningless when it is not sound
  bool sound;          ///< UTF-8: of the shortest form, no surrogate, not beyond Unicode
};

Character first_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {1, first, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > text.size()) return {1, first, false};
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return {1, first, false};
    code = (code << 6) | (next & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {1, first, false};
  return {length, code, true};
}

struct Span {
  std::uint32_t first, last;
};

// Unicode's controls (Cc), its separators of lines (Zl, Zp) and those of its format characters (Cf) that reorder, hide
// or join text, or are meant for programs. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
constexpr Span kInvisible[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},     {0x180e, 0x180e},
    {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},   {0xfdd0, 0xfdef},
    {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool is_invisible(std::uint32_t code) {
  if ((code & 0xfffe) == 0xfffe) return true;  // Unicode's noncharacters, in every plane
  for (const auto& [first, last] : kInvisible)
    if (code >= first && code <= last) return true;
  return false;
}

/// Calls plain(bytes) for what can be seen, written_out(character) for the rest.
template <class Plain, class WrittenOut>
void walk(std::string_view text, Plain plain, WrittenOut written_out) {
  std::size_t begin = 0;  // of what is plain
  for (std::size_t at = 0; at < text.size();) {
    const Character c = first_of(text.substr(at));
    if (c.sound && !is_invisible(c.code)) {
      at += c.bytes;
      continue;
    }
    if (at > begin) plain(text.substr(begin, at - begin));
    written_out(c);
    at += c.bytes;
    begin = at;
  }
  if (begin < text.size()) plain(text.substr(begin));
}

std::string made_visible(std::string_view text, bool lines) {
  std::string out;
  out.reserve(text.size());
  walk(
      text, [&](std::string_view plain) { out += plain; },
      [&](const Character& c) {
        if (!c.sound)
          out += fmt::format("\\x{:02x}", c.code);
        else if (c.code == '\n' || c.code == '\t')
          out += lines ? std::string(1, static_cast<char>(c.code)) : c.code == '\n' ? "\\n" : "\\t";
        else if (c.code == '\r')
          out += "\\r";
        else
          out += c.code > 0xffff ? fmt::format("\\U{:08x}", c.code) : fmt::format("\\u{:04x}", c.code);
      });
  return out;
}

}  // namespace

std::string visible(std::string_view text) { return made_visible(text, false); }
std::string visible_lines(std::string_view text) { return made_visible(text, true); }

std::string bounded(std::string_view text, std::size_t most) {
  std::string out =
      visible(text.substr(0, most + 4));  // no character is longer; nor is a text that is written out shorter
  if (out.size() <= most && text.size() <= most) return out;
  std::size_t end = std::min(out.size(), most);
  while (end > 0 && end < out.size() && (out[end] & 0xc0) == 0x80) --end;
  return out.substr(0, end) + "...";
}

std::string visible_json(std::string document) {
  // Between its strings JSON has only ASCII, and of its controls only those that lay it out.
  const auto layout = [](const Character& c) { return c.code == '\n' || c.code == '\t' || c.code == '\r'; };
  std::string out;
  out.reserve(document.size());
  walk(
      document, [&](std::string_view plain) { out += plain; },
      [&](const Character& c) {
        if (!c.sound)
          out += "\\ufffd";
        else if (layout(c))
          out += static_cast<char>(c.code);
        else if (c.code > 0xffff)
          out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((c.code - 0x10000) >> 10),
                             0xdc00 + ((c.code - 0x10000) & 0x3ff));
        else
          out += fmt::format("\\u{:04x}", c.code);
      });
  return out;
}

std::size_t find_invisible(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character c = first_of(text.substr(at));
    if (!c.sound || is_invisible(c.code)) return at;
    at += c.bytes;
  }
  return std::string_view::npos;
}

Visible Visible::painted(const char* style, const Visible& text) {
  Visible out;
  out.bytes_ = fmt::format("\x1b[{}m{}\x1b[0m", style, text.bytes_);
  return out;
}

Visible Visible::up(int rows) {
  Visible out;
  if (rows > 0) out.bytes_ = fmt::format("\x1b[{}A", rows);
  return out;
}

void Visible::replace_all(std::string_view what, std::string_view with) {
  const std::string clean = visible_lines(with);
  for (auto at = bytes_.find(what); at != std::string::npos; at = bytes_.find(what, at + clean.size()))
    bytes_.replace(at, what.size(), clean);
}

Visible visible_text::composed(fmt::string_view format, fmt::format_args arguments) {
  Visible out;
  fmt::vformat_to(std::back_inserter(out.bytes_), format, arguments);
  return out;
}

void print(std::FILE* to, const Visible& text) {
  std::fwrite(text.bytes().data(), 1, text.bytes().size(), to);
  std::fflush(to);
}

}  // namespace faultline
