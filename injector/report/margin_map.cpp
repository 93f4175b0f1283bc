#include "injector/report/margin_map.h"

#include <fmt/format.h>

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

constexpr double kMapWidth = 900, kMapHeight = 260, kMapLeft = 70, kMapTop = 12, kMapBelow = 40;

std::string row_answer(const MarginRow& row, const MarginMap& map) {
  if (row.end == "found")
    return fmt::format("holds up to {}, breaks at {}", row.held.value_or("?"), row.broken.value_or("?"));
  if (row.end == "none held") return fmt::format("breaks at {} already", map.from);
  if (row.end == "all held") return fmt::format("holds up to {}, the severest", map.to);
  if (row.end.empty()) return "not searched to its end";
  return "the runs do not tell";
}

/// Where values stand in the picture: a column a row of the record, upwards what is varied.
class Plane {
 public:
  explicit Plane(const std::vector<std::optional<Margin>>& searches) : columns_(searches.size()) {
    for (const auto& search : searches)
      if (search)
        for (const auto& run : search->runs) scale_.add(run.value);
  }
  double column() const {
    return (kMapWidth - kMapLeft - 10) / static_cast<double>(std::max<std::size_t>(1, columns_));
  }
  double x(std::size_t column_number) const { return kMapLeft + (static_cast<double>(column_number) + 0.5) * column(); }
  double y(double value) const { return kMapTop + kMapHeight * (1 - scale_.share(value)); }

 private:
  std::size_t columns_;
  ValueScale scale_;
};

/// What one search knows: green where all held, red where one did not, nothing between.
std::string map_column(const Plane& plane, std::size_t number, const Margin& search) {
  std::string out;
  const double half = plane.column() * 0.4, x = plane.x(number);
  std::optional<double> held_low, held_high, broken_low, broken_high;
  for (const auto& run : search.runs) {
    auto& low = run.tried == "held" ? held_low : broken_low;
    auto& high = run.tried == "held" ? held_high : broken_high;
    // A value that once held and once did not belongs to neither side, unless the search says so.
    if (run.tried == "unknown") continue;
    if (run.tried == "held" && search.held && search.broken && run.text == *search.broken) continue;
    if (run.tried == "broken" && search.held && run.text == *search.held) continue;
    low = std::min(low.value_or(run.value), run.value);
    high = std::max(high.value_or(run.value), run.value);
  }
  const auto band = [&](double low, double high, const char* kind) {
    out += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n", kind,
                       x - half, plane.y(high) - 2, 2 * half, plane.y(low) - plane.y(high) + 4);
  };
  if (held_low) band(*held_low, *held_high, "held");
  if (broken_low) band(*broken_low, *broken_high, "broken");
  for (const auto& run : search.runs)
    out += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"><title>{}: {}</title></circle>\n",
                       escaped(run.tried), x, plane.y(run.value), escaped(run.text), escaped(run.verdict));
  return out;
}

std::string map_picture(const MarginMap& map, const std::vector<std::optional<Margin>>& searches) {
  const Plane plane(searches);
  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"what holds, by {} and {}\">\n",
                                kMapWidth, kMapTop + kMapHeight + kMapBelow, escaped(map.against), escaped(map.vary));
  double last_y = 1e9;
  std::vector<MarginRun> labels;
  for (const auto& search : searches)
    if (search) labels.insert(labels.end(), search->runs.begin(), search->runs.end());
  std::sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  for (const auto& run : labels) {
    const double y = plane.y(run.value);
    if (last_y - y < 16) continue;
    out += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text class=\"tick\" x=\"{3}\" "
        "y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        kMapLeft, kMapWidth, y, kMapLeft - 6, y + 3, escaped(run.text));
    last_y = y;
  }
  for (std::size_t i = 0; i < searches.size(); i++) {
    if (searches[i]) out += map_column(plane, i, *searches[i]);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", plane.x(i),
                       kMapTop + kMapHeight + 18, escaped(map.rows[i].value));
  }
  return out + fmt::format(
                   "</svg>\n<p class=\"key\">Upwards {}, across {}. Green: all hypotheses held; red: one did not; a "
                   "dot is a run.</p>\n",
                   escaped(map.vary), escaped(map.against));
}

}  // namespace

std::optional<MarginMap> read_margin_map(const std::filesystem::path& folder) {
  return read_record<MarginMap>(folder / kMarginMapFile, "the record of a map");
}

void write_margin_map(const std::filesystem::path& folder, MarginMap& map) {
  std::vector<std::optional<Margin>> searches;
  for (auto& row : map.rows) {
    searches.push_back(read_margin(folder / row.folder));
    if (!searches.back()) continue;
    row.end = searches.back()->end;
    row.held = searches.back()->held;
    row.broken = searches.back()->broken;
  }
  replace_file(folder / kMarginMapFile, record::json_document(record::to_json(map)));
  replace_file(folder / "report.html", margin_map_page(map, searches));
}

Visible render_margin_map(const MarginMap& map, const std::filesystem::path& folder, bool color) {
  const Style style{color, screen::locale_is_utf8()};
  Visible out =
      shown("\n{}\n    {} by {}, seed {}\n", map.title.empty() ? map.plan : map.title, map.vary, map.against, map.seed);
  for (const auto& row : map.rows) {
    const std::optional<bool> held = row.end == "found" || row.end == "all held" ? std::optional(true)
                                     : row.end == "none held"                    ? std::optional(false)
                                                                                 : std::nullopt;
    out += shown("    {} {:<10} {}\n", style.held(held), row.value, row_answer(row, map));
  }
  return for_locale(
      out + shown("  Files   {}  (report.html, margin_map.json, and a search's folder for each)\n", folder.string()),
      style.utf8);
}

std::string margin_map_page(const MarginMap& map, const std::vector<std::optional<Margin>>& searches) {
  const std::string title = escaped(map.title.empty() ? map.plan : map.title);
  std::string out = page_begin({fmt::format("{}: {} by {}", title, escaped(map.vary), escaped(map.against))});
  out += fmt::format(
      "<header><h1>{}</h1>\n<p><b>{} by {}</b></p>\n<p class=\"dim\">from {} to {} · seed {}</p></header>\n", title,
      escaped(map.vary), escaped(map.against), escaped(map.from), escaped(map.to), map.seed);
  out += map_picture(map, searches);
  Table table({{map.against, Table::Of::name}, {map.vary}, {"runs", Table::Of::number}});
  for (std::size_t i = 0; i < map.rows.size(); i++) {
    const auto& row = map.rows[i];
    table.row()
        .cell(fmt::format("<a href=\"{}/report.html\">{}</a>", escaped(row.folder), escaped(row.value)))
        .cell(escaped(row_answer(row, map)))
        .cell(fmt::format("{}", searches[i] ? searches[i]->runs.size() : 0));
  }
  return out + "<h2>Searches</h2>\n" + table.html() + kPageEnd;
}

}  // namespace faultline::report
