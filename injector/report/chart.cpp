#include "injector/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "injector/base/text.h"
#include "injector/base/visible_text.h"
#include "injector/plan/values.h"
#include "injector/record/verdict.h"

namespace faultline::report {
namespace {

using record::FaultRecord;
using record::PhaseStats;
using record::ProbeRecord;
using record::Recording;

// In units of the drawing, which is scaled to the page's width.
constexpr double kWidth = 1000, kLeft = 96, kRight = 12;
constexpr double kLane = 20, kPanel = 104, kStrip = 10, kAbove = 8, kGap = 34, kTop = 8;  // kAbove: of the strip
constexpr int kColumns = 180;
constexpr std::size_t kLongestText = 4000;  // of a record that somebody else made

/// Time to horizontal places.
struct Scale {
  Ns until;
  double x(Ns t) const {
    return kLeft +
           (kWidth - kLeft - kRight) * std::clamp(static_cast<double>(t) / static_cast<double>(until), 0.0, 1.0);
  }
};

/// 1, 2 or 5 times a power of ten, so that about `count` steps make `span`.
double round_step(double span, int count) {
  const double rough = span / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

std::string bars(const record::Recording& r, const Scale& scale, double& y) {
  std::string out;
  for (const record::FaultRecord& fault : r.faults) {
    const double from = scale.x(fault.start), to = std::max(scale.x(fault.end), from + 2);
    out += fmt::format(
        "<g class=\"fault\"><title>{}: {} to {} s. {}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{}\" rx=\"3\"/>",
        escaped(fault.name), seconds(fault.start), seconds(fault.end), escaped(fault.asked_text), from, y + 2,
        to - from, kLane - 4);
    // The name inside when it fits, else on the side that has room.
    const double wide = 6.2 * static_cast<double>(fault.name.size());
    const bool inside = to - from > wide + 12, before = !inside && to + wide + 8 > kWidth;
    out += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text></g>\n", inside ? "in" : "out",
                       inside   ? from + 6
                       : before ? from - 5
                                : to + 5,
                       y + kLane - 6, before ? " text-anchor=\"end\"" : "", escaped(fault.name));
    y += kLane;
  }
  return out;
}

/// Decades of latency that a probe's answers span; whole ones, so that grid lines are powers of ten.
struct Decades {
  int low = 0, high = 1;  ///< powers of ten of nanoseconds
  double y(double ns, double top) const {
    const double share = (std::log10(std::max(ns, 1.0)) - low) / (high - low);
    return top + kPanel * (1 - std::clamp(share, 0.0, 1.0));
  }
};

Decades decades_of(const record::ProbeRecord& probe) {
  double least = 0, most = 0;
  for (const auto& answer : probe.answers) {
    if (answer.error != 0) continue;
    const auto ns = static_cast<double>(std::max<Ns>(answer.latency, 1));
    least = least == 0 ? ns : std::min(least, ns);
    most = std::max(most, ns);
  }
  if (least == 0) return {5, 7};  // nothing was answered: any frame will do
  Decades d{static_cast<int>(std::floor(std::log10(least))), static_cast<int>(std::ceil(std::log10(most * 1.001)))};
  if (d.high <= d.low) d.high = d.low + 1;
  return d;
}

std::string tooltip(const record::PhaseStats& s, Ns from, Ns to) {
  std::string text =
      fmt::format("{:.4g} to {:.4g} s: {} requests, {} failed", seconds(from), seconds(to), s.sent, s.sent - s.ok);
  std::string why;
  for (const auto& [error, count] : s.by_error) why += fmt::format("{}{} {}", why.empty() ? "" : ", ", count, error);
  if (!why.empty()) text += " (" + why + ")";
  if (s.sent > 0)
    text += fmt::format("; p50 {}, p99 {}", record::quantile_text(s.latency.quantile(500)),
                        record::quantile_text(s.latency.quantile(990)));
  if (s.ok > 0 && s.ok < s.sent)
    text += fmt::format("; ok.p50 {}, ok.p99 {}", short_duration(s.latency.ok.quantile(500)),
                        short_duration(s.latency.ok.quantile(990)));
  return escaped(text);
}

std::string panel(const record::Recording& r, const record::ProbeRecord& probe, const Scale& scale, double& y) {
  const double top = y + 16;
  const Decades decades = decades_of(probe);
  std::string out =
      fmt::format("<text class=\"name\" x=\"{}\" y=\"{:.1f}\">{} <tspan class=\"dim\">{} {}</tspan></text>\n", kLeft,
                  y + 10, escaped(probe.name), escaped(probe.kind), escaped(probe.subject));
  for (const record::FaultRecord& fault : r.faults)
    out += fmt::format("<rect class=\"window\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"/>",
                       scale.x(fault.start), top, std::max(1.0, scale.x(fault.end) - scale.x(fault.start)), kPanel);
  for (int power = decades.low; power <= decades.high; power++) {
    const double line = decades.y(std::pow(10, power), top);
    out += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text class=\"tick\" x=\"{}\" "
        "y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        kLeft, kWidth - kRight, line, line, kLeft - 6, line + 3,
        plan::format_duration(std::llround(std::pow(10, power))));
  }
  std::string middle, above, below, strip, hits;
  bool open = false;
  const auto close = [&] {
    if (open)
      out +=
          fmt::format("<path class=\"spread\" d=\"M{}L{}Z\"/><path class=\"p50\" d=\"M{}\"/>\n", above, below, middle);
    open = false;
    middle.clear(), above.clear(), below.clear();
  };
  // No column is narrower than the interval of requests: an empty one would look like a gap.
  const Ns width = std::max({scale.until / kColumns, probe.every, Ns{1}});
  for (Ns from = 0; from < scale.until; from += width) {
    const Ns to = std::min(from + width, scale.until);
    const record::PhaseStats s = record::stats_in(probe, from, to);
    if (s.sent == 0) {
      close();
      continue;
    }
    const double x1 = scale.x(from), x2 = scale.x(to);
    if (s.ok < s.sent)
      strip += fmt::format(
          "<rect class=\"failed\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" opacity=\"{:.2f}\"/>", x1,
          top + kPanel + kAbove, x2 - x1 + 0.3, kStrip, 0.25 + 0.75 * (1 - s.success()));
    hits += fmt::format(
        "<rect class=\"hit\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\"><title>{}</title></rect>", x1,
        top, x2 - x1, kPanel + kStrip + kAbove, tooltip(s, from, to));
    if (s.ok == 0) {
      close();
      continue;
    }
    const auto height = [&](unsigned per_mille) {  // of those that succeeded: the strip below shows the others
      return decades.y(static_cast<double>(s.latency.ok.quantile(per_mille)), top);
    };
    const double p50 = height(500), high = height(990), low = height(0);
    // What a column came to holds of all of it: a slope from one middle to the next would begin before what it shows.
    middle += fmt::format("{0}{1:.1f} {3:.1f}L{2:.1f} {3:.1f}", middle.empty() ? "" : "L", x1, x2, p50);
    above += fmt::format("{0}{1:.1f} {3:.1f}L{2:.1f} {3:.1f}", above.empty() ? "" : "L", x1, x2, high);
    below = fmt::format("{1:.1f} {2:.1f}L{0:.1f} {2:.1f}", x1, x2, low) + (below.empty() ? "" : "L" + below);
    open = true;
  }
  close();
  out += fmt::format("<rect class=\"strip\" x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\"/>", kLeft,
                     top + kPanel + kAbove, kWidth - kLeft - kRight, kStrip) +
         strip + hits + "\n";
  out += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">failed</text>\n", kLeft - 6,
                     top + kPanel + kAbove + kStrip - 1);
  y = top + kPanel + kAbove + kStrip + kGap - 16;
  return out;
}

std::string axis(const Scale& scale, double y, double top) {
  std::string out;
  const double step = round_step(seconds(scale.until), 12);
  for (double t = 0; t <= seconds(scale.until) * 1.0001; t += step) {
    const double x = scale.x(static_cast<Ns>(t * kSecond));
    out += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text class=\"tick\" "
        "x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:g} s</text>\n",
        x, x, top, y, x, y + 13, std::round(t / step) * step);
  }
  return out;
}

/// Lines of logs that the plan has a name for, across all lanes.
std::string sightings(const Recording& r, const Scale& scale, double bottom) {
  std::string out;
  for (const auto& record : r.events)
    for (const auto* seen : shown_on_a_line(record)) {
      if (seen->when > scale.until) break;
      out += fmt::format(
          "<line class=\"event\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2:.1f}\"><title>{3}, {4}: "
          "{5}</title></line>\n",
          scale.x(seen->when), kTop, bottom, escaped(record.event.name), short_duration(seen->when),
          escaped(seen->line));
    }
  return out;
}

}  // namespace

std::vector<const record::events::Seen*> shown_on_a_line(const record::EventRecord& record) {
  constexpr std::size_t kMost = 500;
  std::vector<const record::events::Seen*> shown;
  const std::size_t step = record.seen.size() / kMost + 1;
  for (std::size_t i = 0; i < record.seen.size(); i += step) shown.push_back(&record.seen[i]);
  return shown;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text.size() > kLongestText ? bounded(text, kLongestText) : visible_lines(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string draw(const record::Recording& r) {
  const Ns until = r.observed_until();
  if (!r.begun || until <= 0) return "";
  const Scale scale{until};
  double y = kTop;
  std::string body = bars(r, scale, y);
  y += 6;
  for (const auto& probe : r.probes) body += panel(r, probe, scale, y);
  body += sightings(r, scale, y);
  if (r.stop) {
    const double x = scale.x(r.stop->when);
    body += fmt::format(
        "<line class=\"stop\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{:.1f}\"><title>stopped: {}</title></line>", x,
        x, kTop, y, escaped(r.stop->reason));
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"faults and probes over time\">\n{}{}</svg>\n", kWidth,
      y + 20, axis(scale, y, kTop), body);
}

}  // namespace faultline::report
