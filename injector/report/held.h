// Why packets that met a fault were held for longer than the fault itself asked: said where the two differ enough to
// be taken for a fault that is stronger than its plan.
#pragma once

#include <optional>
#include <string>

#include "injector/report/summary.h"

namespace faultline::report {

/// "other delays met the same packets", "packets of a flow keep their order, …"; nothing where the median hold is about
/// what was asked.
std::optional<std::string> held_longer(const Fault& fault);

}  // namespace faultline::report
