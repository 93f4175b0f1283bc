// The dry run of a plan that has been read: `explain` of a file, `inject --dry-run` of what its options say.
#pragma once

#include "injector/base/error.h"
#include "injector/plan/parse.h"

namespace faultline::cli {

/// Prints the mistakes of a plan that has some (Exit::invalid); else what it would do. Exit::cannot_run when a target
/// is not found on this machine.
Exit explain_parsed(const plan::Parsed& parsed, bool as_json);

}  // namespace faultline::cli
