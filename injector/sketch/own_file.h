// The second file of a bound plan, `--with`: probes, hypotheses, guards and events that judge an outage's faults on
// services of the user's own.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/document.h"

namespace faultline::sketch {

/// Reads its text: syntax, and keys that have no place in one. Everything else the parser says, of the whole plan.
plan::Node read_own_file(const std::string& path, const std::string& text, std::vector<plan::Diagnostic>& mistakes);

}  // namespace faultline::sketch
