#include "injector/explain/timeline.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "injector/plan/values.h"

namespace faultline::explain {
namespace {

using screen::Look;
using screen::Row;

/// The step between two marks of the scale: a round time that leaves each mark room for its text.
Ns mark_step(Ns duration, int width) {
  static constexpr Ns kSteps[] = {1,         2,         5,          10,         20,        50,      100,
                                  200,       500,       1000,       2000,       5000,      10'000,  15'000,
                                  30'000,    60'000,    120'000,    300'000,    600'000,   900'000, 1'800'000,
                                  3'600'000, 7'200'000, 14'400'000, 43'200'000, 86'400'000};
  const int most = std::max(1, width / 9);
  for (const Ns milliseconds : kSteps) {
    const Ns step = milliseconds * kMillisecond;
    if (duration / step <= most) return step;
  }
  return duration;
}

int column_of(Ns t, Ns duration, int width) {
  return std::clamp(static_cast<int>(static_cast<double>(t) * width / static_cast<double>(std::max<Ns>(duration, 1))),
                    0, width);
}

std::string scale(Ns duration, int width) {
  std::string text(static_cast<std::size_t>(width), ' ');
  const Ns step = mark_step(duration, width);
  std::size_t free_from = 0;
  const auto put = [&](std::size_t at, const std::string& mark) {
    if (at < free_from || at + mark.size() > text.size()) return;
    text.replace(at, mark.size(), mark);
    free_from = at + mark.size() + 1;
  };
  const std::string end = plan::format_duration(duration);
  const std::size_t end_at = text.size() - std::min(text.size(), end.size());
  for (Ns t = 0; t < duration; t += step) {
    const std::string mark = plan::format_duration(t);
    const auto at = static_cast<std::size_t>(column_of(t, duration, width));
    if (at + mark.size() < end_at) put(at, mark);
  }
  put(end_at, end);
  return text;
}

struct Sign {
  const char *fancy, *plain;
  const char* style;
};
constexpr Sign kActs{"█", "#", "31"}, kCalm{"░", "-", "35"}, kJudged{"━", "=", "36"}, kNothing{"·", ".", "2"};

const Sign& sign_at(const Span& span, double from, double to) {
  const auto overlaps = [&](Ns start, Ns end) {
    return static_cast<double>(start)<to&& static_cast<double>(end)> from;
  };
  if (!overlaps(span.start, span.end)) return kNothing;
  if (!span.fault) return kJudged;
  const bool acts = std::any_of(span.active.begin(), span.active.end(),
                                [&](const faults::Window& w) { return overlaps(w.start, w.end); });
  return acts ? kActs : kCalm;
}

}  // namespace

std::vector<Span> spans(const plan::Plan& plan, const std::vector<Effect>& effects) {
  std::vector<Span> all;
  Ns first = plan.duration, last = 0;
  for (std::size_t i = 0; i < plan.faults.size(); i++) {
    const auto& fault = plan.faults[i];
    all.push_back({fault.name, fault.start, fault.end, effects[i].active, true});
    first = std::min(first, fault.start);
    last = std::max(last, fault.end);
  }
  for (const auto& h : plan.hypotheses) {
    Span span{h.name, 0, plan.duration, {}, false};
    if (h.during == "baseline") span.end = first;
    if (h.during == "recovery" || h.during.empty()) span.start = last;
    if (h.during.empty() && h.recovers_within) span.end = std::min(plan.duration, last + *h.recovers_within);
    for (const auto& fault : plan.faults) {
      if (fault.name != h.during) continue;
      span.start = fault.start;
      span.end = fault.end;
    }
    std::tie(span.start, span.end) = h.window_in(span.start, span.end);
    all.push_back(std::move(span));
  }
  return all;
}

std::vector<Visible> draw(const std::vector<Span>& spans, Ns duration, const Look& look, int indent) {
  int label = 8;
  for (const auto& span : spans) label = std::max(label, screen::columns(span.name));
  label = std::min(label, std::max(8, look.width / 3));
  const int left = indent + label + 2, width = std::max(10, look.width - left);
  std::vector<Visible> rows;
  rows.push_back(Row(look).pad_to(left).add(scale(duration, width), "2").text());
  const double cell = static_cast<double>(std::max<Ns>(duration, 1)) / width;
  for (const auto& span : spans) {
    Row row(look);
    row.pad_to(indent).add(screen::columns(span.name) > label ? screen::clipped(span.name, label - 2) + ".."
                                                              : screen::clipped(span.name, label));
    row.pad_to(left);
    for (int i = 0; i < width; i++) {
      const Sign& sign = sign_at(span, i * cell, (i + 1) * cell);
      row.add(look.utf8 ? sign.fancy : sign.plain, sign.style);
    }
    rows.push_back(row.text());
  }
  return rows;
}

std::string legend(const Look& look) {
  const auto sign = [&](const Sign& s) { return look.utf8 ? s.fancy : s.plain; };
  return std::string(sign(kActs)) + " the fault acts   " + sign(kCalm) + " calm between episodes   " + sign(kJudged) +
         " judged by the hypothesis";
}

}  // namespace faultline::explain
