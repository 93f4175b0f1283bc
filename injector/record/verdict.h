// The rules that turn a recording into a verdict; docs/verdict.md states them in words. A hypothesis is true, false, or
// could not be judged. The experiment as a whole is inconclusive when the fault or the measurement was not what the
// plan asked for: then neither a pass nor a deviation would mean anything.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "injector/base/error.h"
#include "injector/record/recording.h"

namespace faultline::record {

struct Phase {
  std::string name;  ///< "baseline", a fault's name, "recovery"; "run" is all of it
  Ns start = 0, end = 0;
};

/// What a probe saw in a phase.
struct PhaseStats {
  Ns length = 0;
  std::uint64_t sent = 0, ok = 0;
  std::map<std::string, std::uint64_t> by_error;
  Latencies latency;
  double success() const { return sent == 0 ? 0 : static_cast<double>(ok) / static_cast<double>(sent); }
  std::uint64_t failed_by(const std::string& error) const;
  /// Requests that were due and not sent: what a load did not come to do.
  std::uint64_t unsent() const { return failed_by("unsent") + failed_by("overload"); }
};

/// A part of what was observed. All of them, each after its `lead`, are what was observed.
struct ObservedFigure {
  std::string lead, text;
  std::optional<bool> held;  ///< of the bound on it
  std::string key = {};      ///< what a plan calls it: "p99"; empty: it is no figure of its own
};

struct Judgement {
  std::string name;
  std::string probe, during;              ///< of which requests: during "recovery" where only recovery is asked for
  std::string event = {};                 ///< or of which event; both empty: of the traffic that goes into a fault
  std::optional<Ns> start, end;           ///< of the window that it is about, since T0; absent: the run has none such
  std::optional<Ns> held_after;           ///< of `eventually`: since the window's start
  std::optional<Ns> detected_after = {};  ///< of `detects_within`: since the fault began
  std::optional<bool> held;               ///< absent: it could not be judged
  bool expected_to_fail = false;          ///< by the arm that was played
  std::string expected, observed;
  std::string confidence;  ///< how far chance can have moved what was observed (confidence.h)
  std::string reason;      ///< why it did not hold, or could not be judged
  /// Of one that held: why that says little, since nothing put it to the test; empty: something did.
  std::string untested = {};
  std::optional<std::string> telemetry = {}, peer = {};  ///< whose connections, and with whom: `probe` is empty then
  std::vector<ObservedFigure> figures = {};              ///< `observed`, and what of it broke a bound
  std::optional<Ns> first_sign = {};       ///< of one that did not hold: when the first that tells against it was seen
  std::optional<std::uint64_t> rank = {};  ///< likewise: 1 is told first (evidence.h)

  bool as_expected() const { return held && *held != expected_to_fail; }
};

struct Recovery {
  std::optional<Ns> after;  ///< from the end of the last fault; absent: it did not recover while we looked
  bool judged = false;      ///< false: no baseline, or not 3 s to look at
  std::string reason;       ///< why not judged
};

struct Verdict {
  Exit exit = Exit::passed;
  std::vector<std::string>
      reasons;  ///< why it is not a pass, the gravest first; failed hypotheses are not repeated here
  std::vector<std::string> warnings;  ///< differs from what was asked, and changes nothing
  std::vector<Judgement> hypotheses;
  const char* word() const;  ///< "passed", "deviated", …; "completed" where nothing was claimed that could have passed
};

/// baseline, every fault's window, recovery; those that last. In the plan's order.
std::vector<Phase> phases(const Recording& recording);
std::vector<Phase> phases(const plan::Plan& plan);
/// The one of that name, or "run"; absent when the run has no such phase.
std::optional<Phase> find_phase(const Recording& recording, const std::string& name);
/// Where in the run a hypothesis looks: its phase, or its part of it. Absent when the run has no such phase.
std::optional<Phase> window_of(const Recording& recording, const plan::Hypothesis& hypothesis);
std::optional<Phase> window_of(const plan::Plan& plan, const plan::Hypothesis& hypothesis);
PhaseStats stats_in(const ProbeRecord& probe, Ns start, Ns end);
/// Errors by name with how often each occurred, the most frequent first.
std::vector<std::pair<std::string, std::uint64_t>> most_frequent(const std::map<std::string, std::uint64_t>& by_error);

/// A request sent later than this was late by our own fault.
Ns late_limit(const ProbeRecord& probe);
/// Lateness of held packets, at p99, beyond which a fault counts as late.
Ns lateness_limit(const FaultRecord& fault);

/// The first instant from which the conditions hold of the requests due in the window: to its end, or for as long as
/// they have to stay. `conditions` have no bound in times of a baseline; `values` are bounds on the numbers in answers.
std::optional<Ns> first_holding(const ProbeRecord& probe, const plan::Conditions& conditions, const Phase& window,
                                std::optional<Ns> stays, const plan::ValueBounds& values = {});
/// The same of the connections of a target, or of those with a peer.
std::optional<Ns> first_holding(const TelemetryRecord& telemetry, const std::optional<std::string>& peer,
                                const plan::Conditions& conditions, const Phase& window, std::optional<Ns> stays);
Recovery recovery_of(const Recording& recording, const ProbeRecord& probe);
Verdict judge(const Recording& recording);
const char* word(Exit exit);  ///< what each is called of a run that has hypotheses
/// The one that counts when both hold: 6 > 5 > 4 > 3 > 2 > 1 > 0.
Exit graver(Exit a, Exit b);

}  // namespace faultline::record
