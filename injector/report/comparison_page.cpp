// A comparison as a page, and as a comment on a pull request.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/report/chart.h"
#include "injector/report/compare.h"
#include "injector/report/markdown.h"
#include "injector/report/style.h"
#include "injector/report/table.h"

namespace faultline::report {
namespace {

const char* mark(Change verdict) {
  switch (verdict) {
    case Change::worse:
      return "❌";
    case Change::better:
      return "✅";
    case Change::noise:
      return "➖";
    case Change::not_judged:
      break;
  }
  return "❔";
}

std::string range_text(const ComparedFigure& f) {
  return f.low ? fmt::format("{} to {}", change_text(f, f.low), change_text(f, f.high)) : "";
}

/// The interval of the change around no change, and the band of what is too small to matter. It ends at 50 %, or
/// points.
std::string drawn_range(const ComparedFigure& f, double least) {
  if (!f.low || !f.a) return "";
  const auto x = [](double change) { return 100 + std::clamp(change, -0.5, 0.5) * 200; };
  const Band band = too_small(figure_named(f.figure), *f.a, {.least_change = least});
  return fmt::format(
      "<svg viewBox=\"0 0 200 16\" role=\"img\" aria-label=\"{}\"><rect class=\"band\" x=\"{:.1f}\" y=\"0\" "
      "width=\"{:.1f}\" height=\"16\"/><line class=\"zero\" x1=\"100\" x2=\"100\" y1=\"0\" y2=\"16\"/><line "
      "class=\"range\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"8\" y2=\"8\"/></svg>",
      escaped(range_text(f)), x(band.low), x(band.high) - x(band.low), x(*f.low), std::max(x(*f.high), x(*f.low) + 1));
}

std::string figures_table(const Comparison& c, bool changed) {
  using Of = Table::Of;
  Table table({{"of", Of::name},
               {"phase"},
               {"figure"},
               {"before", Of::number},
               {"after", Of::number},
               {"change", Of::number},
               {plan::format_probability(c.confidence) + " confidence"},
               {""}});
  for (const auto& f : c.figures) {
    if (changed != (f.verdict == Change::better || f.verdict == Change::worse)) continue;
    table.row(word(f.verdict)).cell(escaped(whose_text(f))).cell(escaped(f.phase)).cell(escaped(f.figure));
    table.cell(figure_value(f, f.a)).cell(figure_value(f, f.b)).cell(change_text(f, f.change));
    table.cell(drawn_range(f, c.least_change));
    table.cell(std::string(word(f.verdict)) + (f.reason.empty() ? "" : ": " + escaped(f.reason)));
  }
  return table.empty() ? "" : table.html();
}

const char* held_word(const std::optional<ComparedHypothesis>& side) {
  if (!side) return "-";
  return !side->held ? "not judged" : *side->held ? "held" : "broken";
}

void add_held(Table& table, const std::optional<ComparedHypothesis>& side) {
  if (!side) {
    table.cell("-", "dim");
    return;
  }
  const char* look = !side->held ? "open" : *side->held ? "held" : "broken";
  table.cell(fmt::format("<span class=\"{}\">{}</span><br><span class=\"dim\">{}</span>", look, held_word(side),
                         escaped(side->observed)));
}

}  // namespace

std::string comparison_page(const Comparison& c) {
  const std::string title = escaped(c.b.title.empty() ? c.b.name : c.b.title);
  std::string out = page_begin({fmt::format("{}: {}", word(c.verdict), title)});
  out += fmt::format(
      "<header><p class=\"verdict {}\">{}</p><h1>{}</h1>\n<p><b>{}</b></p>\n<p class=\"dim\">before: {} run{}, the "
      "last "
      "{} ({}) · after: {} run{}, the last {} ({})</p></header>\n",
      word(c.verdict), word(c.verdict), title, escaped(c.told), c.runs_a, c.runs_a == 1 ? "" : "s",
      escaped(c.a.started_at), escaped(c.a.verdict), c.runs_b, c.runs_b == 1 ? "" : "s", escaped(c.b.started_at),
      escaped(c.b.verdict));
  if (!c.remarks.empty() || !c.left_out.empty()) out += "<ul class=\"reasons\">";
  for (const auto& one : c.left_out)
    out += fmt::format("<li>left out: {}: {}</li>\n", escaped(one.run), escaped(one.reason));
  for (const auto& remark : c.remarks) out += fmt::format("<li>{}</li>\n", escaped(remark));
  if (!c.remarks.empty() || !c.left_out.empty()) out += "</ul>\n";
  if (const std::string table = figures_table(c, true); !table.empty()) out += "<h2>Changed</h2>\n" + table;
  if (const std::string table = figures_table(c, false); !table.empty()) out += "<h2>Noise</h2>\n" + table;
  Table hypotheses({{"", Table::Of::name}, {"before"}, {"after"}});
  for (const auto& [name, a, b] : c.hypotheses) {
    hypotheses.row().cell(escaped(name));
    add_held(hypotheses, a);
    add_held(hypotheses, b);
  }
  if (!hypotheses.empty()) out += "<h2>Hypotheses</h2>\n" + hypotheses.html();
  return out +
         fmt::format(
             "<footer><p>A figure is worse or better if a block bootstrap over the time blocks of its phase finds the "
             "change beyond chance, with all figures together wrong in less than {} of 100 equal pairs, and if it is "
             "{} or more. The band is what is too small to matter; the bar is where the change lies. Hypotheses are of "
             "the last run of either side.</p></footer>\n",
             std::round(1000 * (1 - c.confidence)) / 10, plan::format_probability(c.least_change)) +
         kPageEnd;
}

std::string comparison_markdown(const Comparison& c) {
  std::string out = fmt::format("## {} {}\n\n{}\n", mark(c.verdict),
                                markdown_text(c.b.title.empty() ? c.b.name : c.b.title), markdown_text(c.told));
  if (!c.left_out.empty() || !c.remarks.empty()) out += "\n";
  for (const auto& one : c.left_out)
    out += fmt::format("- left out: {}: {}\n", markdown_text(one.run), markdown_text(one.reason));
  for (const auto& remark : c.remarks) out += fmt::format("- {}\n", markdown_text(remark));
  const auto rows = [&](bool changed) {
    std::string all;
    for (const auto& f : c.figures) {
      if (changed != (f.verdict == Change::better || f.verdict == Change::worse)) continue;
      all += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", mark(f.verdict), markdown_text(whose_text(f)),
                         markdown_text(f.phase), f.figure, figure_value(f, f.a), figure_value(f, f.b),
                         change_text(f, f.change), f.reason.empty() ? range_text(f) : markdown_text(f.reason));
    }
    const std::string heads = fmt::format(
        "\n| | of | phase | figure | before | after | change | {} confidence |\n|---|---|---|---|---|---|---|---|\n",
        plan::format_probability(c.confidence));
    return all.empty() ? all : heads + all;
  };
  out += rows(true);
  if (const std::string noise = rows(false); !noise.empty())
    out += "\n<details><summary>What did not change, or was not judged</summary>\n" + noise + "\n</details>\n";
  if (!c.hypotheses.empty()) out += "\n| hypothesis | before | after |\n|---|---|---|\n";
  for (const auto& [name, a, b] : c.hypotheses)
    out += fmt::format("| {} | {} | {} |\n", markdown_text(name), held_word(a), held_word(b));
  return out;
}

}  // namespace faultline::report
