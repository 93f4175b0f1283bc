// The dry run of a plan that has been read: `explain` of a file, `inject --dry-run` of what its options say.
#pragma once

#include "injector/base/error.h"
#include "injector/plan/parse.h"

namespace faultline::cli {

/// Prints the mistakes of a plan that has some (Exit::invalid); else what it would do. `look`: with what its targets
/// are on this machine now, Exit::cannot_run when one is not found.
Exit explain_parsed(const plan::Parsed& parsed, bool as_json, bool look);

}  // namespace faultline::cli
