// Diagnostics for a person: the place, the line it is on, and what would be right.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "injector/base/visible_text.h"
#include "injector/plan/hidden.h"
#include "injector/plan/parse.h"

namespace faultline::plan {
namespace {

constexpr std::size_t kShown = 1000;  ///< diagnostics; nobody reads more, and a huge plan can have millions
constexpr std::size_t kWidth = 120;   ///< characters of a source line

bool starts_character(char c) { return (c & 0xc0) != 0x80; }

/// A text of which lines are shown.
struct Source {
  explicit Source(std::string_view text) : text(text), hidden(hidden_in(text, Text::refused)) {
    for (std::size_t end = 0; (end = text.find('\n', end)) != std::string_view::npos;) begins.push_back(++end);
  }
  std::string_view text;
  std::vector<Part> hidden;
  std::vector<std::size_t> begins{0};  ///< of lines
};

/// The line `number` with a caret below its column (in characters, both from 1), without secrets. Of a long line, what
/// surrounds the caret.
std::string excerpt(const Source& source, std::size_t number, std::size_t column) {
  const Part whole = line_at(source.text, source.begins[number - 1]);
  std::size_t caret = whole.begin;  // in bytes
  for (std::size_t characters = 1; caret < whole.end; ++caret)
    if (starts_character(source.text[caret]) && characters++ == column) break;
  caret -= whole.begin;
  const std::string line = without_hidden(source.text, whole, source.hidden, &caret);
  std::size_t begin = caret > kWidth / 2 ? caret - kWidth / 2 : 0;
  std::size_t end = std::min(line.size(), begin + kWidth);
  while (begin > 0 && !starts_character(line[begin])) --begin;
  while (end < line.size() && !starts_character(line[end])) ++end;
  std::string shown, below;
  if (begin > 0) {
    shown = "...";
    below = "   ";
  }
  for (std::size_t i = begin; i < end; ++i) {
    std::size_t next = i + 1;
    while (next < end && !starts_character(line[next])) ++next;
    const std::string_view character = std::string_view(line).substr(i, next - i);
    const std::string seen = character == "\t" ? "\t" : visible(character);
    shown += seen;
    // Written out, a character is wider; a tab is as wide below as above.
    if (i < caret) below += seen == character ? (seen == "\t" ? "\t" : " ") : std::string(seen.size(), ' ');
    i = next - 1;
  }
  if (end < line.size()) shown += "...";
  return fmt::format("    {}\n    {}^\n", shown, below);
}

}  // namespace

std::string render(const Parsed& parsed) {
  std::map<std::string, Source> sources;
  if (!parsed.ok()) {
    for (const auto& [file, text] : parsed.sources) sources.emplace(file, text);
    if (parsed.sources.empty()) sources.emplace("", parsed.plan.text);
  }
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, parsed.diagnostics.size()); ++i) {
    const auto& [at, message, hint, not_yet, file] = parsed.diagnostics[i];
    const std::string path = visible(file.empty() ? parsed.plan.path : file);
    if (at.line == 0) {
      out += fmt::format("{}: error: {}\n", path, visible(message));
    } else {
      out += fmt::format("{}:{}:{}: error: {}\n", path, at.line, at.column, visible(message));
      const auto column = std::max<std::uint32_t>(1, at.column);
      // Of a file that the plan names no line is shown: a stranger's plan may name any file of this machine.
      if (const auto its = sources.find(file);
          its != sources.end() && !its->second.text.empty() && at.line <= its->second.begins.size())
        out += excerpt(its->second, at.line, column);
    }
    if (!hint.empty()) out += fmt::format("    hint: {}\n", visible(hint));
  }
  const std::size_t count = parsed.diagnostics.size();
  if (count > kShown) out += fmt::format("... and {} more\n", count - kShown);
  if (count > 0)
    out += fmt::format("{} {} in {}\n", count, count == 1 ? "mistake" : "mistakes", visible(parsed.plan.path));
  return out;
}

std::string render_remarks(const Parsed& parsed) {
  std::string out;
  for (const auto& remark : parsed.remarks) {
    out += visible(remark.file.empty() ? parsed.plan.path : remark.file);
    if (remark.at.line > 0) out += fmt::format(":{}:{}", remark.at.line, remark.at.column);
    out += fmt::format(": remark: {}\n", visible(remark.message));
  }
  return out;
}

}  // namespace faultline::plan
