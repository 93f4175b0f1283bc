// The journal's schema: a struct for every event, with its fields (fields.h), in the headers below. The journal writes
// them (journal.h, and events.h for those who have something to tell), recording.h reads them back, docs/journal.md
// lists them, all by what stands here. All instants are nanoseconds since T0.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "injector/record/contention_fields.h"
#include "injector/record/end_events.h"
#include "injector/record/plan_fields.h"
#include "injector/record/preparation_events.h"
#include "injector/record/run_events.h"
#include "injector/record/sighting_events.h"

namespace faultline::record {

/// Of the events and their fields; docs/journal.md says what it promises.
inline constexpr int kJournalSchema = 1;

/// What every line begins with.
struct LineHead {
  std::string at;
  Ns mono = 0;
  std::optional<Ns> t = {};
  std::string event;

  static constexpr auto fields =
      std::tuple{field("at", &LineHead::at, "wall clock, RFC 3339 UTC with microseconds"),
                 field("mono", &LineHead::mono, "CLOCK_MONOTONIC, ns; never decreases within a journal"),
                 seldom("t", &LineHead::t,
                        "ns since T0, the start of the run; absent before T0 is known, negative while `--at` waits"),
                 field("event", &LineHead::event, "which of the events below")};
};

namespace events {

/// In the order of the docs, which is about that of a run.
using All = std::tuple<Run, Plan, Step, SiteInfo, Name, T0, FaultBegin, FaultEnd, Sample, Samples, Answer, Telemetry,
                       Uncounted, Seen, Watched, Traffic, Contention, Service, Learned, Target, Escape, Warning, Lapse,
                       Note, GuardActed, Abort, Trouble, Hold, GoOn, Healed, FaultResult, Line, Cleanup, End>;

}  // namespace events
}  // namespace faultline::record
