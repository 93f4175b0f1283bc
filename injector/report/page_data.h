// What the report's page draws and lists, as data: a function from a recording to one JSON document, so that the same
// page can be filled from a file or by a server. All of it is bounded, however long a run was: curves have at most
// kMostCells points each, and of the requests a sample is kept, failures first. docs/report-data.md lists the fields.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "injector/record/fields.h"
#include "injector/record/recording.h"
#include "injector/report/summary.h"

namespace faultline::report {

inline constexpr int kPageVersion = 1;
inline constexpr std::size_t kMostCells = 1200;     ///< of a curve
inline constexpr std::size_t kMostValues = 300000;  ///< of all curves together; more probes have wider cells
inline constexpr std::size_t kMostRequests = 60000;
inline constexpr std::size_t kMostLanes = 40, kMostMarks = 1000, kMostEpisodes = 2000;

using SpanS = std::pair<double, double>;  ///< seconds since T0

/// A fault on the timeline.
struct PageLane {
  std::string name, kind, where, asked;
  double from_s = 0, to_s = 0;
  std::vector<SpanS> episodes;

  static constexpr const char* shape = "lane";
  static constexpr auto fields =
      std::tuple{record::field("name", &PageLane::name, "the fault's"),
                 record::field("kind", &PageLane::kind, "the fault's"),
                 record::field("where", &PageLane::where, "its targets and peers, in words"),
                 record::field("asked", &PageLane::asked, "of it, in one line"),
                 record::field("from_s", &PageLane::from_s, "its window"),
                 record::field("to_s", &PageLane::to_s, "likewise"),
                 record::field("episodes", &PageLane::episodes,
                               "[[from, to], …] when it acted in its window; empty: all the time")};
};

/// Something that happened at an instant, or for a while.
struct PageMark {
  std::string kind, text;
  double at_s = 0;
  std::optional<double> until_s = {};

  static constexpr const char* shape = "mark";
  static constexpr auto fields =
      std::tuple{record::field("kind", &PageMark::kind,
                               "`note`, `guard`, `stop`, `escape`, `lapse`, `lost`, `service`, `warning`, `recovered`, "
                               "`event`; of a probe `fails`, `succeeds`, `value`"),
                 record::field("text", &PageMark::text, "what happened, in words"),
                 record::field("at_s", &PageMark::at_s, "when, or since when"),
                 record::seldom("until_s", &PageMark::until_s, "until when; absent: it has no length")};
};

/// A bound of a hypothesis, to be drawn into a chart.
struct PageBound {
  std::string hypothesis, text;
  double value = 0, from_s = 0, to_s = 0;
  std::optional<bool> held;

  static constexpr const char* shape = "drawn bound";
  static constexpr auto fields =
      std::tuple{record::field("hypothesis", &PageBound::hypothesis, "whose"),
                 record::field("text", &PageBound::text, "as the plan has it, with its figure's name"),
                 record::field("value", &PageBound::value, "in the chart's unit"),
                 record::field("from_s", &PageBound::from_s, "the window in which it is asked for"),
                 record::field("to_s", &PageBound::to_s, "likewise"),
                 record::field("held", &PageBound::held, "whether this bound was kept; null: it was not judged")};
};

struct PageSeries {
  std::string name, look, tone;
  std::vector<std::optional<double>> values;
  std::uint64_t dash = 0;

  static constexpr const char* shape = "series";
  static constexpr auto fields = std::tuple{
      record::field("name", &PageSeries::name, "for people"),
      record::field(
          "look", &PageSeries::look,
          "`line`, `thin`, `area` (what is missing from 1 is filled), `stack` (on top of the one before), `pale` (the "
          "same, with a line above it), `floor` (the lower edge of a band; the next series is its upper one)"),
      record::field("tone", &PageSeries::tone, "a colour, by its name in page.css: `good`, `bad1`, `main`, …"),
      record::field("dash", &PageSeries::dash, "its pattern: 0 none, 1 dashes, 2 dots; an area is hatched"),
      record::field("values", &PageSeries::values, "one for each cell, drawn over all of it; null: nothing to draw")};
};

struct PageChart {
  std::string id, title, about, unit;
  std::optional<std::string> probe;
  double cell_s = 0;
  bool low = false;
  std::vector<PageSeries> series;
  std::vector<PageBound> bounds;

  static constexpr const char* shape = "chart";
  static constexpr auto fields = std::tuple{
      record::field("id", &PageChart::id, "which of a probe's or target's charts: `success`, `latency`, …"),
      record::field("title", &PageChart::title, "whose and of what"),
      record::field("about", &PageChart::about, "more of it, in words"),
      record::field("unit", &PageChart::unit,
                    "`share` (0 to 1), `ms` (drawn by its logarithm), `per_s`, `bytes_per_s`, `number` (of values)"),
      record::seldom("probe", &PageChart::probe, "whose requests it is of; a click lists them"),
      record::field("cell_s", &PageChart::cell_s, "from one value to the next; the first begins at T0"),
      record::field("low", &PageChart::low, "of a probe that asked so seldom that there is little to draw"),
      record::field("series", &PageChart::series, "the curves"),
      record::field("bounds", &PageChart::bounds, "what hypotheses ask of them")};
};

/// Requests of a probe, of which a click shows those of a moment.
struct PageRequests {
  /// [due in µs, latency in µs or -1, index of the error or 0, how many were alike]
  using Row = std::array<std::int64_t, 4>;
  std::string probe;
  std::vector<std::string> errors;
  std::uint64_t all = 0;
  bool gathered = false;
  std::vector<Row> rows;

  static constexpr const char* shape = "kept requests";
  static constexpr auto fields = std::tuple{
      record::field("probe", &PageRequests::probe, "whose"),
      record::field("errors", &PageRequests::errors, "the names of errors; the first is that of none"),
      record::field("all", &PageRequests::all, "how many there were"),
      record::field("gathered", &PageRequests::gathered,
                    "the journal has them as histograms: a row stands for all that were alike in its 100 ms"),
      record::field("rows", &PageRequests::rows,
                    "[[due in µs, latency in µs or -1, index of the error or 0, how many], …] in order of `due`; a "
                    "sample, failures first, where there were too many")};
};

struct PageData {
  int version = kPageVersion;
  double until_s = 0;
  std::vector<Phase> phases;
  std::vector<PageLane> lanes;
  std::uint64_t lanes_left_out = 0;
  std::vector<PageMark> marks;
  std::vector<PageChart> charts;
  std::uint64_t probes_left_out = 0;
  std::vector<PageRequests> requests;

  static constexpr auto fields = std::tuple{
      record::field("version", &PageData::version, "of what stands here"),
      record::field("until_s", &PageData::until_s, "how far the run went; 0: it never began"),
      record::field("phases", &PageData::phases, "as in [summary.md](summary.md)"),
      record::field("lanes", &PageData::lanes, "faults on the timeline"),
      record::field("lanes_left_out", &PageData::lanes_left_out, "how many more there were"),
      record::field("marks", &PageData::marks, "what else happened, in order of time"),
      record::field("charts", &PageData::charts, "in the order of the page"),
      record::field("probes_left_out", &PageData::probes_left_out, "how many probes have no charts for want of room"),
      record::field("requests", &PageData::requests, "of the probes that have charts")};
};

PageData page_data(const record::Recording& recording, const Summary& summary);

/// As it stands inside a <script type="application/json">: nothing in it can end that element.
std::string page_json(const PageData& data);

}  // namespace faultline::report
