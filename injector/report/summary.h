// summary.json: the verdict and the figures behind it, for programs, and for everything here that tells people of a
// run. A struct for the whole and one for each of its parts, with their fields (record/fields.h): JSON is made of it at
// the edge, and read back from a file by the same definition. Its fields are a contract: docs/summary.md. `null` means:
// not measured, or could not be judged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/record/recording.h"
#include "injector/record/verdict.h"
#include "injector/report/summary_contention.h"
#include "injector/report/summary_events.h"
#include "injector/report/summary_faults.h"
#include "injector/report/summary_probes.h"
#include "injector/report/summary_telemetry.h"

namespace faultline::report {

using record::field;

struct Phase {
  std::string phase;
  double start_s = 0, end_s = 0;

  static constexpr const char* shape = "phase";
  static constexpr auto fields =
      std::tuple{field("phase", &Phase::phase, "`baseline`, a fault's name, `recovery`"),
                 field("start_s", &Phase::start_s, "since T0"), field("end_s", &Phase::end_s, "since T0")};
};

struct Hypothesis {
  std::string name, probe, event, during;
  std::optional<double> start_s, end_s, held_after_s, detected_after_s;
  std::optional<bool> held, expected_to_fail;
  std::string expected, observed, confidence, reason;
  std::optional<std::string> telemetry = {}, peer = {};
  std::optional<std::string> untested = {};
  std::optional<double> first_sign_s = {};
  std::optional<std::uint64_t> rank = {};
  std::vector<record::ObservedFigure> figures =
      {};  ///< `observed`, for people: what of it broke a bound is not in summary.json

  static constexpr const char* shape = "hypothesis";
  static constexpr auto fields = std::tuple{
      field("name", &Hypothesis::name, "its name"),
      field("probe", &Hypothesis::probe,
            "whose requests; empty: it is about connections, an event, or a fault's traffic"),
      record::seldom("telemetry", &Hypothesis::telemetry, "of which target, then"),
      record::seldom("peer", &Hypothesis::peer, "of these, those with this target"),
      field("event", &Hypothesis::event, "which event; empty: it is about none"),
      field("during", &Hypothesis::during,
            "of which phase, or which part of it; `recovery` where only that is asked for"),
      field("start_s", &Hypothesis::start_s, "where that begins, since T0; null: the run has none such"),
      field("end_s", &Hypothesis::end_s, "where it ends"),
      record::seldom("held_after_s", &Hypothesis::held_after_s,
                     "of `eventually`: when it began to hold, since `start_s`; absent: not asked, or never"),
      record::seldom("detected_after_s", &Hypothesis::detected_after_s,
                     "of `detects_within`: how long after the fault began it was noticed; absent: not asked, or never"),
      field("held", &Hypothesis::held, "null: it could not be judged"),
      record::seldom("expected_to_fail", &Hypothesis::expected_to_fail,
                     "`true` where the arm that was played must break it"),
      field("expected", &Hypothesis::expected, "in one line"),
      field("observed", &Hypothesis::observed, "in one line"),
      field("confidence", &Hypothesis::confidence,
            "between which values chance can have moved that, 95 of 100 times, were requests independent; empty: not "
            "told"),
      field("reason", &Hypothesis::reason, "why it did not hold, or could not be judged"),
      record::seldom("untested", &Hypothesis::untested,
                     "of one that held: why that says little, since nothing put it to the test; absent: something did"),
      record::seldom("first_sign_s", &Hypothesis::first_sign_s,
                     "of one that did not hold: when the first that tells against it was seen, since T0; absent: that "
                     "has no instant"),
      record::seldom("rank", &Hypothesis::rank, "likewise: the one that is told first has 1"),
  };

  /// Whether it came out as the plan says: held, or broken by an arm that must break it.
  bool as_expected() const { return held && *held != expected_to_fail.value_or(false); }
};

struct Guard {
  std::string name, probe;
  std::optional<std::string> during;
  std::string condition;
  bool tripped = false;
  std::optional<double> t_s;
  std::optional<std::string> observed;
  std::optional<std::string> telemetry = {}, peer = {}, event = {};

  static constexpr const char* shape = "guard";
  static constexpr auto fields = std::tuple{
      field("name", &Guard::name, "its name"),
      field("probe", &Guard::probe, "whose requests it watched; empty: it watched connections or an event"),
      record::seldom("event", &Guard::event, "which event, then"),
      record::seldom("telemetry", &Guard::telemetry, "of which target, then"),
      record::seldom("peer", &Guard::peer, "of these, those with this target"),
      field("during", &Guard::during, "in which phase; null: in the whole run"),
      field("condition", &Guard::condition, "when it acts, in one line"),
      field("tripped", &Guard::tripped, "it acted, and ended the run"),
      field("t_s", &Guard::t_s, "when; null: it did not"),
      field("observed", &Guard::observed, "what made it act; null: nothing did"),
  };
};

struct Note {
  std::optional<double> t_s;
  std::string at, text, by;

  static constexpr const char* shape = "note";
  static constexpr auto fields =
      std::tuple{field("t_s", &Note::t_s, "when, since T0; null: before"),
                 field("at", &Note::at, "the same by the wall clock; empty: not known"),
                 field("text", &Note::text, "what was said"), field("by", &Note::by, "who said it")};
};

struct Abort {
  std::string by, reason;
  double t_s = 0;

  static constexpr const char* shape = "abort";
  static constexpr auto fields =
      std::tuple{field("by", &Abort::by, "`signal`, `guard`, …, as in the journal"),
                 field("reason", &Abort::reason, "in words"), field("t_s", &Abort::t_s, "when, since T0")};
};

struct Service {
  double t_s = 0;
  std::string host, what, detail;

  static constexpr const char* shape = "service";
  static constexpr auto fields =
      std::tuple{field("t_s", &Service::t_s, "when, since T0; 0 if before"), field("host", &Service::host, "whose"),
                 field("what", &Service::what, "`started`, `ready`, `ended`"),
                 field("detail", &Service::detail, "more, in words")};
};

struct GoneBy {
  std::string fault;
  std::uint64_t packets_at_most = 0, bytes_at_most = 0;

  static constexpr auto fields = std::tuple{field("fault", &GoneBy::fault, "its name"),
                                            field("packets_at_most", &GoneBy::packets_at_most, "of the escape's"),
                                            field("bytes_at_most", &GoneBy::bytes_at_most, "likewise")};
};

struct Escape {
  std::string site, device, hook, why;
  double from_s = 0;
  std::optional<double> until_s;
  std::uint64_t packets_at_most = 0, bytes_at_most = 0;
  bool bounded = false;
  std::vector<std::string> faults;
  std::vector<GoneBy> by_fault;

  static constexpr const char* shape = "escape";
  static constexpr auto fields = std::tuple{
      field("site", &Escape::site, "where"),
      field("device", &Escape::device, "on which device"),
      field("hook", &Escape::hook, "at which hook of it"),
      field("why", &Escape::why, "in words"),
      field("from_s", &Escape::from_s, "when all was well for the last time"),
      field("until_s", &Escape::until_s, "null: it was not over"),
      field("packets_at_most", &Escape::packets_at_most,
            "that the device carried meanwhile, while any fault was in force"),
      field("bytes_at_most", &Escape::bytes_at_most, "likewise"),
      field("bounded", &Escape::bounded, "that is the most that can have gone by ([journal.md](journal.md#the-run))"),
      field("faults", &Escape::faults, "by which faults"),
      field("by_fault", &Escape::by_fault,
            "of that, while each was in force; of two at a time each has all, so that they do not add up")};
};

/// Of its fields; docs/summary.md says what it promises.
inline constexpr int kSummarySchema = 1;

struct Summary {
  std::string verdict;
  int exit_code = 0;
  std::vector<std::string> reasons;
  bool interrupted = false;
  std::string name, title, started_at;
  double duration_s = 0, observed_s = 0;
  std::uint64_t seed = 0;
  double scale = 1;
  std::map<std::string, std::string> vars;
  std::optional<std::string> arm;
  std::string repeat;
  bool repeat_masked = false;
  int schema = 0;
  std::string version, host, kernel, line, engine, journal;
  std::vector<Phase> phases;
  std::vector<Fault> faults;
  std::vector<Probe> probes;
  std::vector<Event> events;
  std::vector<Telemetry> telemetry;
  std::optional<Contention> contention;
  std::vector<Hypothesis> hypotheses;
  std::vector<Guard> guards;
  std::vector<Note> notes;
  std::optional<Abort> abort;
  std::optional<double> healed_s;
  std::optional<record::Cleanup> cleanup;
  double waited_s = 0;
  std::vector<record::events::SiteInfo> sites;
  std::vector<Service> services;
  std::optional<record::LineStats> line_stats;
  plan::Tolerance tolerance;
  std::vector<std::string> warnings;
  std::vector<Escape> escapes;

  static constexpr const char* shape = "summary";
  static constexpr auto fields = std::tuple{
      field("verdict", &Summary::verdict,
            "`passed`, `deviated`, …; `completed` with exit code 0 where the plan has no hypothesis"),
      field("exit_code", &Summary::exit_code, "the exit status"),
      field("reasons", &Summary::reasons,
            "why it is not a pass, the gravest first; failed hypotheses are in `hypotheses`"),
      field("interrupted", &Summary::interrupted, "the journal has no end"),
      field("name", &Summary::name, "the plan's"),
      field("title", &Summary::title, "the plan's, for people"),
      field("started_at", &Summary::started_at, "T0, RFC 3339 UTC; of a run that never began, when it was called"),
      field("duration_s", &Summary::duration_s, "as planned"),
      field("observed_s", &Summary::observed_s, "how far it went"),
      field("seed", &Summary::seed, "of every random decision"),
      field("scale", &Summary::scale, "how many times shorter the timeline is"),
      field("vars", &Summary::vars,
            "the plan's variables with the values in force; `***` for those that look like secrets"),
      record::seldom("arm", &Summary::arm, "of a plan that compares designs: which this is"),
      field("repeat", &Summary::repeat, "the command that plays it again"),
      field("repeat_masked", &Summary::repeat_masked, "it holds `***` in place of a secret"),
      field("schema", &Summary::schema, "the version of this list of fields: 1; absent before there was one"),
      field("version", &Summary::version, "of Faultline"),
      field("host", &Summary::host, "the machine's name"),
      field("kernel", &Summary::kernel, "its release"),
      field("line", &Summary::line, "how packets are held: `tap`"),
      field("engine", &Summary::engine, "how programs are attached: `tcx` or `clsact`"),
      field("journal", &Summary::journal, "the file that this is made from"),
      field("phases", &Summary::phases, "when they were"),
      field("faults", &Summary::faults, "what was asked of each, and what it did"),
      field("probes", &Summary::probes, "what each saw"),
      field("events", &Summary::events, "lines of logs that the plan has a name for, as they were seen"),
      field("telemetry", &Summary::telemetry, "what became of the connections of targets that the plan names for it"),
      field("contention", &Summary::contention, "how busy this machine was; null: not recorded"),
      field("hypotheses", &Summary::hypotheses, "whether each held"),
      field("guards", &Summary::guards, "whether each acted"),
      field("notes", &Summary::notes, "what was said while the run was under way"),
      field("abort", &Summary::abort, "null: it was not stopped"),
      field("healed_s", &Summary::healed_s, "when the last fault was off"),
      field("cleanup", &Summary::cleanup, "null: it was not recorded"),
      field("waited_s", &Summary::waited_s, "how long the run's clock stood still in front of its steps (`--step`)"),
      field("sites", &Summary::sites, "as in the journal"),
      field("services", &Summary::services, "what became of the lab's"),
      field("line_stats", &Summary::line_stats, "the `stats` of the journal, or null"),
      field("tolerance", &Summary::tolerance, "as in the journal"),
      field("warnings", &Summary::warnings,
            "those of the journal, with what is alike and all lapses in one line each, and what went astray without "
            "mattering"),
      field("escapes", &Summary::escapes, "where packets may have gone by a fault")};
};

Summary summarize(const record::Recording& recording, const record::Verdict& verdict);

/// Those that did not hold, by their rank.
std::vector<const Hypothesis*> broken_in_order(const Summary& summary);
/// A line for each that did not hold and that was not expected to break, the first thing that a reader wants to know:
/// "NAME: probe pay during room-jitter: expected p99 <= 250ms, observed p99 412 ms".
std::vector<std::string> broken_hypotheses(const Summary& summary);
/// One of them, without its name.
std::string broken_text(const Hypothesis& hypothesis);

}  // namespace faultline::report
