#include "injector/report/margin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "injector/base/text.h"
#include "injector/record/json_fields.h"
#include "injector/report/chart.h"
#include "injector/report/derive.h"
#include "injector/report/style.h"
#include "injector/report/terminal_style.h"
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

/// Where a value stands between the ends that were tried: by its logarithm, where both are above 0.
class Axis {
 public:
  explicit Axis(const std::vector<MarginRun>& runs) {
    const auto [low, high] = std::minmax_element(
        runs.begin(), runs.end(), [](const MarginRun& a, const MarginRun& b) { return a.value < b.value; });
    log_ = low->value > 0;
    low_ = place(low->value);
    high_ = place(high->value);
  }
  double x(double value) const {
    const double share = high_ > low_ ? (place(value) - low_) / (high_ - low_) : 0.5;
    return kPlotLeft + 10 + share * (kPlotWidth - kPlotLeft - 20);
  }

 private:
  double place(double value) const { return log_ ? std::log(value) : value; }
  bool log_ = false;
  double low_ = 0, high_ = 0;
};

std::string curve(const Margin& m) {
  std::vector<MarginRun> runs = m.runs;
  if (runs.empty()) return "";
  const Axis axis(runs);
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
    line += fmt::format("{:.1f},{:.1f} ", axis.x(run.value), y(*run.success));
  }
  out += fmt::format("<polyline class=\"p50\" points=\"{}\"/>\n", line);
  for (const auto& run : runs) {
    const double x = axis.x(run.value);
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

std::optional<Margin> read_margin(const std::filesystem::path& folder) {
  std::ifstream file(folder / kMarginFile);
  if (!file) return {};
  try {
    return record::from_json<Margin>(nlohmann::json::parse(file));
  } catch (const nlohmann::json::exception&) {
    throw Failure(Exit::invalid,
                  fmt::format("{} is damaged: it is not the record of a margin", (folder / kMarginFile).string()));
  }
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
  out += "<h2>Runs</h2>\n<table><tr><th>value</th><th></th><th>verdict</th><th>success</th><th>broken</th></tr>\n";
  for (const auto& run : m.runs)
    out += fmt::format(
        "<tr><td><a href=\"{}/report.html\">{}</a></td><td "
        "class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escaped(run.folder), escaped(run.text),
        run.tried == "held"     ? "held"
        : run.tried == "broken" ? "broken"
                                : "open",
        escaped(run.tried), escaped(run.verdict), run.success ? percent(*run.success) : "-",
        escaped(list_broken(run.broken)));
  return out + "</table>\n" + kPageEnd;
}

}  // namespace faultline::report
