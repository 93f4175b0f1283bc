#include "injector/report/margin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/record/json_fields.h"
#include "injector/report/chart.h"
#include "injector/report/derive.h"
#include "injector/report/read_record.h"
#include "injector/report/style.h"
#include "injector/report/table.h"
#include "injector/report/terminal_style.h"
#include "injector/report/value_scale.h"
#include "injector/screen/locale.h"

namespace faultline::report {
namespace {

constexpr double kPlotWidth = 900, kPlotHeight = 180, kPlotLeft = 46, kPlotTop = 12, kPlotBelow = 34;

std::string answer(const Margin& m) {
  if (m.end == "found") return fmt::format("{} holds up to {}, and breaks at {}", m.vary, *m.held, *m.broken);
  if (m.end == "none held")
    return fmt::format("{} breaks at {} already, the mildest that was asked for", m.vary, m.from);
  if (m.end == "all held") return fmt::format("{} holds up to {}, the severest that was asked for", m.vary, m.to);
  if (m.end.empty()) return "the search was broken off; the same command goes on with it";
  return "the runs do not tell: they were inconclusive, or one said one thing and the next another";
}

std::string list_broken(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, "; ")); }

std::string curve(const Margin& m) {
  std::vector<MarginRun> runs = m.runs;
  if (runs.empty()) return "";
  ValueScale scale;
  for (const auto& run : runs) scale.add(run.value);
  const auto place = [&](double value) { return kPlotLeft + 10 + scale.share(value) * (kPlotWidth - kPlotLeft - 20); };
  std::stable_sort(runs.begin(), runs.end(), [](const MarginRun& a, const MarginRun& b) { return a.value < b.value; });
  const auto y = [](double success) { return kPlotTop + (1 - success) * kPlotHeight; };
  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"success by {}\">\n", kPlotWidth,
                                kPlotTop + kPlotHeight + kPlotBelow, escaped(m.vary));
  for (const double share : {0.0, 0.5, 1.0})
    out += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/><text class=\"tick\" x=\"{3}\" y=\"{4}\" "
        "text-anchor=\"end\">{5}</text>\n",
        kPlotLeft, kPlotWidth, y(share), kPlotLeft - 6, y(share) + 3, percent(share));
  std::string line, last_label;
  double last_x = -1e9;
  for (const auto& run : runs) {
    if (!run.success) continue;
    line += fmt::format("{:.1f},{:.1f} ", place(run.value), y(*run.success));
  }
  out += fmt::format("<polyline class=\"p50\" points=\"{}\"/>\n", line);
  for (const auto& run : runs) {
    const double x = place(run.value);
    if (run.success)
      out += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" class=\"{}\"><title>{}: {}, success {}</title></circle>\n", x,
          y(*run.success), escaped(run.tried), escaped(run.text), escaped(run.tried), percent(*run.success));
    if (x - last_x < 70 || run.text == last_label) continue;
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", x,
                       kPlotTop + kPlotHeight + 16, escaped(run.text));
    last_x = x;
    last_label = run.text;
  }
  return out + "</svg>\n<p class=\"key\">The least share of success of a probe while the fault lasted, by " +
         escaped(m.vary) + ". Green: all hypotheses held; red: one did not; amber: the run did not tell.</p>\n";
}

}  // namespace

std::string fingerprint_of(const plan::Plan& plan) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: nobody gains by two plans that are taken for one
  const auto take = [&](const std::string& text) {
    for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
    hash = (hash ^ 0x100) * 0x100000001b3;  // where one text ends
  };
  take(plan.text);
  for (const auto& input : plan.inputs) take(input.text);
  return fmt::format("{:016x}", hash);
}

std::string asked_otherwise(const MarginAsked& before, const MarginAsked& now) {
  using M = MarginAsked;
  if (before.plan == now.plan && before.fingerprint != now.fingerprint)
    return fmt::format("{} or a file that it names has been changed since", now.plan);
  const std::pair<const char*, std::string M::*> asked[] = {
      {"", &M::plan},    {"--vary ", &M::vary},     {"--from ", &M::from},
      {"--to ", &M::to}, {"--within ", &M::within}, {"", &M::options}};
  for (const auto& [option, member] : asked)
    if (before.*member != now.*member)
      return fmt::format("it was {}{}, and is {}{}", option, (before.*member).empty() ? "without" : before.*member,
                         option, (now.*member).empty() ? "without" : now.*member);
  return "";
}

std::optional<Margin> read_margin(const std::filesystem::path& folder) {
  return read_record<Margin>(folder / kMarginFile, "the record of a margin");
}

void write_margin(const std::filesystem::path& folder, const Margin& margin) {
  replace_file(folder / kMarginFile, record::json_document(record::to_json(margin)));
  replace_file(folder / "report.html", margin_page(margin));
}

Visible render_margin(const Margin& m, const std::filesystem::path& folder, bool color) {
  const Style style{color, screen::locale_is_utf8()};
  Visible out = shown("\n{}\n    {}\n", m.title.empty() ? m.plan : m.title, answer(m));
  out += shown("    {} runs, seed {}\n", m.runs.size(), m.seed);
  for (const auto& run : m.runs) {
    const std::optional<bool> held = run.tried == "unknown" ? std::nullopt : std::optional(run.tried == "held");
    out += shown("    {} {:<10} {}{}\n", style.held(held), run.text, run.verdict,
                 run.broken.empty() ? "" : ": " + list_broken(run.broken));
  }
  return for_locale(
      out + shown("  Files   {}  (report.html, margin.json, and a run folder for each)\n", folder.string()),
      style.utf8);
}

std::string margin_page(const Margin& m) {
  const std::string title = escaped(m.title.empty() ? m.plan : m.title);
  std::string out = page_begin({fmt::format("{}: the margin of {}", title, escaped(m.vary))});
  out += fmt::format(
      "<header><h1>{}</h1>\n<p><b>{}</b></p>\n<p class=\"dim\">from {} to {}, within {} · seed {} · {} "
      "runs</p></header>\n",
      title, escaped(answer(m)), escaped(m.from), escaped(m.to), escaped(m.within), m.seed, m.runs.size());
  out += curve(m);
  using Of = Table::Of;
  Table table({{"value", Of::name}, {"", Of::mark}, {"verdict"}, {"success"}, {"broken"}});
  for (const auto& run : m.runs)
    table.row()
        .cell(fmt::format("<a href=\"{}/report.html\">{}</a>", escaped(run.folder), escaped(run.text)))
        .cell(escaped(run.tried), run.tried == "held" || run.tried == "broken" ? run.tried : "open")
        .cell(escaped(run.verdict))
        .cell(run.success ? percent(*run.success) : "-")
        .cell(escaped(list_broken(run.broken)));
  return out + "<h2>Runs</h2>\n" + table.html() + kPageEnd;
}

}  // namespace faultline::report
