// summary.json: the verdict and the figures behind it, for programs. Its fields are a contract: docs/summary.md.
#pragma once

#include <nlohmann/json.hpp>

#include "injector/record/recording.h"
#include "injector/record/verdict.h"

namespace faultline::record {

nlohmann::json summarize(const Recording& recording, const Verdict& verdict);

}  // namespace faultline::record
