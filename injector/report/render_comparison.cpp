// render_comparison(): two runs side by side, for people.
#include <fmt/format.h>

#include <algorithm>

#include "injector/base/text.h"
#include "injector/plan/values.h"
#include "injector/report/compare.h"
#include "injector/screen/row.h"

namespace faultline::report {
namespace {

std::string held(const std::optional<ComparedHypothesis>& side) {
  if (!side) return "-";
  if (!side->held) return "not judged";
  return *side->held ? "held" : "FAILED";
}

std::string success(const std::optional<ComparedPhase>& side) {
  return side && side->success ? percent(*side->success) : "-";
}

std::string latency(const std::optional<ComparedPhase>& side, Quantiles Latency::*whose, std::size_t which) {
  const std::string text = side ? latency_text(*side, whose, which) : "";
  return text.empty() ? "-" : text;
}

/// "+12 %" of b against a; empty where there is nothing to compare.
std::string change(const std::optional<ComparedPhase>& a, const std::optional<ComparedPhase>& b,
                   Quantiles Latency::*whose, std::size_t which) {
  if (!a || !b) return "";
  const auto &before = (*a).*whose.*kQuantilesAt.at(which), &after = (*b).*whose.*kQuantilesAt.at(which);
  return before && after && *before > 0 ? fmt::format("{:+.0f}%", 100 * (*after / *before - 1)) : "";
}

/// A name at the head of a row; one that is too long for its column has a line of its own.
Visible headed(const std::string& text, int width) {
  const Visible name = shown("{}", text);
  if (screen::columns(text) <= width)
    return name + std::string(static_cast<std::size_t>(width - screen::columns(text)), ' ');
  return name + "\n" + std::string(static_cast<std::size_t>(width), ' ');
}

std::string count(const std::optional<ComparedFault>& side, std::uint64_t ComparedFault::*of) {
  return side ? thousands((*side).*of) : "-";
}

std::string applied(const std::optional<ComparedFault>& side) {
  return side && side->applied_delay_us.p50 ? short_microseconds(*side->applied_delay_us.p50) : "-";
}

bool some_failed(const std::optional<ComparedPhase>& side) { return side && side->success.value_or(1) < 1; }

bool was_asked(const std::optional<ComparedPhase>& side) { return side && side->sent != 0; }

void render_probe(Visible& out, const ComparedProbe& probe) {
  out += shown("\n{:<20} {:>8} {:>8}  {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}\n", screen::clipped(probe.name, 20), "ok A",
               "ok B", "p50 A", "p50 B", "", "p99 A", "p99 B", "");
  for (const auto& [name, a, b] : probe.phases) {
    if (!was_asked(a) && !was_asked(b)) continue;
    const auto row = [&, &a = a, &b = b](const std::string& title, const std::string& ok_a, const std::string& ok_b,
                                         Quantiles Latency::*of) {
      out += shown("  {:<18} {:>8} {:>8}  {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}\n", screen::clipped(title, 18), ok_a,
                   ok_b, latency(a, of, kP50), latency(b, of, kP50), change(a, b, of, kP50), latency(a, of, kP99),
                   latency(b, of, kP99), change(a, b, of, kP99));
    };
    row(name, success(a), success(b), &Latency::latency_ms);
    if (!some_failed(a) && !some_failed(b)) continue;
    row("  ok.", "", "", &Latency::ok_latency_ms);  // its figures are ok.p50 and ok.p99
    row("  failed.", "", "", &Latency::failed_latency_ms);
  }
}

bool has_changed(const ComparedFigure& f) { return f.verdict == Change::better || f.verdict == Change::worse; }

/// What was not noise, and how far what was can have gone.
void render_figures(Visible& out, const Comparison& c) {
  std::size_t width = 8;
  for (const auto& f : c.figures)
    if (has_changed(f)) width = std::max(width, f.figure.size());
  const int head = 44 - static_cast<int>(width);
  bool headed_yet = false;
  for (const auto& f : c.figures) {
    if (!has_changed(f)) continue;
    if (!headed_yet)
      out += shown("\n{:<{}} {:<{}} {:>9} {:>9}  {}\n", "changed", head, "", width, "A", "B",
                   fmt::format("{} confidence: between", plan::format_probability(c.confidence)));
    headed_yet = true;
    const std::string range =
        f.low ? fmt::format("{} and {}", change_text(f, f.low), change_text(f, f.high)) : std::string();
    out += shown("{} {:<{}} {:>9} {:>9}  {:<7} {}\n", headed(fmt::format("{} during {}", whose_text(f), f.phase), head),
                 f.figure, width, figure_value(f, f.a), figure_value(f, f.b), word(f.verdict), range);
  }
}

}  // namespace

Visible render_comparison(const Comparison& c) {
  Visible out = shown("{}\n", c.told);
  for (const auto& one : c.left_out)
    out += shown("! left out: {} ({}): {}\n", one.run, one.side == "a" ? "before" : "after", one.reason);
  if (c.runs_a > 1 || c.runs_b > 1)
    out += shown("{} runs before, {} after; A and B are the last of each\n", c.runs_a, c.runs_b);
  render_figures(out, c);
  out += shown("\nA  {:<13} {}  {}\nB  {:<13} {}  {}\n", c.a.verdict, c.a.started_at, c.a.title, c.b.verdict,
               c.b.started_at, c.b.title);
  for (const auto& remark : c.remarks) out += "! " + remark + "\n";
  if (!c.hypotheses.empty()) out += shown("\n{:<44} {:>12} {:>12}\n", "hypothesis", "A", "B");
  for (const auto& [name, a, b] : c.hypotheses) out += shown("{} {:>12} {:>12}\n", headed(name, 44), held(a), held(b));
  if (!c.faults.empty())
    out += shown("\n{:<20} {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}\n", "fault", "packets A", "B", "dropped A", "B",
                 "delay A", "B");
  for (const auto& [name, a, b] : c.faults)
    out +=
        shown("{} {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}\n", headed(name, 20), count(a, &ComparedFault::packets_matched),
              count(b, &ComparedFault::packets_matched), count(a, &ComparedFault::packets_dropped),
              count(b, &ComparedFault::packets_dropped), applied(a), applied(b));
  for (const auto& probe : c.probes) render_probe(out, probe);
  return out;
}

}  // namespace faultline::report
