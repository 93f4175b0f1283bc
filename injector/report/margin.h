// The record of a search for a margin: every value that was tried, with its runs, and what came of it. margin.json is
// written after every run, so that a search that was broken off goes on from there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/base/visible_text.h"
#include "injector/plan/plan.h"
#include "injector/record/fields.h"

namespace faultline::report {

/// One run of the plan with one value.
struct MarginRun {
  double value = 0;
  std::string text, folder, verdict;
  int exit_code = 0;
  std::string tried;                ///< "held", "broken" or "unknown"
  std::vector<std::string> broken;  ///< hypotheses, or the guard that stopped it
  std::optional<double> success;    ///< the least of the probes' during the fault

  static constexpr const char* shape = "run of a margin";
  static constexpr auto fields = std::tuple{
      record::field("value", &MarginRun::value, "ns, a share, or bit/s"),
      record::field("text", &MarginRun::text, "as a plan has it"),
      record::field("folder", &MarginRun::folder, "of the run, below this one"),
      record::field("verdict", &MarginRun::verdict, "of the run"),
      record::field("exit_code", &MarginRun::exit_code, "of the run"),
      record::field("tried", &MarginRun::tried, "`held`, `broken`, or `unknown`: it is tried again"),
      record::field("broken", &MarginRun::broken, "hypotheses that did not hold, or the guard that stopped it"),
      record::field("success", &MarginRun::success, "the least share of success of a probe while the fault lasted")};
};

/// What is searched for, and in what: a search that was broken off goes on where all of it is the same.
struct MarginAsked {
  std::string plan, fingerprint, title, vary, from, to, within, options;
  std::uint64_t seed = 0;

  static constexpr auto fields = std::tuple{
      record::field("plan", &MarginAsked::plan, "the plan's path"),
      record::field("fingerprint", &MarginAsked::fingerprint, "of the plan's text, and of the files that it names"),
      record::field("title", &MarginAsked::title, "the plan's"),
      record::field("vary", &MarginAsked::vary, "the fault's value that is varied"),
      record::field("from", &MarginAsked::from, "the mild end"),
      record::field("to", &MarginAsked::to, "the severe end"),
      record::field("within", &MarginAsked::within, "how near the value that holds and the one that does not must be"),
      record::field("options", &MarginAsked::options, "what else was given to every run"),
      record::field("seed", &MarginAsked::seed, "of every run")};
};

/// The same for the same text alone, on every machine.
std::string fingerprint_of(const plan::Plan& plan);
/// What is asked for now, and was not in the search that was broken off; empty: it is the same. Seed and title aside.
std::string asked_otherwise(const MarginAsked& before, const MarginAsked& now);

struct Margin : MarginAsked {
  std::vector<MarginRun> runs;
  std::string end;  ///< "found", "none held", "all held", "unknown"; empty: it goes on
  std::optional<std::string> held, broken;

  static constexpr auto fields = std::tuple{
      record::Among<MarginAsked>{"what was asked for"},
      record::field("end", &Margin::end, "`found`, `none held`, `all held`, `unknown`; empty: it was broken off"),
      record::field("held", &Margin::held, "the severest value at which all hypotheses held"),
      record::field("broken", &Margin::broken, "the mildest at which one did not"),
      record::field("runs", &Margin::runs, "every run, in order")};
};

inline constexpr const char* kMarginFile = "margin.json";

/// Absent where the folder has none. Throws Failure(invalid) for one that is damaged.
std::optional<Margin> read_margin(const std::filesystem::path& folder);
/// margin.json and report.html.
void write_margin(const std::filesystem::path& folder, const Margin& margin);

Visible render_margin(const Margin& margin, const std::filesystem::path& folder, bool color);
/// A page: the answer, the curve of success by value, and every run with a link to its report.
std::string margin_page(const Margin& margin);

}  // namespace faultline::report
