// What arms of one plan came to, side by side: for a terminal and as a page.
#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/report/arms.h"
#include "injector/report/chart.h"
#include "injector/report/html.h"
#include "injector/report/style.h"
#include "injector/report/table.h"
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

void add_arm(Table& table, const Summary& s, const Hypothesis* h) {
  if (!h) {
    table.cell("-", "dim");
    return;
  }
  const char* look = !h->held || (h->untested && h->as_expected()) ? "open" : h->as_expected() ? "held" : "broken";
  const std::string card = card_of(s, *h);
  const std::string word = card.empty() ? held_word(h) : fmt::format("<a href=\"{}\">{}</a>", card, held_word(h));
  table.cell(fmt::format("<span class=\"{}\">{}{}</span><br><span class=\"dim\">{}</span>", look, word,
                         h->expected_to_fail.value_or(false) ? ", and this arm must break it" : "",
                         escaped(h->held ? h->observed : h->reason)));
}

/// Success and p99 of a probe in a phase.
void add_phase(Table& table, const Summary& s, const std::string& probe, const std::string& phase) {
  for (const auto& p : s.probes) {
    if (p.name != probe) continue;
    for (const auto& one : p.phases)
      if (one.phase == phase && one.sent > 0) {
        table.cell(fmt::format("{} · p99 {}", percent(static_cast<double>(one.ok) / static_cast<double>(one.sent)),
                               escaped(latency_text(one, &Latency::latency_ms, kP99))));
        return;
      }
  }
  table.cell("-", "dim");
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

/// Those columns, and one for each arm.
Table table_of_arms(std::vector<Table::Column> columns, const std::vector<Summary>& summaries) {
  for (const auto& s : summaries) columns.push_back({s.arm.value_or("")});
  return Table(std::move(columns));
}

Table probe_table_of(const std::vector<Summary>& summaries) {
  Table table = table_of_arms({{"probe", Table::Of::name}, {"phase", Table::Of::name}}, summaries);
  if (summaries.empty()) return table;
  for (const auto& probe : summaries.front().probes) {
    bool first = true;
    for (const auto& phase : probe.phases) {
      if (phase.sent == 0) continue;
      table.row(first ? "first" : "").cell(escaped(probe.name), first ? "" : "again").cell(escaped(phase.phase));
      for (const auto& s : summaries) add_phase(table, s, probe.name, phase.phase);
      first = false;
    }
  }
  return table;
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
  Table table({{"arm", Table::Of::name}, {"verdict"}, {"must break"}, {""}});
  for (const auto& arm : arms.arms) {
    std::string must, why;
    for (const auto& name : arm.expected_to_fail) must += escaped(name) + "<br>";
    for (const auto& reason : arm.reasons) why += escaped(reason) + "<br>";
    const bool played = std::any_of(outcome.summaries.begin(), outcome.summaries.end(),
                                    [&](const Summary& s) { return s.arm == arm.arm; });
    table.row()
        .cell(played ? fmt::format("<a href=\"{0}/report.html\">{0}</a>", escaped(arm.arm)) : escaped(arm.arm))
        .cell(escaped(arm.verdict) + (arm.exit_code == 0 && !must.empty() ? ": it broke what it must" : ""),
              arm.exit_code == 0 ? "held" : "broken")
        .cell(must)
        .cell(why);
  }
  out += table.html();
  Table hypotheses = table_of_arms({{"hypothesis", Table::Of::name}}, outcome.summaries);
  for (const auto& name : hypothesis_names(outcome.summaries)) {
    // Arms may differ in a bound: each is named, once.
    std::string expected;
    for (const auto& s : outcome.summaries)
      if (const Hypothesis* h = find_hypothesis(s, name); h && name.find(h->expected) == std::string::npos) {
        const std::string bound = escaped(h->expected);
        if (expected.find(bound) == std::string::npos) expected += (expected.empty() ? "" : "; ") + bound;
      }
    hypotheses.row().cell(fmt::format("{}<br><span class=\"dim\">{}</span>", escaped(name), expected));
    for (const auto& s : outcome.summaries) add_arm(hypotheses, s, find_hypothesis(s, name));
  }
  if (!hypotheses.empty()) out += "<h2>Hypotheses</h2>\n" + hypotheses.html();
  if (const Table probes = probe_table_of(outcome.summaries); !probes.empty())
    out += "<h2>Probes</h2>\n" + probes.html();
  if (const std::string again = repeat_of_all(outcome); !again.empty())
    out += fmt::format("<h2>To play all of them again</h2>\n<p><code class=\"command\">{}</code></p>\n{}",
                       escaped(again), outcome.summaries.front().repeat_masked ? kReplaceMasked : "");
  return out +
         "<footer><p>Each arm's own page has its timeline, and the command that plays it again. This page is made from "
         "the arms' journals; <code>faultline report</code> makes it anew.</p></footer>\n" +
         kPageEnd;
}

}  // namespace faultline::report
