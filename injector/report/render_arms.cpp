// What arms of one plan came to, side by side: for a terminal and as a page.
#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/report/arms.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/style.h"
#include "injector/report/terminal_style.h"
#include "injector/screen/locale.h"

namespace faultline::report {
namespace {

const Hypothesis* find_hypothesis(const Summary& s, const std::string& name) {
  for (const auto& h : s.hypotheses)
    if (h.name == name) return &h;
  return nullptr;
}

/// Of all arms, in the order in which they come.
std::vector<std::string> hypothesis_names(const std::vector<Summary>& summaries) {
  std::vector<std::string> names;
  for (const auto& s : summaries)
    for (const auto& h : s.hypotheses)
      if (std::find(names.begin(), names.end(), h.name) == names.end()) names.push_back(h.name);
  return names;
}

const char* held_word(const Hypothesis* h) {
  if (!h) return "-";
  if (!h->held) return "not judged";
  return !*h->held ? "broken" : h->untested ? "held, untested" : "held";
}

/// Where the arm's own page has the card of a hypothesis that broke; empty: it has none.
std::string card_of(const Summary& s, const Hypothesis& h) {
  const auto broken = broken_in_order(s);
  const auto found = std::find(broken.begin(), broken.end(), &h);
  if (found == broken.end() || !s.arm) return "";
  return fmt::format("{}/report.html#broken-{}", escaped(*s.arm), found - broken.begin() + 1);
}

std::string arm_cell(const Summary& s, const Hypothesis* h) {
  if (!h) return "<td class=\"dim\">-</td>";
  const char* look = !h->held || (h->untested && h->as_expected()) ? "open" : h->as_expected() ? "held" : "broken";
  const std::string card = card_of(s, *h);
  const std::string word = card.empty() ? held_word(h) : fmt::format("<a href=\"{}\">{}</a>", card, held_word(h));
  std::string text = fmt::format("<span class=\"{}\">{}{}</span><br><span class=\"dim\">{}</span>", look, word,
                                 h->expected_to_fail.value_or(false) ? ", and this arm must break it" : "",
                                 escaped(h->held ? h->observed : h->reason));
  return "<td>" + text + "</td>";
}

/// Success and p99 of a probe in a phase.
std::string phase_cell(const Summary& s, const std::string& probe, const std::string& phase) {
  for (const auto& p : s.probes) {
    if (p.name != probe) continue;
    for (const auto& one : p.phases)
      if (one.phase == phase && one.sent > 0)
        return fmt::format("<td>{} · p99 {}</td>", percent(static_cast<double>(one.ok) / static_cast<double>(one.sent)),
                           escaped(latency_text(one, &Latency::latency_ms, kP99)));
  }
  return "<td class=\"dim\">-</td>";
}

/// The command that plays all arms again: an arm's, without its name. Empty: it is not known.
std::string repeat_of_all(const ArmsOutcome& outcome) {
  if (outcome.summaries.empty()) return "";
  const Summary& s = outcome.summaries.front();
  if (!s.arm) return "";
  std::string command = s.repeat;
  const std::string one = " --arm " + *s.arm;
  const auto at = command.find(one);
  if (at == std::string::npos) return "";
  return command.erase(at, one.size());
}

std::string probe_rows(const std::vector<Summary>& summaries) {
  std::string out;
  if (summaries.empty()) return out;
  for (const auto& probe : summaries.front().probes) {
    const char* first = " class=\"first\"";
    for (const auto& phase : probe.phases) {
      if (phase.sent == 0) continue;
      out += fmt::format("<tr{}><td>{}</td><td>{}</td>", first, escaped(probe.name), escaped(phase.phase));
      for (const auto& s : summaries) out += phase_cell(s, probe.name, phase.phase);
      out += "</tr>\n";
      first = "";
    }
  }
  return out;
}

}  // namespace

Visible render_arms(const ArmsOutcome& outcome, const std::filesystem::path& folder, bool color) {
  const Arms& arms = outcome.arms;
  const Style style{color, screen::locale_is_utf8()};
  Visible out =
      "\n" + style.paint(verdict_color(arms.exit_code), upper(arms.verdict)) +
      shown("  {}\n    exit {}, seed {}\n", arms.title.empty() ? arms.name : arms.title, arms.exit_code, arms.seed);
  for (const auto& arm : arms.arms) {
    const bool good = arm.exit_code == 0;
    const bool said = good && !arm.expected_to_fail.empty();
    out += shown("    {} {}: {}{}\n", style.held(good), arm.arm, arm.verdict,
                 said ? ": it broke what it must, and no more" : "");
    for (const auto& reason : arm.reasons) out += shown("        {} {}\n", style.paint("33", "!"), reason);
  }
  const auto names = hypothesis_names(outcome.summaries);
  if (!names.empty()) out += shown("  Hypotheses\n");
  for (const auto& name : names) {
    out += shown("    {}\n", name);
    for (const auto& s : outcome.summaries) {
      const Hypothesis* h = find_hypothesis(s, name);
      out +=
          shown("        {:<12} {}{}: {}\n", s.arm.value_or(""), held_word(h),
                h && h->expected_to_fail.value_or(false) ? (h->as_expected() ? " as expected" : ", and must not") : "",
                h ? (h->held ? h->observed : h->reason) : "");
    }
  }
  return for_locale(out + shown("  Files   {}  (report.html, arms.json, junit.xml, and a run folder for each arm)\n",
                                folder.string()),
                    style.utf8);
}

std::string arms_page(const ArmsOutcome& outcome) {
  const Arms& arms = outcome.arms;
  const std::string title = escaped(arms.title.empty() ? arms.name : arms.title);
  const std::string verdict = escaped(arms.verdict);
  std::string out = page_begin({fmt::format("{}: {}", verdict, title)});
  out += fmt::format(
      "<header><p class=\"verdict {0}\">{0}</p><h1>{1}</h1>\n<p class=\"dim\">{2} arms · seed {3}</p></header>\n",
      verdict, title, arms.arms.size(), arms.seed);
  out += "<table><tr><th>arm</th><th>verdict</th><th>must break</th><th></th></tr>\n";
  for (const auto& arm : arms.arms) {
    std::string must, why;
    for (const auto& name : arm.expected_to_fail) must += escaped(name) + "<br>";
    for (const auto& reason : arm.reasons) why += escaped(reason) + "<br>";
    const bool played = std::any_of(outcome.summaries.begin(), outcome.summaries.end(),
                                    [&](const Summary& s) { return s.arm == arm.arm; });
    out += fmt::format("<tr><td>{}</td><td class=\"{}\">{}</td><td>{}</td><td>{}</td></tr>\n",
                       played ? fmt::format("<a href=\"{0}/report.html\">{0}</a>", escaped(arm.arm)) : escaped(arm.arm),
                       arm.exit_code == 0 ? "held" : "broken",
                       escaped(arm.verdict) + (arm.exit_code == 0 && !must.empty() ? ": it broke what it must" : ""),
                       must, why);
  }
  out += "</table>\n";
  std::string heads;
  for (const auto& s : outcome.summaries) heads += "<th>" + escaped(s.arm.value_or("")) + "</th>";
  const auto names = hypothesis_names(outcome.summaries);
  if (!names.empty()) out += fmt::format("<h2>Hypotheses</h2>\n<table><tr><th>hypothesis</th>{}</tr>\n", heads);
  for (const auto& name : names) {
    // Arms may differ in a bound: each is named, once.
    std::string expected;
    for (const auto& s : outcome.summaries)
      if (const Hypothesis* h = find_hypothesis(s, name); h && name.find(h->expected) == std::string::npos) {
        const std::string bound = escaped(h->expected);
        if (expected.find(bound) == std::string::npos) expected += (expected.empty() ? "" : "; ") + bound;
      }
    out += fmt::format("<tr><td>{}<br><span class=\"dim\">{}</span></td>", escaped(name), expected);
    for (const auto& s : outcome.summaries) out += arm_cell(s, find_hypothesis(s, name));
    out += "</tr>\n";
  }
  if (!names.empty()) out += "</table>\n";
  if (const std::string rows = probe_rows(outcome.summaries); !rows.empty())
    out += fmt::format("<h2>Probes</h2>\n<table><tr><th>probe</th><th>phase</th>{}</tr>\n{}</table>\n", heads, rows);
  if (const std::string again = repeat_of_all(outcome); !again.empty())
    out += fmt::format("<h2>To play all of them again</h2>\n<p><code class=\"command\">{}</code></p>\n{}",
                       escaped(again), outcome.summaries.front().repeat_masked ? kReplaceMasked : "");
  return out +
         "<footer><p>Each arm's own page has its timeline, and the command that plays it again. This page is made from "
         "the arms' journals; <code>faultline report</code> makes it anew.</p></footer>\n" +
         kPageEnd;
}

}  // namespace faultline::report
