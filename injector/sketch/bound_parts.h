// What a bound plan is put together of: an outage's faults, as they are bound by now, and of its own what goes with
// them; targets from the command line; and the second file.
#pragma once

#include <string>
#include <vector>

#include "injector/plan/document.h"
#include "injector/plan/parse.h"
#include "injector/sketch/bound.h"
#include "injector/sketch/cast.h"
#include "injector/sketch/parts.h"

namespace faultline::sketch {

/// All that is read by then.
struct BoundSources {
  const plan::Plan& outage;
  const plan::Node& document;  ///< the outage's text
  const plan::Node& own;       ///< the second file's; empty: there is none
  const std::vector<Stand>& stands;
  const std::vector<plan::Node>& faults;  ///< bound
  const Cast& cast;
  const Bindings& bindings;
  const plan::ParseOptions& options;
};

/// In the order in which a plan is written. Names that do not go together are noted as mistakes.
Parts put_together(const BoundSources& sources, std::vector<plan::Diagnostic>& mistakes);

}  // namespace faultline::sketch
