// The journal's events about what a fault brought about that is no answer to a probe: lines of logs that are [[events]]
// of the plan, and how much traffic still goes into a fault.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "injector/base/units.h"
#include "injector/plan/plan.h"
#include "injector/record/fields.h"

namespace faultline::record {

template <>
struct FieldsOf<plan::Event> {
  static constexpr const char* shape = "planned event";
  static constexpr auto fields =
      std::tuple{field("name", &plan::Event::name, "its name"),
                 field("log", &plan::Event::log, "the lab's host whose service writes it; empty: it is elsewhere"),
                 field("file", &plan::Event::file, "the file of this machine that it is in; empty: it is elsewhere"),
                 field("match", &plan::Event::match,
                       "the regular expression that some part of the line matches; of a probe: the bound on its value"),
                 seldom("probe", &plan::Event::probe, "the probe in whose answers it is; absent: it is a line")};
};

namespace events {

struct Seen {
  std::string name, line;
  Ns when = 0;
  std::uint64_t count = 1;

  static constexpr const char* event = "seen";
  static constexpr const char* means =
      "a line, or a value, that is an event of the plan; of more than 10 in a second the rest are counted for each 100 "
      "ms, without their text; a count ends where a phase or a window does";
  static constexpr auto fields =
      std::tuple{field("name", &Seen::name, "the event's"), field("when", &Seen::when, "when the line was read"),
                 field("count", &Seen::count, "how many lines this tells of; their time is the first one's"),
                 field("line", &Seen::line, "the line, cut at 300 bytes; empty where it is not told")};
};

struct Watched {
  std::string name;
  std::uint64_t lines = 0, matched = 0;
  std::optional<std::string> trouble = {};

  static constexpr const char* event = "watched";
  static constexpr const char* means = "the log of an event was read to the run's end";
  static constexpr auto fields =
      std::tuple{field("name", &Watched::name, "the event's"), field("lines", &Watched::lines, "of its log, since T0"),
                 field("matched", &Watched::matched, "of these: it"),
                 seldom("trouble", &Watched::trouble, "why its log could not be read, or not all of it")};
};

struct Traffic {
  std::string fault;
  Ns from = 0, to = 0;
  std::uint64_t packets = 0;

  static constexpr const char* event = "traffic";
  static constexpr const char* means =
      "how many packets went into a fault meanwhile, about every 100 ms; there where a hypothesis asks when it stopped";
  static constexpr auto fields = std::tuple{
      field("fault", &Traffic::fault, "its name"), field("from", &Traffic::from, "since when"),
      field("to", &Traffic::to, "until when"), field("packets", &Traffic::packets, "that its rules matched")};
};

}  // namespace events
}  // namespace faultline::record
