// What was seen of the plan's events, as the summary has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/record/sightings.h"
#include "injector/report/summary_probes.h"

namespace faultline::report {

struct SeenLine {
  double t_s = 0;
  std::uint64_t count = 1;
  std::string line;

  static constexpr const char* shape = "seen line";
  static constexpr auto fields =
      std::tuple{field("t_s", &SeenLine::t_s, "when it was read, since T0"),
                 field("count", &SeenLine::count, "how many lines this tells of"),
                 field("line", &SeenLine::line, "the line, cut at 300 bytes; empty: it is not told")};
};

struct Event {
  std::string name, log, file, match;
  std::optional<std::string> probe;
  std::uint64_t seen = 0;
  std::optional<double> first_s, last_s;
  std::optional<std::string> trouble;
  std::vector<SeenLine> lines;

  static constexpr const char* shape = "event";
  static constexpr auto fields = std::tuple{
      field("name", &Event::name, "its name"),
      field("log", &Event::log, "the lab's host whose service writes it; empty: it is elsewhere"),
      field("file", &Event::file, "the file of this machine that it is in; empty: it is elsewhere"),
      field("match", &Event::match, "the regular expression that some part of the line matches; of a probe: the bound"),
      record::seldom("probe", &Event::probe, "the probe in whose answers it is; absent: it is a line"),
      field("seen", &Event::seen, "how many lines were it"),
      field("first_s", &Event::first_s, "when the first was read, since T0; null: there was none"),
      field("last_s", &Event::last_s, "the last; of lines that are counted without their text, the first of them"),
      field("trouble", &Event::trouble, "why its log could not be read to the run's end; null: it was"),
      field("lines", &Event::lines, "the first 100; the journal has the rest")};
};

Event event_of(const record::EventRecord& record);

}  // namespace faultline::report
