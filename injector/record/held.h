// Why packets that met a fault were held for longer than the fault itself asked: said where the two differ enough to
// be taken for a fault that is stronger than its plan.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace faultline::record {

/// "other delays met the same packets", "packets of a flow keep their order, …"; nothing where the median hold is about
/// what was asked. `fault` is one of a summary's.
std::optional<std::string> held_longer(const nlohmann::json& fault);

}  // namespace faultline::record
