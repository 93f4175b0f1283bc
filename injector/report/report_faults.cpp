// What was asked of each fault, beside what it did.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <tuple>
#include <vector>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/report/chart.h"
#include "injector/report/held.h"
#include "injector/report/html.h"
#include "injector/report/table.h"
#include "injector/report/where.h"

namespace faultline::report {
namespace {

/// What happened to few packets, a line each.
std::string rarer(const Fault& f) {
  std::string more;
  const auto add = [&](const std::string& text) { more += fmt::format("<br><span class=\"dim\">{}</span>", text); };
  for (const auto& [n, what] : {std::pair{f.duplicated, "duplicated"},
                                {f.corrupted, "corrupted"},
                                {f.reordered, "reordered"},
                                {f.released_at_end, "released at end"},
                                {f.answered, "answered"},
                                {f.queue_dropped, "queue dropped"},
                                {f.left_out, "left out"},
                                {f.packets_undelivered, "undelivered"},
                                {f.passed_by_safety, "passed by safety"}})
    if (n != 0) add(fmt::format("{} {}", n, what));
  for (const auto& [word, met, dead] :
       {std::tuple{"connections", f.flows_met, f.flows_dead}, {"clients", f.clients_met, f.clients_dead}})
    if (met != 0) add(fmt::format("{} of {} {} dead", dead, met, word));
  if (f.targets.size() > 1)
    for (const auto& one : f.targets) add(fmt::format("{} at {}", one.packets_matched, escaped(one.target)));
  return more;
}

/// Times on a line, by their logarithm.
class TimeScale {
 public:
  static constexpr double kLeft = 74, kWide = 560, kRight = 70;
  explicit TimeScale(const std::vector<double>& us) {
    double least = 1e12, most = 0;
    for (const double one : us)
      if (one > 0) least = std::min(least, one), most = std::max(most, one);
    if (most == 0) least = most = 1;
    low_ = std::floor(std::log10(least)), high_ = std::max(low_ + 1, std::ceil(std::log10(most)));
  }
  double x(double us) const {
    return kLeft + kWide * std::clamp((std::log10(std::max(us, 1e-3)) - low_) / (high_ - low_), 0.0, 1.0);
  }
  /// A line up at each power of ten, and below it which.
  std::string grid(double height) const {
    std::string out;
    for (double power = low_; power <= high_; power++)
      out += fmt::format(
          "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"2\" y2=\"{1}\"/><text class=\"tick\" x=\"{0:.1f}\" "
          "y=\"{2}\" text-anchor=\"middle\">{3}</text>",
          x(std::pow(10, power)), height, height + 12, short_microseconds(std::pow(10, power)));
    return out;
  }

 private:
  double low_ = 0, high_ = 1;
};

/// A row of the drawing: from p50 to p99 a bar, to max a line, with a stroke at each. `q` has p50, p90, p99, max.
std::string quantile_line(const char* name, const char* look, const std::array<double, 4>& q, const TimeScale& scale,
                          double y) {
  std::string out = fmt::format(
      "<g class=\"quantiles {}\"><title>{}: p50 {}, p90 {}, p99 {}, max {}</title><text class=\"dim\" x=\"0\" "
      "y=\"{}\">{}</text><line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"/><rect x=\"{:.1f}\" y=\"{}\" "
      "width=\"{:.1f}\" height=\"8\" rx=\"2\"/>",
      look, name, short_microseconds(q[0]), short_microseconds(q[1]), short_microseconds(q[2]),
      short_microseconds(q[3]), y + 4, name, scale.x(q[0]), scale.x(q[3]), y, y, scale.x(q[0]), y - 4,
      std::max(2.0, scale.x(q[2]) - scale.x(q[0])));
  for (const double one : q)
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{}\" width=\"2\" height=\"12\"/>", scale.x(one) - 1, y - 6);
  return out + "</g>\n";
}

std::array<double, 4> of(const TimeQuantiles& q) {
  return {q.p50.value_or(0), q.p90.value_or(0), q.p99.value_or(0), q.max.value_or(0)};
}

/// The delays of a fault: what was asked above what was applied, and how late packets left.
std::string delay_drawing(const record::FaultRecord& record, const Fault& f) {
  if (f.applied_delay_us.count == 0) return "";
  std::vector<std::tuple<const char*, const char*, std::array<double, 4>>> rows;
  if (const auto& asked = record.asked_delay_us)
    rows.emplace_back("asked", "asked", std::array{asked->p50, asked->p90, asked->p99, asked->max});
  rows.emplace_back("applied", "applied", of(f.applied_delay_us));
  if (held_longer(f)) rows.emplace_back("held", "held-for", of(f.held_us));
  if (f.lateness_us.count > 0) rows.emplace_back("lateness", "late", of(f.lateness_us));
  std::vector<double> all{f.lateness_limit_us};
  for (const auto& [name, look, q] : rows) all.insert(all.end(), q.begin(), q.end());
  const TimeScale scale(all);
  const double height = 20 * static_cast<double>(rows.size()) + 2;
  std::string out = fmt::format(
      "<svg class=\"spread\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}: delay asked and applied, p50 to "
      "max\">{}",
      TimeScale::kLeft + TimeScale::kWide + TimeScale::kRight, height + 16, escaped(f.name), scale.grid(height));
  double y = 12;
  for (const auto& [name, look, q] : rows) {
    out += quantile_line(name, look, q, scale, y);
    if (std::string_view(look) == "late")
      out += fmt::format(
          "<line class=\"limit\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"><title>allowed at p99: "
          "{3}</title></line>",
          scale.x(f.lateness_limit_us), y - 9, y + 9, short_microseconds(f.lateness_limit_us));
    y += 20;
  }
  return out + "</svg>\n";
}

/// A share as a bar.
std::string share_bar(const char* look, double share) {
  return fmt::format(
      "<svg class=\"share\" viewBox=\"0 0 100 8\" role=\"img\" aria-label=\"{}\"><rect class=\"all\" width=\"100\" "
      "height=\"8\" rx=\"2\"/><rect class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"2\"/></svg>",
      percent(share), look, std::clamp(100 * share, 0.0, 100.0));
}

/// What was dropped, by a rate's queue as well, as a share of what was met: asked at its height, in all, and at each
/// site.
std::string site_table(const record::FaultRecord& record, const Fault& f) {
  constexpr std::size_t kMostSites = 20;
  using Of = Table::Of;
  Table table(
      {{"site", Of::name}, {"packets", Of::number}, {"delayed", Of::number}, {"dropped", Of::number}, {"", Of::mark}},
      "narrow");
  const auto row = [&](const std::string& site, const faults::Counts& counts) {
    const double dropped = static_cast<double>(counts.dropped + counts.queue_dropped),
                 met = static_cast<double>(counts.matched);
    table.row().cell(escaped(site)).cell(thousands(counts.matched)).cell(thousands(counts.delayed));
    table.cell(met > 0 ? percent(dropped / met) : "").cell(met > 0 ? share_bar("applied", dropped / met) : "");
  };
  // Of connections that are to die, what is asked is no share of packets.
  bool drawn = false;
  for (const auto& [what, met, dead] :
       {std::tuple{"connections", f.flows_met, f.flows_dead}, {"clients", f.clients_met, f.clients_dead}})
    if (met > 0) {
      drawn = true;
      table.row().rest(fmt::format("{} of {} {} dead ({})", thousands(dead), thousands(met), what,
                                   percent(static_cast<double>(dead) / static_cast<double>(met))));
    }
  if (record.loss > 0 && !drawn)
    table.row()
        .cell("asked, at its height")
        .cell("")
        .cell("")
        .cell(percent(record.loss))
        .cell(share_bar("asked", record.loss));
  row("applied, in all", f);
  for (std::size_t i = 0; i < f.sites.size() && i < kMostSites && f.sites.size() > 1; i++)
    row(f.sites[i].site, f.sites[i]);
  if (f.sites.size() > kMostSites) table.row().rest(fmt::format("and {} sites more", f.sites.size() - kMostSites));
  return table.html();
}

std::string asked_and_applied(const record::Recording& r, const Summary& s) {
  constexpr std::size_t kMostDrawn = 30;
  std::string out;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < s.faults.size() && i < r.faults.size() && drawn < kMostDrawn; i++) {
    const Fault& f = s.faults[i];
    if (!f.counted || f.matched == 0) continue;
    drawn++;
    out += fmt::format(
        "<figure class=\"applied\"><figcaption><b>{}</b> <span class=\"dim\">{}</span></figcaption>\n{}{}</figure>\n",
        escaped(f.name), escaped(f.asked_text), delay_drawing(r.faults[i], f), site_table(r.faults[i], f));
  }
  if (out.empty()) return "";
  return "<details open><summary>Delay and loss, asked above applied: bars reach from p50 to p99, lines to the "
         "greatest</summary>\n<div class=\"figures\">" +
         out + "</div></details>\n";
}

}  // namespace

std::string where(const Fault& fault) {
  const std::string peer = fmt::format("{}", fmt::join(fault.peer, ", ")),
                    text = fmt::format("{}", fmt::join(fault.on, ", "));
  if (fault.direction == "both") return text + (peer.empty() ? "" : ", traffic with " + peer);
  const bool out = fault.direction == "egress";
  return text + (out ? ", what it sends" : ", what it receives") +
         (peer.empty() ? "" : (out ? " to " : " from ") + peer);
}

std::string microseconds(const std::optional<double>& value) { return value ? short_microseconds(*value) : kNone; }

std::string quantiles_cell(const TimeQuantiles& s) {
  if (s.count == 0) return kNone;
  return fmt::format("{} / {} / {}", microseconds(s.p50), microseconds(s.p99), microseconds(s.max));
}

/// "fact: the post-mortem", marked so that facts and reconstruction are told apart at a glance; HTML.
std::string source_line(const Fault& fault) {
  if (!fault.source) return "";
  const auto [word, rest] = plan::split_source(*fault.source);
  return fmt::format("<br><span class=\"source {0}\"><b>{0}</b>{1}</span>", word, escaped(std::string(rest)));
}

std::string fault_tables(const record::Recording& r, const Summary& s) {
  if (s.faults.empty()) return "";
  using Of = Table::Of;
  Table table({{"fault", Of::name},
               {"window"},
               {"asked"},
               {"packets", Of::number},
               {"dropped", Of::number},
               {"delayed", Of::number},
               {"applied delay\np50 / p99 / max"},
               {"lateness\np50 / p99 / max"},
               {"first packet\nafter", Of::number, "from the planned instant to the first packet that there was"}});
  for (const auto& f : s.faults) {
    table.row()
        .cell(fmt::format("{}<br><span class=\"dim\">{} on {}</span>{}", escaped(f.name), escaped(f.kind),
                          escaped(where(f)), source_line(f)))
        .cell(fmt::format("{:g} to {:g} s", f.start_s, f.end_s))
        .cell(escaped(f.asked_text));
    if (!f.counted) {
      table.rest("nothing was counted", "dim");
      continue;
    }
    std::string held;
    if (const auto why = held_longer(f))
      held = fmt::format("<br><span class=\"dim\">held {}: {}</span>", quantiles_cell(f.held_us), escaped(*why));
    table.cell(thousands(f.matched) + rarer(f)).cell(thousands(f.dropped)).cell(thousands(f.delayed));
    table.cell(quantiles_cell(f.applied_delay_us) + held).cell(quantiles_cell(f.lateness_us));
    table.cell(microseconds(f.onset_error_us));
  }
  return "<h2>Faults: asked and applied</h2>\n" + table.html() + asked_and_applied(r, s);
}

}  // namespace faultline::report
