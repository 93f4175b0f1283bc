#include "injector/report/page_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "injector/base/text.h"
#include "injector/record/json_fields.h"
#include "injector/report/chart.h"
#include "injector/report/page_changes.h"
#include "injector/report/page_charts.h"
#include "injector/report/where.h"

namespace faultline::report {
namespace {

using record::ProbeRecord;
using record::Recording;

/// Those that a broken hypothesis is about come first, by its rank, then all others in the plan's order; of either,
/// those that asked seldom after those whose curves show what happened.
std::vector<const ProbeRecord*> by_interest(const Recording& r, const Summary& summary) {
  std::vector<const ProbeRecord*> probes;
  for (const auto& probe : r.probes) probes.push_back(&probe);
  const auto broken = broken_in_order(summary);
  const auto place = [&](const ProbeRecord* probe) {
    return std::find_if(broken.begin(), broken.end(), [&](const Hypothesis* h) { return h->probe == probe->name; });
  };
  std::stable_sort(probes.begin(), probes.end(), [&](const ProbeRecord* a, const ProbeRecord* b) {
    const auto x = place(a), y = place(b);
    return std::tuple(x == broken.end(), asked_seldom(*a), x) < std::tuple(y == broken.end(), asked_seldom(*b), y);
  });
  return probes;
}

std::vector<PageLane> lanes(const Recording& r, const Summary& summary) {
  std::vector<PageLane> out;
  for (std::size_t i = 0; i < r.faults.size() && out.size() < kMostLanes; i++) {
    const auto& fault = r.faults[i];
    PageLane& lane = out.emplace_back();
    lane.name = fault.name;
    lane.kind = fault.kind;
    if (i < summary.faults.size()) lane.where = where(summary.faults[i]);
    lane.asked = fault.asked_text;
    lane.from_s = seconds(fault.start);
    lane.to_s = seconds(fault.end);
    for (const auto& [from, to] : fault.episodes)
      if (lane.episodes.size() < kMostEpisodes) lane.episodes.emplace_back(seconds(from), seconds(to));
  }
  return out;
}

std::vector<PageMark> marks(const Recording& r, const Summary& summary) {
  std::vector<PageMark> out;
  const auto add = [&](const char* kind, std::optional<Ns> when, const std::string& text,
                       std::optional<Ns> until = {}) {
    if (!when || out.size() >= kMostMarks) return;
    PageMark mark{kind, text, seconds(std::max<Ns>(*when, 0))};
    if (until) mark.until_s = seconds(*until);
    out.push_back(std::move(mark));
  };
  if (r.stop) add("stop", r.stop->when, fmt::format("stopped: {}", r.stop->reason));
  for (const auto& one : r.guards)
    if (one.trip) add("guard", one.trip->when, fmt::format("guard {}: {}", one.guard.name, one.trip->observed));
  for (const auto& record : r.events)
    for (const auto* seen : shown_on_a_line(record))
      add("event", seen->when,
          seen->line.empty() ? record.event.name : fmt::format("{}: {}", record.event.name, seen->line));
  for (const auto& note : r.notes) add("note", note.when, fmt::format("{} ({})", note.text, note.by));
  for (const auto& escape : r.escapes)
    add("escape", escape.from, record::escape_text(escape), escape.until.value_or(r.observed_until()));
  for (const auto& loss : r.losses) add("lost", loss.from, loss.why, loss.until.value_or(r.observed_until()));
  for (const auto& probe : summary.probes)
    if (probe.recovered_after_s && !summary.phases.empty() && summary.phases.back().phase == "recovery")
      add("recovered",
          static_cast<Ns>((summary.phases.back().start_s + *probe.recovered_after_s) * static_cast<double>(kSecond)),
          fmt::format("{}: success and latency were back to the baseline's", probe.name));
  for (const auto& one : r.services)
    add("service", one.when,
        fmt::format("{} {}{}{}", one.service.host, one.service.what, one.service.detail.empty() ? "" : ": ",
                    one.service.detail));
  for (const auto& warning : r.warnings) {
    if (warning.lapse > 0)
      add("lapse", warning.when,
          fmt::format("faults were off for {}: held packets were late", short_duration(warning.lapse)),
          warning.when.value_or(0) + warning.lapse);
    else
      add("warning", warning.when, warning.text);
  }
  for (const auto& probe : r.probes)
    for (auto& change : changes_of(probe))
      if (out.size() < kMostMarks) out.push_back(std::move(change));
  std::stable_sort(out.begin(), out.end(), [](const PageMark& a, const PageMark& b) { return a.at_s < b.at_s; });
  return out;
}

}  // namespace

PageData page_data(const Recording& r, const Summary& summary) {
  PageData data;
  const Ns until = r.observed_until();
  if (!r.begun || until <= 0) return data;
  data.until_s = seconds(until);
  data.phases = summary.phases;
  data.lanes = lanes(r, summary);
  data.lanes_left_out = r.faults.size() - data.lanes.size();
  data.marks = marks(r, summary);
  auto probes = by_interest(r, summary);
  // With fewer values than that a curve tells nothing: then fewer probes have one.
  constexpr std::size_t kMostProbes = 100;
  data.probes_left_out = probes.size() - std::min(probes.size(), kMostProbes);
  probes.resize(probes.size() - data.probes_left_out);
  data.charts = page_charts(r, summary, probes);
  for (const ProbeRecord* probe : probes)
    data.requests.push_back(page_requests(*probe, until, kMostRequests / probes.size()));
  return data;
}

std::string page_json(const PageData& data) {
  std::string text, out;
  record::append_json(text, record::to_json(data));
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      out += "\\u003c";  // neither </script> nor <!-- nor <script
    else
      out += c;
  }
  return out;
}

}  // namespace faultline::report
