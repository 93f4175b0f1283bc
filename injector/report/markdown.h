// A run for those who read it where the code is reviewed: annotations of a GitHub job, and a summary in Markdown.
#pragma once

#include <string>
#include <vector>

#include "injector/report/summary.h"

namespace faultline::report {

/// In a cell, or a line: what cannot be seen is written out, and nothing is markup.
std::string markdown_text(const std::string& text);

/// A table of hypotheses with what was expected and observed, and of faults with what was applied. GitHub's flavour.
std::string markdown(const Summary& summary);
/// A heading and a table for each arm, and a heading for each of `not_played`.
std::string markdown(const std::vector<Summary>& summaries, const std::vector<std::string>& not_played);

/// Workflow commands: an error for each hypothesis that did not come out as expected, for a guard that acted and for
/// what is not a verdict on the service; a warning for what is inconclusive. `plan` is the file that they are shown at.
/// (docs.github.com, "Workflow commands for GitHub Actions")
std::string github_annotations(const Summary& summary, const std::string& plan);
/// Of an arm that there is no record of.
std::string github_not_played(const std::string& arm, const std::string& plan);

}  // namespace faultline::report
