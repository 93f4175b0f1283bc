// From the journal to the verdict. derive() reads a run folder's journal.jsonl and nothing else, and writes
// summary.json and junit.xml beside it, so any run can be judged again. verdict.h holds the rules.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "injector/base/error.h"
#include "injector/base/visible_text.h"

namespace faultline::report {

struct Outcome {
  Exit exit = Exit::passed;
  nlohmann::json summary;
};

Outcome derive(const std::filesystem::path& folder);

/// The verdict for a terminal: hypotheses with expected and observed, faults with asked and applied, why it is not a
/// pass.
Visible render_outcome(const Outcome& outcome, const std::filesystem::path& folder, bool color);

}  // namespace faultline::report
