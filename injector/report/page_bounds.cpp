#include "injector/report/page_bounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "injector/record/hypothesis.h"

namespace faultline::report {
namespace {

using plan::Bound;
using plan::Conditions;
using record::Recording;

/// Calls `draw` for each hypothesis that is `about` what the chart shows and has a window: with the window, and a
/// function that draws a bound of it.
template <class About, class Draw>
std::vector<PageBound> drawn(const Recording& r, const Summary& summary, About about, Draw draw) {
  std::vector<PageBound> out;
  for (const auto& h : r.hypotheses) {
    const auto window = record::window_of(r, h);
    if (!about(h) || !window) continue;
    const auto judged = std::find_if(summary.hypotheses.begin(), summary.hypotheses.end(),
                                     [&](const Hypothesis& one) { return one.name == h.name; });
    draw(h, *window, [&](const char* name, const Bound& bound, double value) {
      PageBound& one = out.emplace_back();
      one.hypothesis = h.name;
      one.text = fmt::format("{} {}", name, bound.text);
      one.value = value;
      one.from_s = seconds(window->start + h.eventually.value_or(0));
      one.to_s = seconds(window->end);
      if (judged == summary.hypotheses.end()) return;
      // Of several bounds of a hypothesis that broke, one may have been kept.
      const auto figure = std::find_if(judged->figures.begin(), judged->figures.end(),
                                       [&](const record::ObservedFigure& seen) { return seen.key == name; });
      one.held = judged->held && figure != judged->figures.end() ? figure->held : judged->held;
    });
  }
  return out;
}

/// The bounds that the chart shows, those in times of the baseline as what they came to.
template <class Value>
std::vector<PageBound> drawn_conditions(const Recording& r, const Summary& summary, auto about, Shows shows,
                                        Value value_of) {
  return drawn(r, summary, about, [&](const plan::Hypothesis& h, const record::Phase& window, auto draw) {
    Conditions settled = h;
    if (!record::settle(r, h, settled).empty()) return;
    for (const auto& key : Conditions::keys())
      if (const auto& bound = settled.*key.bound; bound && shows(key))
        draw(key.name, *bound, value_of(key, *bound, window));
  });
}

}  // namespace

std::vector<PageBound> bounds_of_probe(const Recording& r, const Summary& summary, const std::string& probe,
                                       Shows shows, const std::string& unit) {
  return drawn_conditions(
      r, summary, [&](const plan::Hypothesis& h) { return h.probe == probe; }, shows,
      [&](const Conditions::Key&, const Bound& bound, const record::Phase&) {
        return unit == "ms" ? bound.value / kMillisecond : bound.value;
      });
}

std::vector<PageBound> bounds_of_values(const Recording& r, const Summary& summary, const std::string& probe) {
  return drawn(
      r, summary, [&](const plan::Hypothesis& h) { return h.probe == probe; },
      [](const plan::Hypothesis& h, const record::Phase&, auto draw) {
        for (const auto& key : plan::ValueBounds::value_keys())
          if (const auto& bound = h.*key.bound) draw(key.name, *bound, bound->value);
      });
}

std::vector<PageBound> bounds_of_connections(const Recording& r, const Summary& summary, const std::string& target,
                                             Shows shows) {
  return drawn_conditions(
      r, summary, [&](const plan::Hypothesis& h) { return h.telemetry == target && !h.peer; }, shows,
      [](const Conditions::Key& key, const Bound& bound, const record::Phase& window) {
        if (key.is_quantile()) return bound.value / kMillisecond;
        if (bound.measure == Bound::Measure::per_second) return bound.value;
        return bound.value / std::max(seconds(window.end - window.start), 0.001);
      });
}

}  // namespace faultline::report
