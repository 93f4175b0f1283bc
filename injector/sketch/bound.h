// `--bind`: an outage's faults on services of the user's own, apart from its lab. What is played is a plan like any
// other, written as text from three sources: the faults, duration and seed of the outage; targets from the command
// line; probes, hypotheses, guards and events from a second file, `--with`. Mistakes are shown where they stand: in the
// outage, in the second file or in an option (docs/decisions/0057-an-outage-on-your-own-services.md).
#pragma once

#include <string>
#include <vector>

#include "injector/plan/parse.h"

namespace faultline::sketch {

struct Bindings {
  std::vector<std::string> given;  ///< "NAME=KEY=VALUE"
  std::string with;                ///< the second file; empty: none
  bool bound_only = false;         ///< what is not bound is left out, else it is a mistake

  bool empty() const { return given.empty() && with.empty() && !bound_only; }
};

/// Reads the outage `path` and puts it on what `bindings` says. The plan's text is the one that is played. Throws
/// Failure(invalid) if a file cannot be read, or an option is malformed.
plan::Parsed parse_bound(const std::string& path, const plan::ParseOptions& options, const Bindings& bindings);

}  // namespace faultline::sketch
