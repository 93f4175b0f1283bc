// From the journal to the verdict. derive() judges by a run folder's journal.jsonl and nothing else, and
// writes summary.json, junit.xml and report.html beside it, so any run can be judged again. The report shows the plan
// and what services wrote, where these are there. verdict.h holds the rules.
#pragma once

#include <filesystem>

#include "injector/base/error.h"
#include "injector/base/visible_text.h"
#include "injector/report/summary.h"

namespace faultline::report {

struct Outcome {
  Exit exit = Exit::passed;
  Summary summary;
};

Outcome derive(const std::filesystem::path& folder);

/// Writes a file under another name first, so that a reader sees the old one or the new one, never a half.
void replace_file(const std::filesystem::path& path, const std::string& text);

/// A summary.json as it stands, of whatever version. Throws Failure(invalid) where it is none.
Summary read_summary(const std::filesystem::path& file);

/// The verdict for a terminal: hypotheses with expected and observed, faults with asked and applied, why it is not a
/// pass.
Visible render_outcome(const Outcome& outcome, const std::filesystem::path& folder, bool color);

}  // namespace faultline::report
