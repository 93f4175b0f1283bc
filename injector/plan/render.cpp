// Diagnostics for a person: the place, the line it is on, and what would be right.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "injector/base/secrets.h"
#include "injector/base/visible_text.h"
#include "injector/plan/parse.h"

namespace faultline::plan {
namespace {

constexpr std::size_t kShown = 1000;  ///< diagnostics; nobody reads more, and a huge plan can have millions
constexpr std::size_t kWidth = 120;   ///< characters of a source line

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

bool starts_character(char c) { return (c & 0xc0) != 0x80; }

/// The line with a caret below its column (in characters, from 1), without passwords. Of a long line, what surrounds
/// the caret.
std::string excerpt(std::string_view whole, std::size_t column) {
  std::size_t caret = 0;  // in bytes
  for (std::size_t characters = 1; caret < whole.size(); ++caret)
    if (starts_character(whole[caret]) && characters++ == column) break;
  const std::string line = without_passwords_in_line(whole);
  if (!line.starts_with(whole.substr(0, caret))) {  // the caret goes along; it stands before a mask that covers it
    const std::string_view behind = whole.substr(caret);
    caret = line.ends_with(behind)
                ? line.size() - behind.size()
                : static_cast<std::size_t>(std::mismatch(line.begin(), line.end(), whole.begin(), whole.end()).first -
                                           line.begin());
  }
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
  std::map<std::string, std::vector<std::string_view>> lines;
  for (const auto& [file, text] : parsed.sources) lines[file] = split_lines(text);
  if (parsed.sources.empty()) lines[""] = split_lines(parsed.plan.text);
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
      if (const auto its = lines.find(file); its != lines.end() && at.line <= its->second.size())
        out += excerpt(its->second[at.line - 1], column);
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
