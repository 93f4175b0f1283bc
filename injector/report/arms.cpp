#include "injector/report/arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "injector/record/json_fields.h"
#include "injector/record/verdict.h"
#include "injector/report/junit.h"

namespace faultline::report {
namespace {

void write_arms(const std::filesystem::path& folder, const Arms& arms) {
  replace_file(folder / kArmsFile, record::json_document(record::to_json(arms)));
}

Arms read_arms(const std::filesystem::path& folder) {
  std::ifstream file(folder / kArmsFile);
  if (!file) throw Failure(Exit::invalid, fmt::format("{} has no {}", folder.string(), kArmsFile));
  try {
    return record::from_json<Arms>(nlohmann::json::parse(file));
  } catch (const nlohmann::json::exception&) {
    throw Failure(Exit::invalid, fmt::format("{} is damaged: it is not the account of arms that a run writes",
                                             (folder / kArmsFile).string()));
  }
}

ArmResult result_of(const std::string& name, const Summary& s) {
  ArmResult arm;
  arm.arm = name;
  arm.verdict = s.verdict;
  arm.exit_code = s.exit_code;
  arm.reasons = s.reasons;
  for (const auto& h : s.hypotheses) {
    if (h.expected_to_fail.value_or(false)) arm.expected_to_fail.push_back(h.name);
    if (h.held == false) arm.broken.push_back(h.name);
  }
  for (auto& broken : broken_hypotheses(s)) arm.reasons.push_back(std::move(broken));
  return arm;
}

}  // namespace

void begin_arms(const std::filesystem::path& folder, Arms arms) {
  arms.exit_code = static_cast<int>(Exit::aborted);
  arms.verdict = record::word(Exit::aborted);
  for (auto& arm : arms.arms) {
    arm.verdict = kNotPlayed;
    if (arm.exit_code == 0) arm.exit_code = static_cast<int>(Exit::aborted);
  }
  write_arms(folder, arms);
}

bool stopped_by_guard(const std::filesystem::path& folder) {
  const auto recording = record::read_recording(folder);
  return recording.stop && recording.stop->by == "guard";
}

ArmsOutcome derive_arms(const std::filesystem::path& folder) {
  ArmsOutcome outcome;
  outcome.arms = read_arms(folder);
  for (auto& arm : outcome.arms.arms) {
    const auto own = folder / arm.arm;
    Exit exit = static_cast<Exit>(
        std::clamp(arm.exit_code, static_cast<int>(Exit::inconclusive), static_cast<int>(Exit::failed)));
    if (arm.arm.find('/') == std::string::npos && std::filesystem::exists(own / "journal.jsonl")) {
      Outcome one = derive(own);
      exit = one.exit;
      arm = result_of(arm.arm, one.summary);
      if (outcome.arms.title.empty()) outcome.arms.title = one.summary.title;
      outcome.summaries.push_back(std::move(one.summary));
    } else {
      arm.verdict = kNotPlayed;
      outcome.not_played.push_back(arm.arm);
    }
    outcome.exit = record::graver(outcome.exit, exit);
  }
  const bool claimed = std::any_of(outcome.summaries.begin(), outcome.summaries.end(),
                                   [](const Summary& s) { return !s.hypotheses.empty(); });
  outcome.arms.exit_code = static_cast<int>(outcome.exit);
  outcome.arms.verdict = outcome.exit == Exit::passed && !claimed ? "completed" : record::word(outcome.exit);
  write_arms(folder, outcome.arms);
  replace_file(folder / "junit.xml", junit_xml(outcome.summaries, outcome.arms.name, outcome.not_played));
  replace_file(folder / "report.html", arms_page(outcome));
  return outcome;
}

}  // namespace faultline::report
