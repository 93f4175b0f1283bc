// The plan language as a JSON Schema: editors complete and check a plan with it while it is being written. It knows
// what each table of a plan may hold; what only the whole plan can tell (a probe that a hypothesis names, a fault that
// ends after the run) is `faultline check`'s to say.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace faultline::plan {

/// In draft 7, which editors for TOML know. Each plan that the parser takes is valid by it.
nlohmann::ordered_json schema();

}  // namespace faultline::plan
