// Several arms of one plan, played one after another under the same seed: each in a folder of its own below one, and
// one account of all. Made from the arms' journals, as a run's summary is.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "injector/record/fields.h"
#include "injector/report/derive.h"

namespace faultline::report {

struct ArmResult {
  std::string arm, verdict;
  int exit_code = 0;
  std::vector<std::string> expected_to_fail, broken, reasons;

  static constexpr const char* shape = "arm";
  static constexpr auto fields =
      std::tuple{record::field("arm", &ArmResult::arm, "its name, and its folder's"),
                 record::field("verdict", &ArmResult::verdict, "`not played` where it was not"),
                 record::field("exit_code", &ArmResult::exit_code, "0: it came out as expected"),
                 record::field("expected_to_fail", &ArmResult::expected_to_fail, "hypotheses that it must break"),
                 record::field("broken", &ArmResult::broken, "those that it broke"),
                 record::field("reasons", &ArmResult::reasons, "why it did not come out as expected")};
};

/// arms.json
struct Arms {
  std::string verdict;
  int exit_code = 0;
  std::string name, title;
  std::uint64_t seed = 0;
  std::vector<ArmResult> arms;

  static constexpr auto fields = std::tuple{
      record::field("verdict", &Arms::verdict, "the gravest of the arms'; `passed`: each came out as expected"),
      record::field("exit_code", &Arms::exit_code, "the exit status"),
      record::field("name", &Arms::name, "the plan's"),
      record::field("title", &Arms::title, "the plan's, for people"),
      record::field("seed", &Arms::seed, "of every arm"),
      record::field("arms", &Arms::arms, "in the plan's order")};
};

inline constexpr const char* kArmsFile = "arms.json";

inline constexpr const char* kNotPlayed = "not played";

/// Begins the account: no arm has a record. `exit_code` of each is what its process ended with, where that came to
/// none; of one that has not been played, 0 stands for that of an interrupted run.
void begin_arms(const std::filesystem::path& folder, Arms arms);
/// Whether a guard ended the run of this folder.
bool stopped_by_guard(const std::filesystem::path& folder);

struct ArmsOutcome {
  Exit exit = Exit::passed;
  Arms arms;
  std::vector<Summary> summaries;       ///< of those that were played
  std::vector<std::string> not_played;  ///< those that there is no record of
};

/// Judges every arm's journal again, and writes arms.json, junit.xml and report.html. Throws Failure(invalid) if the
/// folder has no arms.json.
ArmsOutcome derive_arms(const std::filesystem::path& folder);

/// For a terminal: what each arm made of each hypothesis.
Visible render_arms(const ArmsOutcome& outcome, const std::filesystem::path& folder, bool color);
/// One page: hypotheses and probes by arm, with a link to each arm's own report.
std::string arms_page(const ArmsOutcome& outcome);

}  // namespace faultline::report
