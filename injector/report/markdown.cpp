#include "injector/report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/report/checked_plan.h"

namespace faultline::report {

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : visible(text)) {
    if (std::string_view("\\`*_{}[]<>|#~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

namespace {

/// The data of a workflow command, and the value of one of its properties.
std::string command_data(const std::string& text) {
  std::string out;
  for (const char c : visible_lines(text)) {
    if (c == '%')
      out += "%25";
    else if (c == '\n')
      out += "%0A";
    else
      out += c;
  }
  return out;
}
std::string command_property(const std::string& text) {
  std::string out;
  for (const char c : command_data(text)) {
    if (c == ':')
      out += "%3A";
    else if (c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

const char* mark(const Hypothesis& h) {
  if (!h.held) return "❔";
  if (h.untested && h.as_expected()) return "⚪";
  return h.as_expected() ? "✅" : "❌";
}

std::string observed(const Hypothesis& h) {
  if (!h.held) return markdown_text("not judged: " + h.reason);
  std::string text = markdown_text(h.untested ? fmt::format("{} (untested: {})", h.observed, *h.untested) : h.observed);
  if (h.expected_to_fail.value_or(false)) text += h.as_expected() ? " (as expected of this arm)" : " (must break)";
  return text;
}

std::string body(const Summary& s) {
  std::string out;
  for (const auto& reason : s.reasons) out += fmt::format("- {}\n", markdown_text(reason));
  if (!s.reasons.empty()) out += "\n";
  if (!s.hypotheses.empty()) out += "| | hypothesis | expected | observed |\n|---|---|---|---|\n";
  for (const auto& h : s.hypotheses)
    out +=
        fmt::format("| {} | {} | {} | {} |\n", mark(h), markdown_text(h.name), markdown_text(h.expected), observed(h));
  if (!s.faults.empty()) out += "\n| fault | asked | packets met | dropped | delayed |\n|---|---|---|---|---|\n";
  for (const auto& f : s.faults)
    out += fmt::format("| {} | {} | {} | {} | {} |\n", markdown_text(f.name), markdown_text(f.asked_text),
                       thousands(f.matched), thousands(f.dropped + f.queue_dropped), thousands(f.delayed));
  if (!s.repeat.empty()) out += fmt::format("\nTo play it again: `{}`\n", visible(s.repeat));
  return out;
}

std::string title(const Summary& s) {
  return markdown_text(s.title.empty() ? s.name : s.title) + (s.arm ? ", arm " + markdown_text(*s.arm) : "");
}

}  // namespace

std::string markdown(const Summary& s) {
  return fmt::format("## {}: {}\n\n{}", markdown_text(s.verdict), title(s), body(s));
}

std::string markdown(const std::vector<Summary>& summaries, const std::vector<std::string>& not_played) {
  std::string out;
  for (const auto& s : summaries) out += markdown(s) + "\n";
  for (const auto& arm : not_played) out += fmt::format("## not played: arm {}\n\n", markdown_text(arm));
  return out;
}

std::string github_not_played(const std::string& arm, const std::string& plan) {
  return fmt::format("::error file={},title=arm {}::it was not played\n", command_property(plan),
                     command_property(arm));
}

std::string github_annotations(const CheckedPlan& plan) {
  constexpr std::size_t kMost = 50;  // GitHub shows ten of a step; nobody reads on
  std::string out;
  const auto say = [&](const plan::Diagnostic& d, const char* title) {
    const std::string at = d.at.line == 0 ? "" : fmt::format(",line={},col={}", d.at.line, d.at.column);
    out += fmt::format("::error file={}{},title={}::{}\n", command_property(d.file.empty() ? plan.plan : d.file), at,
                       title, command_data(d.hint.empty() ? d.message : d.message + "\n" + d.hint));
  };
  for (std::size_t i = 0; i < std::min(kMost, plan.mistakes.size()); i++) say(plan.mistakes[i], "faultline check");
  for (std::size_t i = 0; i < std::min(kMost, plan.lacks.size()); i++) say(plan.lacks[i], "faultline check --here");
  return out;
}

std::string github_annotations(const Summary& s, const std::string& plan) {
  std::string out;
  const auto say = [&](const char* level, const std::string& what, const std::string& text) {
    out += fmt::format("::{} file={},title={}::{}\n", level, command_property(plan),
                       command_property(s.arm ? "arm " + *s.arm + ": " + what : what), command_data(text));
  };
  for (const auto& h : s.hypotheses)
    if (h.held && !h.as_expected())
      say("error", h.name, *h.held ? "it held, and this arm was expected to break it" : broken_text(h));
  for (const auto& guard : s.guards)
    if (guard.tripped) say("error", "guard: " + guard.name, guard.observed.value_or(guard.condition));
  if (s.exit_code >= 2)
    for (const auto& reason : s.reasons) say(s.exit_code == 2 ? "warning" : "error", s.verdict, reason);
  return out;
}

}  // namespace faultline::report
