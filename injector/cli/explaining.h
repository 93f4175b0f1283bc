// The dry run of a plan that has been read: `explain` of a file, `inject --dry-run` of what its options say.
#pragma once

#include <string>

#include "injector/base/error.h"
#include "injector/plan/parse.h"

namespace faultline::cli {

/// Prints the mistakes of a plan that has some (Exit::invalid); else what it would do. `look`: with what its targets
/// are on this machine now, Exit::cannot_run when one is not found. `engine`: "tcx", "clsact", or "" for what a run
/// would take here.
Exit explain_parsed(const plan::Parsed& parsed, bool as_json, bool look, const std::string& engine);

}  // namespace faultline::cli
