// The passes of the parser, in the order in which they run, and the draft that they hand on: a plan with, beside each
// thing, the places of what later passes may find wrong with it. Names are resolved and times are laid out only when
// everything has been read, since a plan may use a name before it defines it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/plan/parse.h"
#include "injector/plan/table.h"

namespace faultline::plan {

struct FaultDraft {
  Fault fault;
  bool named = false;
  SourcePlace name_at;
  std::vector<Word> on, peer;
  std::map<std::string, std::vector<std::vector<Word>>, std::less<>> groups;  ///< by key: of a partition
  std::optional<Ns> start, length;
  bool for_run = false;
  SourcePlace start_at, for_at;
  SourcePlace direction_at;  ///< line 0: not given
  std::string kind_name;
  std::map<std::string, SourcePlace, std::less<>> key_places;  ///< of the kind's own keys
  bool params_ok = false;                                      ///< all of the kind's keys were understood
};

struct ProbeDraft {
  Probe probe;
  std::optional<Word> from;
};

/// Of a hypothesis or guard: the words that name something, with their places.
struct AskingDraft {
  Word probe, telemetry, peer, during;
  SourcePlace name_at;
};

struct HypothesisDraft : AskingDraft {
  Hypothesis hypothesis;
  SourcePlace recovers_at = {};
  SourcePlace after_at = {}, for_at = {}, eventually_at = {}, stays_at = {};  ///< line 0: not given
  Word event = {}, after_event = {};
  SourcePlace seen_at = {}, detects_at = {};
};

struct EventDraft {
  Event event;
  Word log, probe;
  SourcePlace name_at;
};

/// A wait that a hypothesis may ask for; so that sums cannot overflow.
constexpr Ns kLongestWait = 366 * 24 * 3600 * kSecond;

struct GuardDraft : AskingDraft {
  Guard guard;
  SourcePlace for_at;
  Word event = {};
  SourcePlace seen_at = {};
};

struct TargetDraft {
  Target target;
  Word subject;           ///< of a host, room or link: the name to be found in the lab
  bool implicit = false;  ///< a host, room or link of the lab under its own name
};

struct LabDraft {
  Lab lab;
  std::vector<SourcePlace> room_at;
  std::vector<Word> host_room;                 ///< by host
  std::vector<std::vector<Word>> after;        ///< by host
  std::vector<std::pair<Word, Word>> between;  ///< by link
};

struct Draft {
  explicit Draft(const ParseOptions& given) : options(given) {}

  const ParseOptions& options;
  Plan plan;
  Issues issues;
  std::vector<TargetDraft> targets;
  std::vector<ProbeDraft> probes;
  std::vector<FaultDraft> faults;
  std::vector<HypothesisDraft> hypotheses;
  std::vector<GuardDraft> guards;
  std::vector<EventDraft> events;
  std::vector<Word> expected_to_fail;  ///< by the arm that is chosen
  std::vector<Word> telemetry;         ///< targets
  SourcePlace telemetry_at;            ///< of the table that says more of it; line 0: not given
  std::optional<LabDraft> lab;
  std::map<std::string, std::string> copies;  ///< of a run folder's plan: where files that it names were kept
  std::optional<Ns> duration;
  SourcePlace duration_at;
  bool other_ends = false;  ///< a fault has an end of its own, from which the run's can be told
};

/// [arms.NAME], and which of them this is read as. Its variables go before the defaults.
void read_arms(Node& document, const std::vector<std::string>& variables, Draft& draft);
/// `telemetry` of the whole plan: whose connections are counted, and what of them.
void read_telemetry(Table& top, Draft& draft);
/// The same names against the targets, and those of hypotheses and guards, whose targets are then counted as well.
/// Names must be resolved.
void resolve_telemetry(Draft& draft);
/// `name` of a hypothesis or guard, which is `what`: "a guard's name".
void read_name(Table& table, Asking& asking, AskingDraft& draft, std::string_view example, std::string_view what);
/// Whom it is about: `probe`, or `telemetry` with, perhaps, `peer`. `needs_probe`: where neither is there, the probe is
/// missing; else something was said in its place.
void read_subject(Table& table, Asking& asking, AskingDraft& draft, bool needs_probe);
inline constexpr const char* kConnectionConditions =
    "add one of connections.failed, errors.refused, retransmits, timeouts, resets.received, rtt.p99, bytes.sent, "
    "packets.sent, turns.p99: retransmits = \"<= 20\"";
/// Whether what arms expect to fail are hypotheses of the plan. Names must be resolved.
void check_expectations(Draft& draft);
/// Puts what --set says in the place of what the plan says. Variables must have been replaced.
void apply_settings(Node& document, Draft& draft);
/// Replaces ${key} in every string of the document, [vars] itself taken out.
void substitute_variables(Node& document, Draft& draft);
/// What stands in the plan, from here to guards; names and times are not looked at yet.
void read_plan(Table& top, Draft& draft);
void read_lab(Table& top, Draft& draft);
void read_targets(Table& top, Draft& draft);
void read_probes(Table& top, Draft& draft);
/// Its `rate` and `steps`; and, once its timeout is known, whether such a load can be made.
void read_probe_rate(Table& table, Probe& probe, const ParseOptions& options);
void check_load(const Table& table, const Probe& probe);
void read_faults(Table& top, Draft& draft);
void read_hypotheses(Table& top, Draft& draft);
void read_guards(Table& top, Draft& draft);
void read_events(Table& top, Draft& draft);
/// The keys of a hypothesis that are about events and about how soon a fault is noticed. Whether it is about these, and
/// not about requests.
bool read_detection(Table& table, HypothesisDraft& hypothesis);
/// Events against the lab, and hypotheses against events.
/// `event` and `seen` of a guard: whether it is about an event.
bool read_event_of_guard(Table& table, GuardDraft& result);
void resolve_events(Draft& draft);
/// What hypotheses about events, and about how soon a fault is noticed, may ask for. The timeline must be laid out.
void check_detections(Draft& draft);
/// Cross references within the lab: rooms, hosts to wait for, names that are given once.
void resolve_lab(Draft& draft);
/// Cross references between everything else, and names that are generated or must be unique.
void resolve_names(Draft& draft);
/// Windows, the run's duration, and what only they can tell: a fault's own validation, hypotheses that cannot be
/// judged.
void lay_out_time(Draft& draft);
/// Guards against the probes and phases that they name, and names for those without. The timeline must be laid out.
void resolve_guards(Draft& draft);

/// What bounds look like where they are read, as examples in messages; and whether a baseline is there to compare with.
struct ConditionStyle {
  std::string_view share, latency, failures, errors;
  bool has_baseline = false;
  bool connections = false;  ///< they are of a target's connections
};
/// Bounds on success, latencies and so on. Whether any of their keys is there.
bool read_conditions(Table& table, Conditions& conditions, const ConditionStyle& style);

/// Bounds on values: `value` and `value.max`. Whether any of them is there.
bool read_value_bounds(Table& table, ValueBounds& bounds);
/// Whether the probes of bounds on values have some. Names must be resolved.
void check_values(Draft& draft);

/// How long the phase lasts that a hypothesis or guard looks at; nothing when that is not known. Empty: the run.
std::optional<Ns> length_of_phase(const Draft& draft, const std::string& during);
/// Whether the windows of hypotheses fit into their phases and show enough, whether there is a baseline where they
/// compare with one, and whether their probes can have the errors that they name. The timeline must be laid out.
void check_hypothesis_windows(Draft& draft);
/// Whether the errors that guards name are such as their probes can have.
void check_guard_errors(Draft& draft);

/// A duration of the timeline: "40s" or { true = "79m", scaled = "40s" }, put through --scale.
std::optional<Ns> read_timeline(Table& table, std::string_view key, const Node& value, const ParseOptions& options);

/// A profile: an array of points, whose places are noted as "KEY[n]".
std::optional<faults::Profile> read_profile(Table& table, const faults::Key& key, const Node& value,
                                            const ParseOptions& options,
                                            std::map<std::string, SourcePlace, std::less<>>& places);
/// An array of arrays of names.
std::optional<std::vector<std::vector<Word>>> read_groups(Table& table, const faults::Key& key, const Node& value);
/// The file that `value` names, relative to the plan, which keeps its text.
std::optional<faults::Trace> read_trace_file(Table& table, const faults::Key& key, const Node& value, Draft& draft);
std::optional<faults::Samples> read_samples_file(Table& table, const faults::Key& key, const Node& value, Draft& draft);

/// Who is parted from whom: the fault's legs, from its groups, edges or shape. `find` looks up a target, and reports a
/// name that is not one.
void resolve_partition(FaultDraft& fault, Draft& draft,
                       const std::function<const TargetDraft*(const Word&, std::string_view)>& find);

/// Reports a name that is not fit to be one (empty, characters that cannot be seen, too long; `strict`: or not of
/// letters, digits, dots, hyphens and underscores) and says whether it was fit.
bool check_name(Issues& issues, SourcePlace at, std::string_view what, const std::string& name, bool strict);

}  // namespace faultline::plan
