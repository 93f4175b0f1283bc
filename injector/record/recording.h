// A journal read back: what was planned, what happened, every request. Nothing is judged here. A journal may stop in
// the middle (the run was killed): what there is is read, and what is missing stays empty.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "injector/base/error.h"
#include "injector/plan/plan.h"
#include "injector/probe/errors.h"
#include "injector/record/distribution.h"
#include "injector/record/events.h"
#include "injector/record/folding.h"
#include "injector/record/schema.h"
#include "injector/record/sightings.h"
#include "injector/record/telemetry.h"

namespace faultline::record {

/// `count` requests with one outcome. Requests of a histogram are all due at its beginning.
struct Requests {
  static constexpr Ns kUnknown = -1;
  Ns due = 0;
  Ns latency = 0;           ///< of one that failed, how long that took; kUnknown: not recorded
  std::uint32_t error = 0;  ///< index into ProbeRecord::errors; 0: it succeeded
  std::uint32_t count = 1;
  std::optional<double> value = {};  ///< the number that its answer held
};

struct ProbeRecord : events::PlannedProbe {
  std::vector<Requests> answers;  ///< in order of `due` once read
  std::vector<std::string> errors{""};
  Distribution late;                      ///< of sending, all requests
  std::vector<events::Answer> said = {};  ///< to requests that failed; a few of them, in order of being told

  std::uint32_t error_index(const std::string& error);

  probe::ErrorNames names = {};  ///< those of `errors`, which may be another machine's
};

/// The requests that were due in [start, end).
std::span<const Requests> due_in(const ProbeRecord& probe, Ns start, Ns end);

struct FaultRecord : events::PlannedFault {
  std::optional<Account> account;             ///< absent: the run did not get as far as to count
  std::vector<events::Traffic> traffic = {};  ///< that went into it, in order; where a hypothesis asks for it
};

struct Stop {
  std::string by, reason;
  Ns when = 0;  ///< since T0
};

struct Trouble {
  Exit status = Exit::failed;
  std::string message;
};

using events::Cleanup;

struct GuardRecord {
  events::PlannedGuard guard;
  std::optional<GuardTrip> trip;  ///< absent: it did not act
};

/// What somebody said while the run was under way.
struct Note {
  std::optional<Ns> when;  ///< absent: before T0 was known
  std::string text, by;
  std::string at = {};  ///< as the journal has it: where a run waits, its own clock stands still
};

/// A target that is there, and whose traffic is not faulted any more.
struct Loss {
  std::string target, why;
  Ns from = 0;
  std::optional<Ns> until = {};  ///< absent: it was not found again
};

/// What became of a service of the lab.
struct ServiceRecord {
  std::optional<Ns> when;  ///< absent: before T0 was known
  events::Service service;
};

/// What its first event says, and all that came after.
struct Recording : events::Run {
  std::string started_at;
  Ns duration = 0;
  std::vector<ProbeRecord> probes;
  std::vector<FaultRecord> faults;
  std::vector<plan::Hypothesis> hypotheses;
  std::vector<GuardRecord> guards;
  plan::Tolerance tolerance;
  std::optional<std::string> arm;             ///< of a plan that compares designs: which this is
  std::vector<std::string> expected_to_fail;  ///< hypotheses that must not hold in it
  std::vector<Note> notes;

  bool planned = false;    ///< there was a plan event
  bool begun = false;      ///< T0 was reached
  bool ended = false;      ///< the journal is complete
  bool under_way = false;  ///< by who reads it while it grows: that it has no end yet is no interruption
  Ns last_seen = 0;        ///< t of the last event
  std::optional<Stop> stop;
  std::vector<Trouble> troubles;
  std::optional<Cleanup> cleanup;
  std::optional<Ns> healed;
  std::vector<Remark> warnings;  ///< each by itself; folded() tells them
  std::vector<Escape> escapes;
  std::vector<Loss> losses;  ///< of targets
  std::vector<events::SiteInfo> sites;
  std::optional<Ns> held_since;  ///< CLOCK_MONOTONIC, of a step that was not confirmed yet
  Ns waited = 0;                 ///< with its clock standing still, for somebody to confirm a step
  std::vector<ServiceRecord> services;
  std::vector<EventRecord> events;
  std::vector<TelemetryRecord> telemetry;  ///< of the targets that the plan names
  std::vector<events::Contention> contention;
  std::optional<LineStats> line_stats;  ///< absent when there were none
  std::uint64_t unreadable = 0;         ///< lines before the last one that are not JSON: the journal is damaged

  /// How far the run went, since T0: its duration, or the instant at which it was stopped or lost.
  Ns observed_until() const;
  ProbeRecord* find_probe(const std::string& probe_name);
  const ProbeRecord* find_probe(const std::string& probe_name) const;
};

/// Reads a journal. Never throws for what is in it.
Recording read_recording(std::istream& journal);
/// FOLDER/journal.jsonl. Throws Failure(invalid) if there is none.
Recording read_recording(const std::filesystem::path& folder);

}  // namespace faultline::record
