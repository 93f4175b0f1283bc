// A plan that was looked at and not played, for those who read of it on a CI server.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/parse.h"

namespace faultline::report {

struct CheckedPlan {
  std::string plan;                        ///< as the command line named it
  std::vector<plan::Diagnostic> mistakes;  ///< empty: it is valid
  std::vector<plan::Diagnostic> lacks;     ///< what is not on this machine, where that was asked
  std::string told;                        ///< both, as people are told
};

/// A suite with a test case for each plan: a failure where it is wrong, an error where this machine lacks something.
std::string junit_xml(const std::vector<CheckedPlan>& plans);
/// Workflow commands of GitHub: an error at the place of each mistake, and of what is lacking.
std::string github_annotations(const CheckedPlan& plan);

}  // namespace faultline::report
