// Is it better now? Runs before and runs after: figures of each probe and phase that got better or worse by more than
// chance explains (bootstrap.h), and the newest of either side beside one another: what each hypothesis, fault and
// probe did.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "injector/base/visible_text.h"
#include "injector/report/bootstrap.h"
#include "injector/report/kept_run.h"
#include "injector/report/summary.h"

namespace faultline::report {

/// What is told of each run as a whole.
struct ComparedRun {
  std::string verdict;
  int exit_code = 0;
  std::string name, title, started_at;
  std::uint64_t seed = 0;
  double scale = 1, duration_s = 0;
  std::string kernel, engine, version;

  static constexpr auto fields =
      std::tuple{field("verdict", &ComparedRun::verdict, "its verdict"),
                 field("exit_code", &ComparedRun::exit_code, "its exit status"),
                 field("name", &ComparedRun::name, "the plan's"),
                 field("title", &ComparedRun::title, "the plan's, for people"),
                 field("started_at", &ComparedRun::started_at, "T0, RFC 3339 UTC"),
                 field("seed", &ComparedRun::seed, "of every random decision"),
                 field("scale", &ComparedRun::scale, "how many times shorter the timeline is"),
                 field("duration_s", &ComparedRun::duration_s, "as planned"),
                 field("kernel", &ComparedRun::kernel, "the machine's"),
                 field("engine", &ComparedRun::engine, "how programs are attached"),
                 field("version", &ComparedRun::version, "of Faultline")};
};

struct ComparedHypothesis {
  std::optional<bool> held;
  std::string expected, observed;

  static constexpr auto fields = std::tuple{field("held", &ComparedHypothesis::held, "null: it could not be judged"),
                                            field("expected", &ComparedHypothesis::expected, "in one line"),
                                            field("observed", &ComparedHypothesis::observed, "in one line")};
};

struct ComparedFault {
  std::string asked_text;
  std::uint64_t packets_matched = 0, packets_dropped = 0;
  TimeQuantiles applied_delay_us, lateness_us;

  static constexpr auto fields =
      std::tuple{field("asked_text", &ComparedFault::asked_text, "in one line"),
                 field("packets_matched", &ComparedFault::packets_matched, "as in [summary.json](summary.md)"),
                 field("packets_dropped", &ComparedFault::packets_dropped, "likewise"),
                 field("applied_delay_us", &ComparedFault::applied_delay_us, "likewise"),
                 field("lateness_us", &ComparedFault::lateness_us, "likewise")};
};

struct ComparedPhase : Latency {
  std::uint64_t sent = 0;
  std::optional<double> success;

  static constexpr auto fields =
      std::tuple{field("sent", &ComparedPhase::sent, "requests that were due in it"),
                 field("success", &ComparedPhase::success, "share of them; null: none was due"),
                 record::Among<Latency>{"of its requests"}};
};

/// What has a name in either run; absent in the run that does not have it.
template <class Side>
struct Pair {
  std::string name;
  std::optional<Side> a, b;

  static constexpr auto fields =
      std::tuple{field("name", &Pair::name, "its name"), field("a", &Pair::a, "before; null: it is not in that run"),
                 field("b", &Pair::b, "after; likewise")};
};

struct ComparedProbe {
  std::string name;
  std::vector<Pair<ComparedPhase>> phases;

  static constexpr auto fields =
      std::tuple{field("name", &ComparedProbe::name, "its name"), field("phases", &ComparedProbe::phases, "by phase")};
};

enum class Change { noise, better, worse, not_judged };
inline constexpr std::pair<Change, std::string_view> kChanges[] = {
    {Change::noise, "noise"}, {Change::better, "better"}, {Change::worse, "worse"}, {Change::not_judged, "not judged"}};
inline constexpr std::string_view word(Change change) { return record::Words<Change, kChanges>::of(change); }

}  // namespace faultline::report
template <>
struct faultline::record::WordOf<faultline::report::Change>
    : faultline::record::Words<faultline::report::Change, faultline::report::kChanges> {};
namespace faultline::report {

/// One figure of a probe, or of a target's connections, in a phase, of all runs of either side.
struct ComparedFigure {
  std::string probe, phase, figure;
  std::optional<std::string> telemetry = {};
  std::optional<double> a, b, change, low, high, p;
  Change verdict = Change::not_judged;
  std::string reason;

  static constexpr const char* shape = "figure";
  static constexpr auto fields = std::tuple{
      field("probe", &ComparedFigure::probe, "whose requests; empty: it is about connections"),
      record::seldom("telemetry", &ComparedFigure::telemetry, "of which target, then"),
      field("phase", &ComparedFigure::phase, "of which phase, or of the whole `run`"),
      field(
          "figure", &ComparedFigure::figure,
          "`success`, a share; `p50`, `p90` and `p99`, in ms, of all requests; of connections `rtt.p50` … `turns.p99`, "
          "in ms, and numbers a second: `connections.failed`, `retransmits`, `timeouts`, `resets.sent`, "
          "`resets.received`, `turns.unanswered`"),
      field("a", &ComparedFigure::a, "before; null of a latency: \"never\", so many failed"),
      field("b", &ComparedFigure::b, "after; likewise"),
      field(
          "change", &ComparedFigure::change,
          "of success: b less a; of all else: by which share b is above a; null: not known, or one is \"never\", or a "
          "is 0"),
      field("low", &ComparedFigure::low, "the change lies above this, with the given confidence; null likewise"),
      field("high", &ComparedFigure::high, "and below this"),
      field("p", &ComparedFigure::p,
            "how often chance alone would make so much of it, were two thirds of the least change true; corrected for "
            "all "
            "figures (Holm); null: not judged"),
      field("verdict", &ComparedFigure::verdict, "`better`, `worse`, `noise`, `not judged`"),
      field("reason", &ComparedFigure::reason, "why it was not judged")};
};

/// A run that was given, and does not count.
struct LeftOut {
  std::string run, side, reason;

  static constexpr auto fields =
      std::tuple{field("run", &LeftOut::run, "as it was given"), field("side", &LeftOut::side, "`a` or `b`"),
                 field("reason", &LeftOut::reason, "why")};
};

struct Comparison {
  ComparedRun a, b;
  std::vector<Pair<ComparedHypothesis>> hypotheses;
  std::vector<Pair<ComparedFault>> faults;
  std::vector<ComparedProbe> probes;
  std::vector<std::string> remarks;
  Change verdict = Change::not_judged;
  int exit_code = 0;
  std::string told;
  double confidence = 0, least_change = 0;
  std::size_t runs_a = 0, runs_b = 0;
  std::vector<LeftOut> left_out;
  std::vector<ComparedFigure> figures;

  static constexpr auto fields = std::tuple{
      field("verdict", &Comparison::verdict,
            "`worse`: at least one figure is; `better`: one is, and none is worse; `noise`; `not judged`: none was"),
      field("exit_code", &Comparison::exit_code, "the exit status: 1 worse, 2 not judged, else 0"),
      field("told", &Comparison::told, "the answer in one line"),
      field("confidence", &Comparison::confidence, "false alarms in equal runs are rarer than 1 less this"),
      field("least_change", &Comparison::least_change, "what changed by less is noise"),
      field("runs_a", &Comparison::runs_a, "how many count, before"),
      field("runs_b", &Comparison::runs_b, "after"),
      field("left_out", &Comparison::left_out, "runs that do not count"),
      field("figures", &Comparison::figures, "every figure that both sides have"),
      field("a", &Comparison::a, "the last run before, whether it counts or not"),
      field("b", &Comparison::b, "the last run after"),
      field("hypotheses", &Comparison::hypotheses, "of these two"),
      field("faults", &Comparison::faults, "of these two"),
      field("probes", &Comparison::probes, "of these two"),
      field("remarks", &Comparison::remarks, "why a comparison may mislead")};
};

/// Neither side is empty. Runs that are no measurement (inconclusive, aborted, failed, interrupted) do not count.
Comparison compare(const std::vector<KeptRun>& before, const std::vector<KeptRun>& after,
                   const CompareRules& rules = {});

/// Whom a figure is about: "pay", "web's connections".
std::string whose_text(const ComparedFigure& figure);
/// A figure's value on one side, as people read it: "99.8%", "412 ms", "never", "3.2/s".
std::string figure_value(const ComparedFigure& figure, const std::optional<double>& value);
/// "+24%", "-4.2 points"; empty where there is none.
std::string change_text(const ComparedFigure& figure, const std::optional<double>& change);
/// "p99 412 ms -> 510 ms, +24%"
std::string figure_text(const ComparedFigure& figure);

/// For a terminal; the first line is the answer.
Visible render_comparison(const Comparison& comparison);
/// For a comment on a pull request.
std::string comparison_markdown(const Comparison& comparison);
/// A page that opens offline.
std::string comparison_page(const Comparison& comparison);

}  // namespace faultline::report
