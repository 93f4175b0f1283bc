#include "injector/sketch/sketch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "injector/base/error.h"
#include "injector/base/visible_text.h"
#include "injector/plan/values.h"
#include "injector/probe/kind.h"

namespace faultline::sketch {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

void write_comment(std::string& out, std::string_view comment) {
  while (!comment.empty()) {
    const auto end = comment.find('\n');
    const std::string_view line = comment.substr(0, end);
    out += line.empty() ? "#\n" : fmt::format("# {}\n", line);
    comment.remove_prefix(end == std::string_view::npos ? comment.size() : end + 1);
  }
}

void write_line(std::string& out, const Line& line) {
  if (line.key.empty()) return write_comment(out, line.comment);
  std::string text = fmt::format("{}{} = {}", line.off ? "# " : "", line.key, line.value);
  if (!line.comment.empty()) {
    // A comment that fits stands behind its line, else in front of it.
    constexpr std::size_t kColumn = 32, kWidth = 130;
    if (std::max(kColumn, text.size() + 2) + line.comment.size() > kWidth)
      write_comment(out, line.comment);
    else
      text += std::string(kColumn > text.size() + 2 ? kColumn - text.size() : 2, ' ') + "# " + line.comment;
  }
  out += text + "\n";
}

/// `a=1,b=2,3` cut before each `word=`: "a=1", "b=2,3".
std::vector<std::string_view> pairs(std::string_view spec) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t comma = spec.find(','); comma != std::string_view::npos; comma = spec.find(',', comma + 1)) {
    const std::string_view rest = spec.substr(comma + 1);
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || !is_key(rest.substr(0, equals)) ||
        rest.substr(0, equals).find(',') != std::string_view::npos)
      continue;
    parts.push_back(spec.substr(begin, comma - begin));
    begin = comma + 1;
  }
  parts.push_back(spec.substr(begin));
  return parts;
}

std::string target_value(std::string_view key, std::string_view text) {
  if (!text.empty() && (text.front() == '[' || text.front() == '"')) return std::string(text);
  if ((key == "pid" || key == "port") && is_number(text)) return std::string(text);
  return key == "address" ? toml_texts(text) : toml_text(text);
}

std::vector<Line> lines_of(const probe::Kind& kind, std::string_view what) {
  const std::string key(kind.name());
  if (kind.runs_program()) return {{key, fmt::format("[\"sh\", \"-c\", {}]", toml_text(what))}};
  const auto at = kind.behind_at.empty() ? std::string_view::npos : what.find('@');
  if (at == std::string_view::npos) return {{key, toml_text(what)}};
  return {{key, toml_text(what.substr(0, at))}, {std::string(kind.behind_at), toml_text(what.substr(at + 1))}};
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string quoted;
  for (const char c : text) quoted += c == '"' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
  return "\"" + visible(quoted) + "\"";  // what cannot be seen is written out as TOML does it
}

std::string toml_texts(std::string_view text) {
  if (text.starts_with('[') || text.find(',') == std::string_view::npos) return toml_value(text, "");
  std::string list;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    list += (list.empty() ? "[" : ", ") + toml_text(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return list + "]";
}

std::string toml_value(std::string_view text, std::string_view example) {
  if (!text.empty() && (text.front() == '[' || text.front() == '{' || text.front() == '"')) return std::string(text);
  const bool plain = is_number(text) || text == "true" || text == "false";
  const bool wants_text = example.empty() || example.front() == '"' || example.front() == '[' || example.front() == '{';
  return plain && !wants_text ? std::string(text) : toml_text(text);
}

std::vector<Line> target_lines(std::string_view option, std::string_view spec) {
  if (spec.empty())
    throw Failure(Exit::invalid,
                  fmt::format("{}: it is empty; write for example {} unit=payment.service", option, option));
  if (spec.find('=') == std::string_view::npos) return {};
  std::vector<Line> lines;
  for (const auto part : pairs(spec)) {
    const auto equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    if (!is_key(key))
      throw Failure(Exit::invalid, fmt::format("{} {}: write key=value, for example {} address=10.0.0.0/8,port=443",
                                               option, spec, option));
    lines.push_back({std::string(key), target_value(key, part.substr(equals + 1))});
  }
  return lines;
}

std::vector<Line> probe_lines(std::string_view spec) {
  const auto kinds = probe::catalogue();
  const auto named = std::find_if(kinds.begin(), kinds.end(), [&](const probe::Kind& kind) {
    return spec.starts_with(kind.name()) && spec.substr(kind.name().size()).starts_with('=');
  });
  if (named != kinds.end()) return lines_of(*named, spec.substr(named->name().size() + 1));
  // A mistyped kind would be taken for the name of a host.
  const std::string_view word = spec.substr(0, spec.find('='));
  if (word.size() < spec.size() && is_key(word)) {
    std::vector<std::string> names;
    for (const auto& kind : kinds) names.emplace_back(kind.name());
    const std::string close = plan::did_you_mean(std::string(word), names);
    throw Failure(Exit::invalid, fmt::format("\"{}\" is not a kind of probe{}", word,
                                             close.empty() ? fmt::format("; kinds are {}", fmt::join(names, ", "))
                                                           : "; did you mean \"" + close + "\"?"));
  }
  const auto meant = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const probe::Kind& kind) { return kind.meant != nullptr && kind.meant(spec); });
  if (meant == kinds.end())
    throw Failure(Exit::invalid, fmt::format("\"{}\" is neither a URL nor HOST:PORT nor an address or a name", spec));
  return lines_of(*meant, spec);
}

std::string Sketch::write() const {
  std::string out;
  for (const auto& table : tables) {
    if (!out.empty()) out += "\n";
    write_comment(out, table.comment);
    if (!table.header.empty()) out += table.header + "\n";
    for (const auto& line : table.lines) write_line(out, line);
  }
  return out;
}

}  // namespace faultline::sketch
