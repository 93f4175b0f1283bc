// What was seen of the plan's events, as it was recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "injector/record/sighting_events.h"

namespace faultline::record {

struct Recording;
struct Phase;

struct EventRecord {
  plan::Event event;
  std::vector<events::Seen> seen;          ///< in order of time
  std::optional<events::Watched> watched;  ///< absent: its log was not read to the run's end

  /// How many lines in [start, end).
  std::uint64_t count_in(Ns start, Ns end) const;
  /// The first line in [start, end); null: there is none.
  const events::Seen* first_in(Ns start, Ns end) const;
};

/// Why what was not seen may have been there all the same; empty: it was looked for to the run's end.
std::string lack_of(const EventRecord& record);
const EventRecord* find_event(const Recording& recording, const std::string& name);

/// One thing that a hypothesis other than about requests asks for, and what became of it.
struct Finding {
  std::optional<bool> held;  ///< absent: it could not be judged
  std::string observed, reason;
  std::optional<Ns> detected_after = {};  ///< of `detects_within`: since the fault began; absent: not asked, or never
};

/// Each thing that a hypothesis about an event, or about how soon a fault is noticed, asks for. `window` is where the
/// hypothesis looks; `stop_text` says how the run ended early, or is empty.
std::vector<Finding> judge_detection(const Recording& recording, const plan::Hypothesis& hypothesis,
                                     const Phase& window, const std::string& stop_text);

}  // namespace faultline::record
